import GatewayModel
import Observability
import ResiliencePolicies

/// Makes the links that protect a service. They share their state with the links of other routers, and with those of
/// the Snapshot before, by way of the context; outside a chain, which only tests are, each stands for itself.
extension MiddlewareCompiler {
  static func circuitBreaker(
    _ configuration: CircuitBreaker, _ name: String, _ context: Context
  ) throws(MiddlewareMistake) -> any Middleware {
    var breaker: Breaker?
    if case .breaker(let shared) = context.policy { breaker = shared }
    return try CircuitBreakerLink(
      configuration, breaker: breaker ?? Breaker(BreakerSettings(configuration)),
      fallback: configuration.fallback?.service.flatMap { context.service($0) },
      series: context.metrics?.policy("circuitBreaker", middleware: name))
  }

  static func retry(_ configuration: Retry, _ name: String, _ context: Context) -> any Middleware {
    var budget: RetryBudget?
    if case .retry(let shared) = context.policy { budget = shared }
    return RetryLink(
      configuration, budget: budget ?? RetryBudget(ratio: configuration.budgetRatio, floor: configuration.budgetFloor),
      series: context.metrics?.policy("retry", middleware: name))
  }

  static func hedge(_ configuration: Hedge, _ name: String, _ context: Context) -> any Middleware {
    var delay: HedgeDelay?
    var budget: RetryBudget?
    if case .hedge(let sharedDelay, let sharedBudget) = context.policy {
      delay = sharedDelay
      budget = sharedBudget
    }
    return HedgeLink(
      configuration,
      delay: delay
        ?? HedgeDelay(percentile: configuration.percentile, fixedNanoseconds: configuration.delay.nanoseconds),
      budget: budget ?? RetryBudget(ratio: configuration.budgetRatio, floor: configuration.budgetFloor),
      series: context.metrics?.policy("hedge", middleware: name))
  }

  static func adaptiveConcurrency(
    _ configuration: AdaptiveConcurrency, _ name: String, _ context: Context
  ) -> any Middleware {
    var limiter: ConcurrencyLimiter?
    if case .concurrency(let shared) = context.policy { limiter = shared }
    return AdaptiveConcurrencyLink(
      configuration, limiter: limiter ?? ConcurrencyLimiter(configuration, stripes: 1, now: 0),
      series: context.metrics?.policy("adaptiveConcurrency", middleware: name))
  }
}

extension ConcurrencyLimiter {
  convenience init(_ configuration: AdaptiveConcurrency, stripes: Int, now: UInt64) {
    self.init(
      initial: configuration.initialLimit,
      limits: configuration.minLimit...max(configuration.minLimit, configuration.maxLimit),
      tolerance: configuration.tolerance, windowNanoseconds: configuration.window.nanoseconds, stripes: stripes,
      now: now)
  }
}
