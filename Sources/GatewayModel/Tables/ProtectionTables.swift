/// The keys of the middlewares that protect a service.
///
/// Source: Traefik v3.7, pkg/config/dynamic/middlewares.go, for what is not marked as ours; sony/gobreaker v2 for the
/// breaker's count form.

extension CircuitBreaker: ConfigurationRecord {
  static let table = ConfigurationTable<CircuitBreaker>(
    "CircuitBreaker",
    "Keeps requests from a service that fails: by an expression, as Traefik does, or by counts, as sony/gobreaker does.",
    [
      .key(
        "expression", \.expression, .optional(.breakerExpression), default: "by counts",
        "When to open: NetworkErrorRatio(), LatencyAtQuantileMS(q), ResponseCodeRatio(from, to, dividedByFrom, "
          + "dividedByTo) and RequestCount(), compared and joined by && and ||."),
      .key("checkPeriod", \.checkPeriod, .duration, "How often the expression is looked at."),
      .key(
        "fallbackDuration", \.fallbackDuration, .duration, "With an expression: how long the breaker stays open."),
      .key(
        "recoveryDuration", \.recoveryDuration, .duration,
        "With an expression: how long requests are let through in growing number before it closes."),
      .key("responseCode", \.responseCode, .status, "The status of refused requests."),
      .key(
        "maxRequests", \.maxRequests, .integer(0...1_000_000), ours: true,
        "By counts: requests let through half-open, and successes in a row that close it. 0 is 1."),
      .key(
        "interval", \.interval, .duration, ours: true,
        "By counts: after this long a closed breaker forgets; 0: never."),
      .key(
        "timeout", \.timeout, .duration, ours: true,
        "By counts: how long the breaker is open before it is half-open. 0 is 60s."),
      .key(
        "consecutiveFailures", \.consecutiveFailures, .optional(.integer(1...1_000_000)), ours: true,
        default: "6, if failureRatio is not written", "By counts: failures in a row that open it."),
      .key(
        "failureRatio", \.failureRatio, .optional(.ratio), ours: true, default: "not by ratio",
        "By counts: failures over finished requests that open it."),
      .key(
        "minimumRequests", \.minimumRequests, .count, ours: true,
        "Finished requests below which neither failureRatio nor expression is looked at."),
      .key(
        "failureStatus", \.failureStatus, .lists(of: .statuses), ours: true, default: "[500-599]",
        "By counts: statuses of a server that are failures. That no server answers always is one."),
      .key(
        "fallback", \.fallback, .optional(.record()), ours: true, default: "a problem with responseCode",
        "What refused requests get instead."),
      .key("exposeState", \.exposeState, .boolean, ours: true, "Whether answers that pass tell the state as well."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be refused and refuses nothing."),
    ])
}

extension BreakerFallback: ConfigurationRecord {
  static let table = ConfigurationTable<BreakerFallback>(
    "BreakerFallback", "What an open breaker gives: another service's answer, or a fixed one.",
    [
      .key("service", \.service, .optional(.reference("service")), ours: true, "The service that answers instead."),
      .key("status", \.status, .status, ours: true, "The status of a fixed answer."),
      .key("headers", \.headers, .fields, ours: true, "The headers of a fixed answer."),
      .key("body", \.body, .string, ours: true, "The body of a fixed answer."),
    ])
}

extension ValueFormat<BreakerExpression> {
  /// Mistakes inside an expression have their own places.
  static var breakerExpression: Self {
    let expected = "an expression such as NetworkErrorRatio() > 0.3"
    return Self(.string(expectation: expected, pattern: nil), text: { "\"\($0)\"" }) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      do throws(ExpressionMistake) {
        return try BreakerExpression.parse(scalar.text)
      } catch {
        decoding.note(
          .error, .expression, at: decoding.text.position(inside: node, offset: error.offset),
          "\(decoding.path): \(error.what)", expected: error.expected, suggestion: error.suggestion)
        return nil
      }
    }
  }
}

extension ValueFormat<Double> {
  /// From 0, which is not included, to 1.
  static var ratio: Self {
    scalar(.string(expectation: "a ratio over 0 and up to 1, such as 0.5", pattern: nil)) { text in
      Double(text).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil }
    }
  }
}
