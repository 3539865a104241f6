public import Synchronization

/// A hold on one label set: as long as this object lives, its slots are its own.
public final class MetricSeries: Sendable {
  /// The first slot, for `ShardMetrics.add`.
  public let slot: Int32
  let registry: MetricsRegistry
  private let number: Int

  init(registry: MetricsRegistry, number: Int, slot: Int32) {
    self.registry = registry
    self.number = number
    self.slot = slot
  }

  deinit { registry.release(number) }

  /// The sum over all shards of the first slot.
  public var total: UInt64 { registry.sum(slot) }
}

/// A counter, or a gauge that shards add to and subtract from, with one label set.
public final class CounterSeries: Sendable {
  @usableFromInline let slot: Int32
  private let series: MetricSeries?

  /// - Parameter series: nil when the registry had no place; counting then goes nowhere.
  init(_ series: MetricSeries?, registry: MetricsRegistry) {
    self.series = series
    slot = series?.slot ?? registry.discard
  }

  /// Adds on the shard's own page; on the shard's loop only.
  @inlinable
  public func add(_ shard: ShardMetrics, _ amount: UInt64 = 1) { shard.add(slot, amount) }

  /// Takes away what the same shard has added.
  @inlinable
  public func subtract(_ shard: ShardMetrics, _ amount: UInt64 = 1) { shard.subtract(slot, amount) }

  /// The sum over all shards.
  public var total: UInt64 { series?.total ?? 0 }
}

/// Counters that differ in their last label, whose values are known beforehand (a code, a kind) and are mostly zero.
///
/// A series is registered when it is first counted, so that forty refusals that never happen are forty lines less in
/// every scrape. `add` takes the value's index.
public final class CounterRow: Sendable {
  private let registry: MetricsRegistry
  private let group: Int
  private let labels: [String]
  private let values: [String]
  private let isEssential: Bool
  private let held: Mutex<[MetricSeries]>
  // Slot numbers, -1 until registered. Never freed before this object, set once each.
  @usableFromInline nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<Int32>>

  init(registry: MetricsRegistry, group: Int, labels: [String], values: [String], isEssential: Bool) {
    self.isEssential = isEssential
    self.registry = registry
    self.group = group
    self.labels = labels
    self.values = values
    held = Mutex([])
    slots = .allocate(capacity: max(values.count, 1))
    for index in values.indices { (slots + index).initialize(to: Atomic(-1)) }
  }

  deinit { slots.deallocate() }

  /// Counts value number `index`; an index out of range counts nothing.
  @inlinable
  public func add(_ shard: ShardMetrics, _ index: Int, _ amount: UInt64 = 1) {
    guard index >= 0 && index < count else { return }
    let slot = slots[index].load(ordering: .acquiring)
    shard.add(slot >= 0 ? slot : register(index), amount)
  }

  /// Number of values.
  public var count: Int { values.count }

  @usableFromInline
  func register(_ index: Int) -> Int32 {
    held.withLock { held in
      let known = slots[index].load(ordering: .relaxed)
      if known >= 0 { return known }
      let series = registry.hold(group: group, values: labels + [values[index]], isEssential: isEssential)
      if let series { held.append(series) }
      let slot = series?.slot ?? registry.discard
      slots[index].store(slot, ordering: .releasing)
      return slot
    }
  }
}

/// A counter of the control plane: any thread may add, rarely.
public final class SharedCounter: Sendable {
  private let value = Atomic<UInt64>(0)

  public init() {}

  /// Adds, from any thread.
  public func add(_ amount: UInt64 = 1) { value.wrappingAdd(amount, ordering: .relaxed) }
  public var total: UInt64 { value.load(ordering: .relaxed) }
}

/// A gauge of the control plane: any thread may set it.
public final class SharedGauge: Sendable {
  private let bits: Atomic<UInt64>

  public init(_ value: Double = 0) { bits = Atomic(value.bitPattern) }

  /// Replaces the value, from any thread.
  public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
  public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}
