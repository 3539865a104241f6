/// The URL of a server behind a service: scheme, host, port, and a base path when `preservePath` is wanted.
///
/// Traefik hands the text to Go's `url.Parse`, which accepts nearly anything and lets the first request fail.
/// This parser takes only what a connection can be made from, so a slip shows when the file is checked.
public struct ServerURL: Sendable, Hashable {
  /// How the connection is made. `h2c` is HTTP/2 without TLS.
  public enum Scheme: String, Sendable, Hashable, CaseIterable {
    case http, https, h2c
  }

  public var scheme: Scheme
  /// A name in lower case, or an address without brackets.
  public var host: String
  /// The port, that of the scheme when none was written.
  public var port: UInt16
  /// The path with its query, as written; empty when none was written.
  public var path: String

  /// A URL with neither fragment nor user.
  public init(scheme: Scheme, host: String, port: UInt16, path: String = "") {
    self.scheme = scheme
    self.host = host
    self.port = port
    self.path = path
  }

  /// Parses `scheme://host[:port][/path]`. Nil when the text is anything else.
  public init?(_ text: some StringProtocol) {
    guard let mark = text.utf8.firstIndex(of: UInt8(ascii: ":")),
      let scheme = Scheme(rawValue: text[..<mark].lowercased())
    else { return nil }
    var rest = text[text.index(after: mark)...]
    guard rest.hasPrefix("//") else { return nil }
    rest = rest.dropFirst(2)
    // A path is sent on the wire: only visible ASCII, no fragment.
    guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }) else { return nil }
    let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex
    var authority = rest[..<slash]
    let path = String(rest[slash...])
    guard !authority.contains("@") else { return nil }

    var port: UInt16 = scheme == .https ? 443 : 80
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      guard let parsed = ListenAddress.port(authority[authority.index(after: colon)...]), parsed > 0 else { return nil }
      port = parsed
      authority = authority[..<colon]
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") {
      authority = authority.dropFirst().dropLast()
      guard authority.contains(":"), IPAddress(authority) != nil else { return nil }
    } else {
      guard ListenAddress.isHostName(authority) else { return nil }
    }
    self.init(scheme: scheme, host: authority.lowercased(), port: port, path: path)
  }

  /// `host:port` as a `Host` field carries it: the port only when it is not the scheme's own.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (scheme == .https ? 443 : 80) ? name : "\(name):\(port)"
  }
}

extension ServerURL: CustomStringConvertible {
  /// The URL, the port left out when it is the scheme's own.
  public var description: String { "\(scheme.rawValue)://\(authority)\(path)" }
}
