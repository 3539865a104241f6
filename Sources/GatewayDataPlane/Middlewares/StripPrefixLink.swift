import GatewayModel

/// `stripPrefix`: cuts the first prefix that fits off the path and tells the server which in `X-Forwarded-Prefix`.
///
/// A prefix fits when the path begins with its bytes, at a slash or not, as in Traefik: `/foo` makes `/bar` of
/// `/foobar`. Encoded unreserved characters are the same as plain ones, an encoded slash is no slash; the bytes that
/// are cut off are those that fitted. Source: Traefik v3 pkg/middlewares/stripprefix.
final class StripPrefixLink: Middleware {
  private struct Prefix: Sendable {
    /// Compared with the routing path.
    let routed: [UInt8]
    /// As the field's value.
    let field: [UInt8]
  }

  private let prefixes: [Prefix]

  init(_ configuration: StripPrefix) {
    prefixes = configuration.prefixes.map { text in
      let trimmed = MiddlewareText.trimmed(text)
      return Prefix(routed: PathText.routed(trimmed), field: PathText.encoded(trimmed))
    }
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard head.hasPath else { return .go }
    for prefix in prefixes where head.bytes(head.routingPath).starts(with: prefix.routed) {
      guard let offset = head.rawOffset(ofRouted: prefix.routed.count) else { continue }
      if let rejection = head.stripPath(first: offset) { return .reject(rejection) }
      head.add("X-Forwarded-Prefix", id: .xForwardedPrefix, value: head.append(prefix.field))
      return .go
    }
    return .go
  }
}
