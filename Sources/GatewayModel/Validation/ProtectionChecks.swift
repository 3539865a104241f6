/// What has to fit together in the middlewares that protect a service.
extension Validation {
  /// Keys that only one of a breaker's two forms has.
  private static let expressionKeys = ["checkPeriod", "fallbackDuration", "recoveryDuration"]
  private static let countKeys = [
    "maxRequests", "interval", "timeout", "consecutiveFailures", "failureRatio", "failureStatus",
  ]

  mutating func check(_ breaker: CircuitBreaker, of name: String, at path: ConfigurationPath) {
    // An expression that cannot be read is one all the same.
    let isExpression = breaker.expression != nil || isWritten(path.key("expression"))
    for key in isExpression ? Self.countKeys : Self.expressionKeys where isWritten(path.key(key)) {
      note(
        .conflict, at: path.key(key),
        isExpression
          ? "\(path) opens by an expression, and \(key) is of a breaker that opens by counts"
          : "\(path) opens by counts, and \(key) is of a breaker that opens by an expression",
        expected: isExpression ? "\(key) or expression, not both" : "expression beside it", key: true)
    }
    if let period = breaker.expression.map({ _ in breaker.checkPeriod }), period <= .zero {
      note(.wrongValue, at: path.key("checkPeriod"), "\(path) is never looked at", expected: "a duration over 0s")
    }
    guard let fallback = breaker.fallback else { return }
    check(fallback, of: name, at: path.key("fallback"))
  }

  /// Traefik refuses a retry that can never be as well.
  mutating func check(_ retry: Retry, at path: ConfigurationPath) {
    if retry.disableRetryOnNetworkError, retry.status.isEmpty, !isWritten(path.key("status")) {
      note(
        .conflict, at: path.key("disableRetryOnNetworkError"), "\(path) tries nothing again",
        expected: "status beside it",
        key: true)
    }
  }

  mutating func check(_ limit: AdaptiveConcurrency, at path: ConfigurationPath) {
    if limit.minLimit > limit.maxLimit {
      let key = isWritten(path.key("minLimit")) ? "minLimit" : "maxLimit"
      note(
        .wrongValue, at: path.key(key),
        "\(path) has the least limit \(limit.minLimit) and the greatest \(limit.maxLimit)",
        expected: "minLimit not over maxLimit")
    }
    if limit.window < .milliseconds(10) {
      note(.wrongValue, at: path.key("window"), "\(path) has too short a window", expected: "10ms or more")
    }
  }

  private mutating func check(_ fallback: BreakerFallback, of name: String, at path: ConfigurationPath) {
    guard let service = fallback.service else { return }
    checkReference(service, to: .services, at: path.key("service"))
    if unusable[.services]?.contains(service) == true { unusable[.middlewares, default: []].insert(name) }
    for key in ["status", "headers", "body"] where isWritten(path.key(key)) {
      note(
        .conflict, at: path.key(key), "\(path) has a service, and \(key) is of a fixed answer",
        expected: "service or a fixed answer, not both", key: true)
    }
  }
}
