/// A key set at a URL, for metrics.
public struct KeySetSample: Sendable {
  public var url: String
  /// Keys that can be used now.
  public var keys: Int
  /// Seconds since the last fetch that succeeded; nil for never.
  public var age: Int64?
  public var successes: UInt64
  public var failures: UInt64

  public init(url: String, keys: Int, age: Int64?, successes: UInt64, failures: UInt64) {
    self.url = url
    self.keys = keys
    self.age = age
    self.successes = successes
    self.failures = failures
  }
}

extension GatewayMetrics {
  /// What came of the tokens a `jwt` middleware saw, by the index of the verdict in `verdicts`.
  public func tokenVerdicts(middleware: String, verdicts: [String]) -> CounterRow {
    CounterRow(
      registry: registry, group: registry.group([.counter(GatewayFamilies.tokens, at: 0)], slotCount: 1),
      labels: [middleware], values: verdicts, isEssential: false)
  }

  /// Asks `read` at each scrape how the key sets are.
  public func collectKeySets(_ read: @escaping @Sendable () -> [KeySetSample]) {
    registry.collect(GatewayFamilies.keySetKeys) {
      read().map { MetricSample(labels: [$0.url], value: Double($0.keys)) }
    }
    registry.collect(GatewayFamilies.keySetAge) {
      read().compactMap { set in set.age.map { MetricSample(labels: [set.url], value: Double($0)) } }
    }
    registry.collect(GatewayFamilies.keySetFetches) {
      read().flatMap {
        [
          MetricSample(labels: [$0.url, "success"], value: Double($0.successes)),
          MetricSample(labels: [$0.url, "failure"], value: Double($0.failures)),
        ]
      }
    }
  }
}
