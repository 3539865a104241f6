import GatewayModel
import NIOConcurrencyHelpers
import ResiliencePolicies
import SharedLimits

/// Puts the numbers that a key of Redis or etcd says in force, on all shards at once, since they have one table.
///
/// A value that is none is told and changes nothing: the last good one stays, also across a loss of the store. A key
/// that is deleted brings back the configuration's own numbers.
final class DynamicThresholds: Sendable {
  private let configuration: RateLimit
  private let middleware: String
  private let table: LimitTable
  private let shared: SharedLimit?
  private let stores: SharedLimitStores
  private let source = NIOLockedValueBox<ThresholdSource?>(nil)

  /// Begins to follow the key. Nil where nothing is to be connected to.
  static func start(
    _ configuration: RateLimit, name: String, table: LimitTable, shared: SharedLimit?, stores: SharedLimitStores?
  ) throws(MiddlewareMistake) -> DynamicThresholds? {
    guard let dynamic = configuration.dynamic, let stores else { return nil }
    let thresholds = DynamicThresholds(configuration, name, table, shared, stores)
    let settings: StoreSettings
    if dynamic.endpoints.isEmpty, let redis = configuration.redis {
      settings = try StoreSettings(redis)
    } else {
      settings = try StoreSettings(dynamic)
    }
    do throws(StoreMistake) {
      if let key = dynamic.etcd {
        guard stores.connects else { return nil }
        let source = try ThresholdSource(
          etcd: settings, key: key, tell: { stores.tell(settings.name, $0) },
          changed: { [weak thresholds] in thresholds?.changed($0) })
        thresholds.source.withLockedValue { $0 = source }
      } else if let key = dynamic.redis {
        guard let store = try stores.store(settings) else { return nil }
        let source = ThresholdSource(redis: store, key: key) { [weak thresholds] in thresholds?.changed($0) }
        thresholds.source.withLockedValue { $0 = source }
      }
      return thresholds
    } catch {
      throw MiddlewareMistake("dynamic: \(error)")
    }
  }

  private init(
    _ configuration: RateLimit, _ name: String, _ table: LimitTable, _ shared: SharedLimit?, _ stores: SharedLimitStores
  ) {
    self.configuration = configuration
    middleware = name
    self.table = table
    self.shared = shared
    self.stores = stores
  }

  /// The key has another value; on the store's thread.
  private func changed(_ value: [UInt8]?) {
    var wanted = configuration
    let name = configuration.dynamic?.etcd ?? configuration.dynamic?.redis ?? ""
    if let value {
      switch RateLimitThresholds.parse(value, name: name) {
      case .failure(let mistake): return refuse("\(mistake)")
      case .success(let thresholds):
        wanted.average = thresholds.average ?? wanted.average
        wanted.period = thresholds.period ?? wanted.period
        wanted.burst = thresholds.burst ?? wanted.burst
      }
    }
    do throws(MiddlewareMistake) {
      let quota = try RateLimitLink.quota(wanted)
      guard quota != table.quota else { return }
      table.replaceQuota(quota)
      shared?.limitChanged()
      stores.noteThresholds(
        middleware, .thresholds("average \(wanted.average), period \(wanted.period), burst \(wanted.burst)"))
    } catch {
      refuse("\(name): \(error)")
    }
  }

  private func refuse(_ reason: String) {
    stores.noteThresholds(middleware, .thresholdsRefused(reason: reason))
  }
}

extension StoreSettings {
  /// Where thresholds are, as the configuration says.
  fileprivate init(_ dynamic: RateLimitDynamic) throws(MiddlewareMistake) {
    var redis = RateLimitRedis()
    redis.endpoints = dynamic.endpoints
    redis.username = dynamic.username
    redis.password = dynamic.password
    redis.tls = dynamic.tls
    try self.init(redis)
  }
}
