import GatewayModel
import Observability
import ResiliencePolicies

/// `hedge`: asks a second server when the first takes long, and takes the answer that comes first.
///
/// Only requests that may arrive twice and have no body, once each, inside a budget. How long is long is
/// `HedgeDelay`'s: a percentile of what this service needed, or a fixed time. The asking is the exchange's
/// (`HedgedAttempt`). Timers have steps of 10 ms, so shorter delays are that.
final class HedgeLink: Middleware {
  let delay: HedgeDelay
  let budget: RetryBudget
  let isShadow: Bool
  private let series: PolicySeries?

  init(_ configuration: Hedge, delay: HedgeDelay, budget: RetryBudget, series: PolicySeries?) {
    self.delay = delay
    self.budget = budget
    self.series = series
    isShadow = configuration.shadow
  }

  var actsOnResponse: Bool { true }

  func request(_ exchange: Exchange) -> Step {
    let request = exchange.request
    guard request.method.isIdempotent, request.framing == .none, !request.connection.upgrade else { return .go }
    budget.requestBegan(now: exchange.shard.coarseNow)
    exchange.attempts.hedge = self
    return .go
  }

  /// Learns how long the service takes.
  func response(_ exchange: Exchange) {
    let outcome = exchange.outcome
    guard exchange.attempts.hedge === self, outcome.upstreamHeadAt > 0, exchange.errorPage == nil else { return }
    delay.observed(
      outcome.upstreamHeadAt &- min(outcome.upstreamHeadAt, outcome.startedAt), stripe: exchange.shard.index,
      now: outcome.upstreamHeadAt)
  }

  /// Counts a request that takes long, and whether the budget allows a second one. Returns whether it is made.
  func allows(_ isAllowed: Bool, _ shard: Shard) -> Bool {
    let metrics = shard.observation.metrics
    series?.considered(metrics)
    if isAllowed { return !isShadow }
    if isShadow { series?.wouldReject(metrics) } else { series?.rejected(metrics) }
    return false
  }
}
