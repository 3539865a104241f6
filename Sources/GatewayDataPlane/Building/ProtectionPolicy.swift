import GatewayModel
import Observability
import ResiliencePolicies

/// The state of one protection of one service.
enum ProtectionPolicy: Sendable {
  case breaker(Breaker)
  case retry(RetryBudget)
  case hedge(HedgeDelay, RetryBudget)
  case concurrency(ConcurrencyLimiter)

  /// Nil for what is no protection, or keeps nothing.
  init?(_ configuration: GatewayModel.Middleware, stripes: Int, now: UInt64) {
    switch configuration {
    case .circuitBreaker(let breaker): self = .breaker(Breaker(BreakerSettings(breaker), stripes: stripes, now: now))
    case .retry(let retry): self = .retry(RetryBudget(ratio: retry.budgetRatio, floor: retry.budgetFloor, now: now))
    case .hedge(let hedge):
      self = .hedge(
        HedgeDelay(percentile: hedge.percentile, fixedNanoseconds: hedge.delay.nanoseconds, stripes: stripes),
        RetryBudget(ratio: hedge.budgetRatio, floor: hedge.budgetFloor, now: now))
    case .adaptiveConcurrency(let limit):
      self = .concurrency(ConcurrencyLimiter(limit, stripes: stripes, now: now))
    default: return nil
    }
  }

  /// What is kept when `old` becomes `new`: the same, as long as the settings that it depends on are. Shadow mode and
  /// what a refused request gets may change under it.
  func kept(from old: GatewayModel.Middleware, _ new: GatewayModel.Middleware) -> ProtectionPolicy? {
    switch (old, new) {
    case (.circuitBreaker(let old), .circuitBreaker(let new)):
      BreakerSettings(old) == BreakerSettings(new) ? self : nil
    case (.retry(let old), .retry(let new)):
      old.budgetRatio == new.budgetRatio && old.budgetFloor == new.budgetFloor ? self : nil
    case (.hedge(let old), .hedge(let new)): Self.isSame(old, new) ? self : nil
    case (.adaptiveConcurrency(let old), .adaptiveConcurrency(let new)): Self.isSame(old, new) ? self : nil
    default: nil
    }
  }

  private static func isSame(_ old: Hedge, _ new: Hedge) -> Bool {
    var old = old
    old.shadow = new.shadow
    return old == new
  }

  private static func isSame(_ old: AdaptiveConcurrency, _ new: AdaptiveConcurrency) -> Bool {
    var old = old
    old.shadow = new.shadow
    return old == new
  }

  /// What it has learned or has left, for metrics.
  func gauges(now: UInt64) -> [(kind: ProtectionGauge.Kind, value: Double)] {
    switch self {
    case .breaker: []
    case .retry(let budget): [(.retryBudget, Double(budget.available(now: now)))]
    case .hedge(let delay, _): [(.hedgeDelay, Double(delay.nanoseconds) / 1e9)]
    case .concurrency(let limiter):
      [
        (.concurrencyLimit, Double(limiter.limitNow)), (.concurrencyInFlight, Double(limiter.inFlightNow)),
        (.concurrencyBest, Double(limiter.bestNanoseconds) / 1e9),
      ]
    }
  }
}
