import GatewayModel

/// `redirectScheme`: redirects to another scheme or port, and lets through what is there already.
///
/// The scheme that the client used is what `X-Forwarded-Proto` says, which is the gateway's own word unless a trusted
/// peer sent it; `ws` counts as `http`, `wss` as `https`. A port that is the scheme's own is left out, and without
/// `port` the client's port is dropped, since it belongs to the other scheme.
/// Source: Traefik v3 pkg/middlewares/redirect/redirect_scheme.go.
final class RedirectSchemeLink: Middleware {
  private let scheme: [UInt8]
  private let port: [UInt8]
  private let permanently: Bool

  init(_ configuration: RedirectScheme) throws(MiddlewareMistake) {
    let name = configuration.scheme
    guard let first = name.utf8.first, lowercased(first) &- 0x61 < 26,
      name.utf8.allSatisfy({ ByteClass.unreserved.contains($0) && $0 != 0x5F && $0 != 0x7E || $0 == 0x2B })
    else { throw MiddlewareMistake("you must provide a target scheme") }
    scheme = Array(name.utf8)
    switch (name, configuration.port) {
    case (_, nil), ("http", 80), ("https", 443): port = []
    case (_, let port?): self.port = Array(String(port).utf8)
    }
    permanently = configuration.permanent
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    let isSecure = Self.isSecure(head, exchange.connection)
    var (host, asked) = head.hostAndPort
    if equal(head.bytes(asked), isSecure ? "443" : "80") { asked = .empty }
    let isThere = scheme.elementsEqual(isSecure ? "https".utf8 : "http".utf8)
    if isThere && head.bytes(asked).elementsEqual(port) { return .go }
    guard !host.isEmpty else { return .reject(.redirectWithoutHost) }
    return .answer(
      Redirection.answer(to: location(head, host), permanently: permanently, method: head.method))
  }

  private static func isSecure(_ head: RequestHead, _ connection: ConnectionInfo?) -> Bool {
    if let forwarded = head.value(of: .xForwardedProto) {
      let text = head.bytes(forwarded)
      if equalIgnoringCase(text, "https") || equalIgnoringCase(text, "wss") { return true }
      if equalIgnoringCase(text, "http") || equalIgnoringCase(text, "ws") { return false }
    }
    return connection?.isTLS == true
  }

  private func location(_ head: RequestHead, _ host: ByteRange) -> [UInt8] {
    var location = scheme
    location.reserveCapacity(scheme.count + host.count + head.targetBytes + 10)
    location.append(contentsOf: "://".utf8)
    location.append(contentsOf: head.bytes(host))
    if !port.isEmpty {
      location.append(UInt8(ascii: ":"))
      location.append(contentsOf: port)
    }
    if head.hasPath { location.append(contentsOf: head.bytes(head.path)) }
    if head.hasQuery {
      location.append(UInt8(ascii: "?"))
      location.append(contentsOf: head.bytes(head.query))
    }
    return location
  }
}
