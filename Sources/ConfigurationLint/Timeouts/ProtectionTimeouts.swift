import GatewayModel

/// Timeouts of middlewares and probes for the tables.
extension TimeoutTableBuilder {
  /// What the middlewares of the chain say about the exchange.
  func exchange(_ view: RouterView) -> [TimeoutInForce] {
    view.steps.flatMap { step -> [TimeoutInForce] in
      let path = ConfigurationPath.middleware(step.name)
      func row(_ section: String, _ key: String, _ meaning: String, _ value: Duration?) -> TimeoutInForce {
        TimeoutInForce(
          .exchange, of: step.name, "\(section).\(key)", meaning, value,
          origin(path.key(section).key(key), "middleware"))
      }
      switch step.middleware {
      case .circuitBreaker(let breaker) where breaker.expression != nil:
        return [
          row("circuitBreaker", "checkPeriod", "between two looks at the expression", breaker.checkPeriod),
          row("circuitBreaker", "fallbackDuration", "the breaker stays open", breaker.fallbackDuration),
          row("circuitBreaker", "recoveryDuration", "then requests pass in growing number", breaker.recoveryDuration),
        ]
      case .circuitBreaker(let breaker):
        return [
          row("circuitBreaker", "interval", "a closed breaker forgets its counts", breaker.interval.bound),
          row("circuitBreaker", "timeout", "the breaker stays open", breaker.openTime.value),
        ]
      default:
        return []
      }
    }
  }
}
