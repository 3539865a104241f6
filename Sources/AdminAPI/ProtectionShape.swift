import GatewayModel

/// The middlewares that protect a service, in the shape of Traefik's API; keys of ours beside Traefik's.
enum ProtectionShape {
  static func circuitBreaker(_ value: CircuitBreaker) -> JSON {
    let form: [(String, JSON?)] =
      value.expression.map { expression in
        [
          ("expression", .string(expression.description)), ("checkPeriod", duration(value.checkPeriod)),
          ("fallbackDuration", duration(value.fallbackDuration)),
          ("recoveryDuration", duration(value.recoveryDuration)),
        ]
      } ?? [
        ("maxRequests", .integer(value.maxRequests)), ("interval", duration(value.interval)),
        ("timeout", duration(value.timeout)), ("consecutiveFailures", value.consecutiveFailures.map { .integer($0) }),
        ("failureRatio", value.failureRatio.map { .number($0) }),
        ("failureStatus", .strings(orNothing: value.failureStatus.map(\.description))),
      ]
    return .object(
      form + [
        ("responseCode", .integer(value.responseCode)),
        ("minimumRequests", value.minimumRequests == 0 ? nil : .integer(value.minimumRequests)),
        ("fallback", value.fallback.map(fallback)), ("exposeState", .boolean(orNothing: value.exposeState)),
        ("shadow", .boolean(orNothing: value.shadow)),
      ])
  }

  private static func fallback(_ value: BreakerFallback) -> JSON {
    if let service = value.service { return .object([("service", .string(service))]) }
    return .object([
      ("status", .integer(value.status)), ("headers", MiddlewareShape.fields(value.headers)),
      ("body", .string(orNothing: value.body)),
    ])
  }

  static func retry(_ value: Retry) -> JSON {
    .object([
      ("attempts", .integer(value.attempts)),
      ("initialInterval", value.initialInterval > .zero ? duration(value.initialInterval) : nil),
      ("timeout", value.timeout > .zero ? duration(value.timeout) : nil),
      ("maxRequestBodyBytes", .integer(value.maxRequestBodyBytes)),
      ("status", .strings(orNothing: value.status.map(\.description))),
      ("disableRetryOnNetworkError", .boolean(orNothing: value.disableRetryOnNetworkError)),
      ("retryNonIdempotentMethod", .boolean(orNothing: value.retryNonIdempotentMethod)),
      ("budgetRatio", .number(value.budgetRatio)), ("budgetFloor", .integer(value.budgetFloor)),
      ("shadow", .boolean(orNothing: value.shadow)),
    ])
  }

  static func hedge(_ value: Hedge) -> JSON {
    .object([
      ("percentile", value.delay > .zero ? nil : .number(value.percentile)),
      ("delay", value.delay > .zero ? duration(value.delay) : nil), ("budgetRatio", .number(value.budgetRatio)),
      ("budgetFloor", .integer(value.budgetFloor)), ("shadow", .boolean(orNothing: value.shadow)),
    ])
  }

  static func timeout(_ value: Timeout) -> JSON {
    .object([
      ("duration", duration(value.duration)), ("header", .string(value.header)),
      ("shadow", .boolean(orNothing: value.shadow)),
    ])
  }

  static func adaptiveConcurrency(_ value: AdaptiveConcurrency) -> JSON {
    .object([
      ("initialLimit", .integer(value.initialLimit)), ("minLimit", .integer(value.minLimit)),
      ("maxLimit", .integer(value.maxLimit)), ("tolerance", .number(value.tolerance)),
      ("window", duration(value.window)), ("shadow", .boolean(orNothing: value.shadow)),
    ])
  }

  private static func duration(_ value: Duration) -> JSON { .string(GoText.duration(value)) }
}
