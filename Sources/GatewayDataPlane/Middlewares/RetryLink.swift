import GatewayModel
import Observability
import ResiliencePolicies

/// `retry`: tries again where that is safe, and not more than the service can bear.
///
/// The link only says what is wanted; trying is the exchange's (`Attempts`). Safe is a try that failed before anything
/// was sent, or a request that may arrive twice: an idempotent method or an `Idempotency-Key`, or all of them with
/// `retryNonIdempotentMethod`, and a body that is kept whole. Never past the deadline of `timeout`, never over the
/// budget. Other servers come before those that were asked already.
///
/// Differences to Traefik: a body over `maxRequestBodyBytes` is sent on and not tried again, where Traefik refuses it
/// with 413; there is a budget; pauses are drawn from the whole interval.
/// Source: Traefik v3 pkg/middlewares/retry.
final class RetryLink: Middleware {
  let attempts: Int
  let backoff: Backoff
  /// No try begins later than so many nanoseconds after the request; 0: no bound.
  let timeout: UInt64
  let budget: RetryBudget
  let retriesNetworkErrors: Bool
  let retriesNonIdempotent: Bool
  let isShadow: Bool
  private let statuses: [StatusRange]
  private let bodyBytesMax: Int
  private let series: PolicySeries?

  /// A body is kept in memory, once for each request that runs: more than this is not promised to anybody.
  static let bodyBytesCeiling = 16 * 1024 * 1024

  init(_ configuration: Retry, budget: RetryBudget, series: PolicySeries?) {
    self.budget = budget
    self.series = series
    attempts = configuration.attempts
    backoff = Backoff(
      initialNanoseconds: configuration.initialInterval.nanoseconds, attempts: configuration.attempts)
    timeout = configuration.timeout.nanoseconds
    statuses = configuration.status
    retriesNetworkErrors = !configuration.disableRetryOnNetworkError
    retriesNonIdempotent = configuration.retryNonIdempotentMethod
    isShadow = configuration.shadow
    let wanted = configuration.maxRequestBodyBytes
    bodyBytesMax = wanted < 0 ? Self.bodyBytesCeiling : min(wanted, Self.bodyBytesCeiling)
  }

  func request(_ exchange: Exchange) -> Step {
    budget.requestBegan(now: exchange.shard.coarseNow)
    exchange.attempts.retry = self
    // A body that `buffering` collected is there already.
    if exchange.request.framing != .none && exchange.bodySource == nil && !isShadow {
      exchange.attempts.keepBody(upTo: bodyBytesMax)
    }
    return .go
  }

  func retries(_ status: UInt16) -> Bool {
    for range in statuses where range.contains(status) { return true }
    return false
  }

  /// Counts a try that was safe, and whether deadline and budget allowed it. Returns whether it is made.
  func allows(_ isAllowed: Bool, _ shard: Shard) -> Bool {
    let metrics = shard.observation.metrics
    series?.considered(metrics)
    if isAllowed { return !isShadow }
    if isShadow { series?.wouldReject(metrics) } else { series?.rejected(metrics) }
    return false
  }
}
