import GatewayModel

/// `stripPrefixRegex`: cuts the first expression's match off the start of the path and tells the server in
/// `X-Forwarded-Prefix`.
///
/// The expressions see the path as rules do, decoded but for reserved characters. The field holds what was cut off as
/// the client sent it: decoded bytes are not fit for a field. A match elsewhere than at the start counts as none.
/// Source: Traefik v3 pkg/middlewares/stripprefixregex.
final class StripPrefixRegexLink: Middleware {
  private let expressions: [RegularExpression]

  init(_ configuration: StripPrefixRegex) throws(MiddlewareMistake) {
    var expressions: [RegularExpression] = []
    for pattern in configuration.regex { expressions.append(try MiddlewareText.expression(pattern)) }
    self.expressions = expressions
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard head.hasPath else { return .go }
    for expression in expressions {
      guard let match = expression.firstMatchRange(in: head.bytes(head.routingPath)), match.lowerBound == 0,
        !match.isEmpty, let offset = head.rawOffset(ofRouted: match.upperBound)
      else { continue }
      let prefix = ByteRange(offset: head.path.start, length: offset)
      if let rejection = head.stripPath(first: offset) { return .reject(rejection) }
      head.add("X-Forwarded-Prefix", id: .xForwardedPrefix, value: prefix)
      return .go
    }
    return .go
  }
}
