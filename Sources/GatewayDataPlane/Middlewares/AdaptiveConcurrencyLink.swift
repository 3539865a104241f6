import GatewayModel
import Observability
import ResiliencePolicies

/// `adaptiveConcurrency`: at most so many requests of a service at once, where "so many" follows from how long it takes
/// to answer (`ConcurrencyLimiter`).
///
/// A request over the limit gets 503 with `Retry-After` at once, which is worth more to a client than a place in a
/// queue that it will have left before its turn. The latency that is learned from is that from the end of the request,
/// since a client may take its time, to the response's head, of answers of servers only.
final class AdaptiveConcurrencyLink: Middleware {
  private let limiter: ConcurrencyLimiter
  private let isShadow: Bool
  private let series: PolicySeries?

  init(_ configuration: AdaptiveConcurrency, limiter: ConcurrencyLimiter, series: PolicySeries?) {
    self.limiter = limiter
    self.series = series
    isShadow = configuration.shadow
  }

  var actsOnEnd: Bool { true }

  func request(_ exchange: Exchange) -> Step {
    let shard = exchange.shard
    let metrics = shard.observation.metrics
    series?.considered(metrics)
    if !limiter.take(anyway: isShadow) {
      guard isShadow else {
        series?.rejected(metrics)
        return .reject(.tooManyAtOnce)
      }
      series?.wouldReject(metrics)
    }
    exchange.permits.append(ProtectionPermit(owner: ObjectIdentifier(self), startedAt: shard.coarseNow))
    return .go
  }

  func ended(_ exchange: Exchange) {
    let index = exchange.permitIndex(of: self)
    guard index >= 0 else { return }
    let permit = exchange.permits.remove(at: index)
    let outcome = exchange.outcome
    let begin = max(permit.startedAt, outcome.requestSentAt)
    let isAnswer = outcome.upstreamHeadAt > begin && outcome.rejection == nil
    limiter.finish(
      latencyNanoseconds: isAnswer ? outcome.upstreamHeadAt &- begin : nil, stripe: exchange.shard.index,
      now: outcome.endedAt)
  }
}

extension Rejection {
  static let tooManyAtOnce: Rejection = {
    var rejection = Rejection(
      status: 503, code: "concurrency-limit", detail: "The service has as many requests as it can answer in time.")
    rejection.retryAfterSeconds = 1
    return rejection
  }()
}
