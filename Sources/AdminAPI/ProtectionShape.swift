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

  private static func duration(_ value: Duration) -> JSON { .string(GoText.duration(value)) }
}
