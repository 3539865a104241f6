import Logging
import Observability
import SharedLimits

/// Tells log and metrics how the stores of shared limits are.
enum LimitStoreLog {
  static func stores(_ log: Logger) -> SharedLimitStores {
    SharedLimitStores(tell: { store, event in
      var metadata: Logger.Metadata = ["store": "\(store)"]
      switch event {
      case .up(let endpoint):
        metadata["endpoint"] = "\(endpoint)"
        log.info("limit store is up", metadata: metadata)
      case .down(let reason, let retry):
        metadata["reason"] = "\(reason)"
        metadata["retryIn"] = "\(retry) ms"
        log.error("limit store is down, whenStoreIsDown decides", metadata: metadata)
      case .clocksApart(let microseconds):
        metadata["storeAhead"] = "\(microseconds / 1000) ms"
        log.error(
          "clock is more than 50 ms from the limit store's: nothing is written, whenStoreIsDown decides",
          metadata: metadata)
      case .clocksTogether(let microseconds):
        metadata["storeAhead"] = "\(microseconds / 1000) ms"
        log.info("clock agrees with the limit store's again", metadata: metadata)
      case .thresholds(let numbers):
        log.info("rate limit has other thresholds", metadata: ["middleware": "\(store)", "limit": "\(numbers)"])
      case .thresholdsRefused(let reason):
        log.error(
          "thresholds of a rate limit refused, the ones before stay",
          metadata: ["middleware": "\(store)", "reason": "\(reason)"])
      case .refused(let reason):
        metadata["reason"] = "\(reason)"
        log.error("limit store answers decisions with errors", metadata: metadata)
      }
    })
  }
}

extension GatewayMetrics {
  /// Shows the stores at each scrape.
  func collect(_ stores: SharedLimitStores) {
    collectLimitThresholds { stores.thresholdCounts }
    collectLimitStores {
      stores.statuses.map { status in
        LimitStoreSample(
          name: status.name, isUp: status.state == .up, skewSeconds: Double(status.skewMicroseconds) / 1e6,
          decided: status.decided, unavailable: status.unavailable, batches: status.batches,
          reconnects: status.reconnects)
      }
    }
  }
}
