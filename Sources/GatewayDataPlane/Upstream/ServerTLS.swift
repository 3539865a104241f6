import Identity
import NIOSSL

/// TLS towards a server.
final class ServerTLS: Sendable {
  /// The contexts differ in what they offer by ALPN: HTTP/1.1 alone, or HTTP/2 before it.
  struct Contexts: Sendable {
    let http1: NIOSSLContext
    let negotiating: NIOSSLContext
  }

  enum Way: Sendable {
    /// The server is checked by its name and `rootCAs`.
    case certificates(Contexts)
    /// The server is checked by its SVID, and the gateway shows its own.
    case identity(IdentityContexts, PeerCheck)
  }

  private let way: Way
  /// The name for SNI, and where names are checked for that; nil for a literal address without `serverName`.
  let name: String?

  init(_ way: Way, name: String?) {
    self.way = way
    self.name = name
  }

  /// The handler of one connection.
  ///
  /// - Parameter refused: called inside the handshake when the server's SVID is not taken.
  /// - Throws: `SVIDRefusal.noIdentity`, and what the TLS library says of the name.
  func handler(_ wire: ServerWire, refused: @escaping (SVIDRefusal) -> Void) throws -> NIOSSLClientHandler {
    switch way {
    case .certificates(let contexts):
      let context = wire == .http1 ? contexts.http1 : contexts.negotiating
      return try NIOSSLClientHandler(context: context, serverHostname: name)
    case .identity(let contexts, let check):
      let made = try contexts.current(WallClock.seconds())
      return try NIOSSLClientHandler(
        context: wire == .http1 ? made.http1 : made.negotiating, serverHostname: name,
        customVerificationCallback: check.callback { if case .failure(let refusal) = $0 { refused(refusal) } })
    }
  }
}
