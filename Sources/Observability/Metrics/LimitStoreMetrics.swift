/// What a store of shared limits has done.
public struct LimitStoreSample: Sendable {
  public var name: String
  public var isUp: Bool
  /// The store's clock minus ours.
  public var skewSeconds: Double
  public var decided: UInt64
  public var unavailable: UInt64
  public var batches: UInt64
  public var reconnects: UInt64

  public init(
    name: String, isUp: Bool, skewSeconds: Double, decided: UInt64, unavailable: UInt64, batches: UInt64,
    reconnects: UInt64
  ) {
    self.name = name
    self.isUp = isUp
    self.skewSeconds = skewSeconds
    self.decided = decided
    self.unavailable = unavailable
    self.batches = batches
    self.reconnects = reconnects
  }
}

extension GatewayFamilies {
  private static let store = ["store"]
  static let limitStoreUp = MetricFamily(
    "sluice_limit_store_up", .gauge, help: "Whether a store of shared limits takes decisions: 1 or 0.", labels: store)
  static let limitStoreSkew = MetricFamily(
    "sluice_limit_store_clock_skew_seconds", .gauge, help: "A limit store's clock minus this machine's.",
    unit: "seconds", labels: store)
  static let limitStoreDecisions = MetricFamily(
    "sluice_limit_store_decisions_total", .counter,
    help: "Questions to a limit store, by whether it decided them in time.", labels: ["store", "result"])
  static let limitStoreBatches = MetricFamily(
    "sluice_limit_store_batches_total", .counter, help: "Pipelines sent to a limit store.", labels: store)
  static let limitStoreReconnects = MetricFamily(
    "sluice_limit_store_reconnects_total", .counter, help: "Connections to a limit store that were lost or not made.",
    labels: store)
  static let limitThresholds = MetricFamily(
    "sluice_limit_thresholds_total", .counter,
    help: "Values of keys that say how much a limit allows, by whether they were put in force.",
    labels: ["middleware", "result"])
}

extension GatewayMetrics {
  /// Asks `read` at each scrape how many values of keys were put in force and refused.
  public func collectLimitThresholds(
    _ read: @escaping @Sendable () -> [(middleware: String, installed: UInt64, refused: UInt64)]
  ) {
    registry.collect(GatewayFamilies.limitThresholds) {
      read().flatMap {
        [
          MetricSample(labels: [$0.middleware, "installed"], value: Double($0.installed)),
          MetricSample(labels: [$0.middleware, "refused"], value: Double($0.refused)),
        ]
      }
    }
  }

  /// Asks `read` at each scrape how the stores of shared limits are.
  public func collectLimitStores(_ read: @escaping @Sendable () -> [LimitStoreSample]) {
    func collect(_ family: MetricFamily, _ value: @escaping @Sendable (LimitStoreSample) -> Double) {
      registry.collect(family) { read().map { MetricSample(labels: [$0.name], value: value($0)) } }
    }
    collect(GatewayFamilies.limitStoreUp) { $0.isUp ? 1 : 0 }
    collect(GatewayFamilies.limitStoreSkew) { $0.skewSeconds }
    collect(GatewayFamilies.limitStoreBatches) { Double($0.batches) }
    collect(GatewayFamilies.limitStoreReconnects) { Double($0.reconnects) }
    registry.collect(GatewayFamilies.limitStoreDecisions) {
      read().flatMap {
        [
          MetricSample(labels: [$0.name, "decided"], value: Double($0.decided)),
          MetricSample(labels: [$0.name, "unavailable"], value: Double($0.unavailable)),
        ]
      }
    }
  }
}
