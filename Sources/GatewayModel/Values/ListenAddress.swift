/// Where an entry point or the admin server listens: `[host]:port`, as Traefik's `address`.
///
/// An empty host means every address of the machine. Port 0 asks the system for a free port, which tests use.
public struct ListenAddress: Sendable, Hashable {
  /// A host name or an address without brackets; empty for all.
  public var host: String
  /// The TCP port.
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Parses `:80`, `127.0.0.1:80`, `[::1]:80`, `localhost:80`, each with an optional `/tcp`.
  /// `/udp` is not for this type: see `isUDP`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, parts[1].lowercased() != "tcp" { return nil }
    let authority = parts[0]
    guard let colon = authority.lastIndex(of: ":") else { return nil }
    let digits = authority[authority.index(after: colon)...]
    guard let port = Self.port(digits) else { return nil }
    var host = authority[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
      host = host.dropFirst().dropLast()
      guard let address = IPAddress(host), host.contains(":") else { return nil }
      _ = address
    } else if !host.isEmpty, IPAddress(host) == nil || host.contains(":") {
      guard Self.isHostName(host) else { return nil }
    }
    self.init(host: String(host), port: port)
  }

  /// Whether a text names a UDP address, which Traefik has and Sluice has not.
  public static func isUDP(_ text: some StringProtocol) -> Bool { text.lowercased().hasSuffix("/udp") }

  static func port(_ digits: some StringProtocol) -> UInt16? {
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt16(digits)
  }

  /// Whether a text can be a DNS name or a host of a container network: labels of letters, digits, `-` and `_`.
  static func isHostName(_ text: some StringProtocol) -> Bool {
    guard text.utf8.count <= 253 else { return false }
    var labels = text.split(separator: ".", omittingEmptySubsequences: false)
    if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
    return labels.allSatisfy { label in
      (1...63).contains(label.utf8.count)
        && label.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }
  }
}

extension ListenAddress: CustomStringConvertible {
  /// The form `init` parses.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
