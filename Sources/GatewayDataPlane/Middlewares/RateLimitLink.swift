import GatewayModel
import NIOCore
import Observability
import ResiliencePolicies
import SharedLimits

/// `rateLimit`: how many requests a source may send in a time; the others are answered with 429.
///
/// The decision is a table's (`LimitTable`), exact over all shards, or with `redis` a store's that other gateways ask
/// too (`SharedLimit`). A request whose turn comes a little later waits here, on a timer of its loop: that of a leaky
/// bucket, and one that comes less than half an interval too early at a token bucket (Traefik's smoothing). A wait
/// under a millisecond is not waited; the place it took still counts. The client that goes takes its timer with it,
/// and not its place: those behind it were told their times already.
///
/// Every answer says how the source stands, in `RateLimit` and `RateLimit-Policy`; in shadow mode nothing is said and
/// nothing refused, only counted.
/// Source: Traefik v3 pkg/middlewares/ratelimiter; draft-ietf-httpapi-ratelimit-headers-10.
final class RateLimitLink: Middleware {
  /// Shorter waits are left out: a timer is not exact enough to be worth one.
  private static let waitNanosecondsMin: UInt64 = 1_000_000

  let table: LimitTable
  private let source: RequestSource
  private let shared: SharedLimit?
  private let dynamic: DynamicThresholds?
  private let isShadow: Bool
  private let fields: LimitFields
  private let series: PolicySeries?

  /// - Parameter stores: where a shared limit's store is had from.
  init(
    _ configuration: RateLimit, name: String, series: PolicySeries?, stores: SharedLimitStores?
  ) throws(MiddlewareMistake) {
    table = LimitTable(try Self.quota(configuration), sourcesMax: configuration.maxSources)
    source = try RequestSource(configuration.sourceCriterion, otherwise: .address(ClientAddressStrategy(nil)))
    isShadow = configuration.shadow
    fields = LimitFields(name: name)
    self.series = series
    shared = try Self.shared(configuration, name: name, stores)
    dynamic = try DynamicThresholds.start(configuration, name: name, table: table, shared: shared, stores: stores)
  }

  var actsOnResponse: Bool { !isShadow }
  var actsOnEnd: Bool { true }
  var asksIdentity: Bool { source.asksIdentity }

  func request(_ exchange: Exchange) -> Step {
    series?.considered(exchange.shard.observation.metrics)
    let key = source.key(of: exchange)
    let now = exchange.shard.coarseNow
    guard let shared else { return settle(table.decide(key, now: now), exchange) }
    let quota = table.quota
    guard quota.isLimited else { return .go }
    if let refusal = shared.refusal(key, quota, now: now) { return settle(refusal, exchange) }
    if isShadow {
      observe(shared, key, quota, exchange)
      return .go
    }
    shared.ask(key, source.text(of: exchange), quota, exchange) { [self] outcome, exchange in
      switch outcome {
      case .decided(let decision): return settle(decision, exchange)
      case .unavailable(.allow): return .go
      case .unavailable(.local): return settle(table.decide(key, now: exchange.shard.now()), exchange)
      case .unavailable(.deny): return deny(exchange)
      }
    }
    return .wait
  }

  /// What a decision means for the exchange.
  private func settle(_ decision: LimitDecision, _ exchange: Exchange) -> Step {
    let metrics = exchange.shard.observation.metrics
    if isShadow {
      if decision.verdict == .refuse { series?.wouldReject(metrics) }
      return .go
    }
    switch decision.verdict {
    case .refuse:
      series?.rejected(metrics)
      return .reject(fields.rejection(decision))
    case .wait where decision.waitNanoseconds >= Self.waitNanosecondsMin:
      report(decision, exchange)
      series?.delayed(metrics)
      wait(decision.waitNanoseconds, exchange)
      return .wait
    case .pass, .wait:
      report(decision, exchange)
      return .go
    }
  }

  private func deny(_ exchange: Exchange) -> Step {
    series?.rejected(exchange.shard.observation.metrics)
    return .reject(.limitStoreDown)
  }

  /// A shadow of a shared limit asks and does not wait for the answer: it may not cost the request anything.
  private func observe(_ shared: SharedLimit, _ key: SourceKey, _ quota: LimitQuota, _ exchange: Exchange) {
    // Looked into on the loop only, where the answer comes.
    let metrics = NIOLoopBound(exchange.shard.observation.metrics, eventLoop: exchange.eventLoop)
    shared.ask(key, source.text(of: exchange), quota, exchange) { [series] outcome in
      switch outcome {
      case .decided(let decision) where decision.verdict == .refuse: series?.wouldReject(metrics.value)
      case .unavailable(.deny): series?.wouldReject(metrics.value)
      case .decided, .unavailable: break
      }
    }
  }

  private static func shared(
    _ configuration: RateLimit, name: String, _ stores: SharedLimitStores?
  ) throws(MiddlewareMistake) -> SharedLimit? {
    guard let redis = configuration.redis, let stores else { return nil }
    let settings = try StoreSettings(redis)
    do throws(StoreMistake) {
      guard let store = try stores.store(settings) else { return nil }
      return SharedLimit(
        store, redis.whenStoreIsDown, name: name, sourcesMax: configuration.maxSources)
    } catch {
      throw MiddlewareMistake("redis: \(error)")
    }
  }

  func response(_ exchange: Exchange) {
    for report in exchange.limitReports where report.link == ObjectIdentifier(self) {
      fields.write(report.decision, to: exchange.response)
    }
  }

  func ended(_ exchange: Exchange) {
    guard !exchange.notes.isEmpty else { return }
    (exchange.notes[ObjectIdentifier(self)] as? Scheduled<Void>)?.cancel()
    exchange.notes[ObjectIdentifier(self)] = nil
  }

  private func report(_ decision: LimitDecision, _ exchange: Exchange) {
    // Without a limit there is nothing to tell.
    guard decision.average > 0 else { return }
    exchange.limitReports.append(LimitReport(link: ObjectIdentifier(self), decision: decision))
  }

  private func wait(_ nanoseconds: UInt64, _ exchange: Exchange) {
    let resumption = exchange.resumption()
    // The exchange belongs to this loop, and the task runs on it.
    let timer = exchange.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(clamping: nanoseconds))) {
      resumption.resume(.go)
    }
    exchange.notes[ObjectIdentifier(self)] = timer
  }

  /// The limit's numbers in the machines' units.
  static func quota(_ configuration: RateLimit) throws(MiddlewareMistake) -> LimitQuota {
    let algorithm: LimitAlgorithm =
      switch configuration.algorithm {
      case .tokenBucket: .tokenBucket
      case .leakyBucket: .leakyBucket
      case .slidingWindow: .slidingWindow
      case .fixedWindow: .fixedWindow
      }
    do throws(LimitQuota.Mistake) {
      return try LimitQuota(
        algorithm, average: UInt64(clamping: configuration.average),
        periodNanoseconds: configuration.period.nanoseconds, burst: UInt64(clamping: configuration.burst))
    } catch {
      throw MiddlewareMistake(error.text(average: configuration.average, burst: configuration.burst))
    }
  }
}

/// What a rate limit said to a request, kept until the response is written.
struct LimitReport {
  let link: ObjectIdentifier
  let decision: LimitDecision
}

extension LimitQuota.Mistake {
  /// For the operator.
  func text(average: Int, burst: Int) -> String {
    switch self {
    case .averageOutOfRange: "average \(average) is not from 0 to \(LimitQuota.averageMax)"
    case .periodOutOfRange: "period is not from 1us to 366 days"
    case .burstOutOfRange: "burst \(burst) is not from 0 to \(LimitQuota.burstMax)"
    case .burstTooLargeForRate:
      "a burst of \(burst) at this average takes too long to fill again to be counted exactly; expected a smaller burst"
    }
  }
}
