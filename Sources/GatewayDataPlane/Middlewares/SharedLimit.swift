import GatewayModel
import NIOCore
import ResiliencePolicies
import SharedLimits

/// A rate limit whose counts are in Redis: what one middleware needs to ask for decisions.
///
/// The question goes to the store's thread and the exchange waits; its loop does not. Sources that were refused are
/// remembered here until they can pass again, and are refused without a question.
final class SharedLimit: Sendable {
  /// What becomes of one request.
  enum Outcome: Sendable {
    case decided(LimitDecision)
    /// The store cannot tell, and the policy is this.
    case unavailable(StoreDownPolicy)
  }

  private let store: SharedLimitStore
  private let policy: StoreDownPolicy
  private let blocked: BlockedSources
  /// Up to the router's name.
  private let prefix: [UInt8]

  init(_ store: SharedLimitStore, _ policy: StoreDownPolicy, name: String, sourcesMax: Int) {
    self.store = store
    self.policy = policy
    blocked = BlockedSources(sourcesMax: sourcesMax)
    prefix = Array("sluice:limit:\(name):".utf8)
  }

  /// A refusal that needs no question; nil when the store has to be asked.
  func refusal(_ key: SourceKey, _ quota: LimitQuota, now: UInt64) -> LimitDecision? {
    guard let end = blocked.end(key, now: now) else { return nil }
    return LimitDecision(
      .refuse, waitNanoseconds: end - now + quota.smoothingNanoseconds, remaining: 0, resetNanoseconds: end - now,
      average: quota.average, windowSeconds: quota.windowSeconds)
  }

  /// Asks, and comes back to the exchange's loop with `settle` if the exchange is still there.
  func ask(
    _ key: SourceKey, _ source: [UInt8], _ quota: LimitQuota, _ exchange: Exchange,
    settle: @escaping @Sendable (Outcome, Exchange) -> Step
  ) {
    // Crosses to the store's thread and back; looked into on the loop only.
    let waiting = NIOLoopBound(exchange.resumption(), eventLoop: exchange.eventLoop)
    ask(key, source, quota, exchange) { outcome in
      let resumption = waiting.value
      // The exchange may be another one by now.
      guard resumption.isValid else { return }
      resumption.resume(settle(outcome, resumption.exchange))
    }
  }

  /// Asks without anybody waiting; `answer` is called on the exchange's loop whatever became of the exchange.
  func ask(
    _ key: SourceKey, _ source: [UInt8], _ quota: LimitQuota, _ exchange: Exchange,
    answer: @escaping @Sendable (Outcome) -> Void
  ) {
    let name = prefix + (exchange.route?.nameBytes ?? []) + quota.algorithm.keyPart + source
    let loop = exchange.eventLoop
    store.decide(name, quota, now: NIODeadline.now().uptimeNanoseconds, loop: loop) { [self] reply in
      guard case .decided(let decision) = reply else { return answer(.unavailable(policy)) }
      if decision.verdict == .refuse {
        let now = NIODeadline.now().uptimeNanoseconds
        let wait = decision.waitNanoseconds
        blocked.block(key, until: now + wait - min(wait, quota.smoothingNanoseconds), now: now)
      }
      answer(.decided(decision))
    }
  }

  /// Forgets who was refused, because the limit is another one now.
  func limitChanged() {
    blocked.removeAll()
  }
}

extension LimitAlgorithm {
  /// Part of a key, since what one machine counts is nonsense to another: a reload may change it, and while gateways
  /// are replaced one by one both are at work.
  fileprivate var keyPart: [UInt8] {
    switch self {
    case .tokenBucket: Array(":tokenBucket:".utf8)
    case .leakyBucket: Array(":leakyBucket:".utf8)
    case .slidingWindow: Array(":slidingWindow:".utf8)
    case .fixedWindow: Array(":fixedWindow:".utf8)
    }
  }
}

extension StoreSettings {
  /// Where Redis is, as the configuration says.
  init(_ redis: RateLimitRedis) throws(MiddlewareMistake) {
    var endpoints: [Endpoint] = []
    for text in redis.endpoints {
      guard let endpoint = HostAndPort(text) else { throw MiddlewareMistake("\(text) is not host:port") }
      endpoints.append(Endpoint(host: endpoint.host, port: Int(endpoint.port)))
    }
    self.init(endpoints: endpoints)
    username = redis.username
    password = redis.password
    database = redis.db
    dialNanoseconds = redis.dialTimeout.nanoseconds
    readNanoseconds = redis.readTimeout.nanoseconds
    decisionNanoseconds = redis.timeout.nanoseconds
    if let settings = redis.tls {
      var tls = TLS()
      tls.authority = settings.ca
      tls.certificate = settings.cert
      tls.key = settings.key
      tls.verifies = !settings.insecureSkipVerify
      self.tls = tls
    }
  }
}
