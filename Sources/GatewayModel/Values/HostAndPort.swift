/// A host with a port, as stores are named: `redis:6379`, `127.0.0.1:6379`, `[::1]:6379`.
public struct HostAndPort: Sendable, Equatable {
  public let host: String
  public let port: UInt16

  /// Nil for anything else; the port is required.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard IPAddress(host) != nil else { return nil }
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || "/@".contains($0) }) else { return nil }
    self.host = String(host)
    self.port = port
  }
}
