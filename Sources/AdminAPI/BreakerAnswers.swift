import Observability

/// `/health/breaker_metrics`: every circuit breaker, for Prometheus or as JSON.
///
/// The text is the part of `/metrics` that is about breakers, so that a scraper or a person with curl may ask for it
/// alone. JSON, when `Accept` asks for it, says what a gauge cannot: how long a state still lasts and the counts of the
/// present generation.
struct BreakerAnswers {
  let sources: AdminSources

  static let prefix = "sluice_circuit_breaker_"

  func json() -> AdminAnswer { .json(.array(sources.breakers().map(Self.json))) }

  private static func json(_ breaker: BreakerStatus) -> JSON {
    .object([
      ("middleware", .string(breaker.middleware)), ("service", .string(breaker.service)),
      ("state", .string(breaker.state)), ("stateNumber", .integer(breaker.stateNumber)),
      ("shadow", .boolean(breaker.isShadow)), ("generation", .integer(breaker.generation)),
      ("secondsLeft", breaker.secondsLeft.map { .number($0) }),
      ("counts", .object(breaker.counts.map { ($0.name, .integer($0.value)) })),
      ("transitions", .object(breaker.transitions.map { ($0.state, .integer($0.count)) })),
      ("results", .object(breaker.results.map { ($0.result, .integer($0.count)) })),
    ])
  }
}
