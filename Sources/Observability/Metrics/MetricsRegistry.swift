import Synchronization

/// Every metric of the process: what it is called, which label sets it has, where its values are.
///
/// The problem: metrics are written on every request by event loops that must not wait, read by a scraper that must
/// not disturb them, and their label sets come and go with the configuration. The rule: registering takes a lock and
/// yields a slot number; writing is `ShardMetrics.add` on that number, without the registry; a scrape takes references
/// to what is registered under the lock, and then reads relaxed, without it. Values are per shard and summed.
///
/// A label set lives as long as anybody holds its `MetricSeries`. When the last holder is gone it stays for one whole
/// scrape, so that its last increments are seen, then its slots are used again. Holders are what keeps a stale
/// handle from writing into another's slot: there is no handle without a holder.
///
/// Bound: `seriesMax` label sets (default 20,000). What comes beyond gets no series; the caller counts it under
/// `overflow`, and `sluice_metrics_series_refused_total` tells the operator. Cost: a registration is about a
/// microsecond.
public final class MetricsRegistry: Sendable {
  public static let seriesMaxDefault = 20_000

  /// What one label set has: a run of slots, and how they are shown.
  struct Group: Hashable {
    let views: [MetricView]
    let labelNames: [String]
    let slotCount: Int
    let buckets: HistogramBuckets
    /// Not shown while its observations or counts are zero.
    let isHiddenWhileZero: Bool
  }

  struct LabelSet {
    var group: Int
    var labels: String
    var slot: Int
    /// `MetricSeries` objects that hold it.
    var holders: Int
    /// The number of the last scrape that began before the last holder left.
    var retiredAt: UInt64?
    /// Whether `State.retired` names it, so that it never does twice.
    var isListed = false
  }

  struct Key: Hashable {
    let group: Int
    let labels: String
  }

  /// A family whose values are computed at the scrape.
  struct Collector {
    let family: MetricFamily
    let read: @Sendable () -> [MetricSample]
  }

  struct State {
    var groups: [Group] = []
    var groupNumbers: [Group: Int] = [:]
    // Chunks, so that a registration during a scrape, which holds references, copies one chunk and not everything.
    var chunks: [[LabelSet?]] = []
    var freeNumbers: [Int] = []
    var numbers: [Key: Int] = [:]
    var retired: [Int] = []
    var shards: [SlotPages] = []
    /// Slot 0 is `discard`.
    var slotsUsed = 1
    var freeSlots: [Int: [Int]] = [:]
    var collectors: [Collector] = []
    var scrapes: UInt64 = 0
    var refused: UInt64 = 0
  }

  static let chunkSize = 512
  /// A slot that nobody reads, for what found no place.
  let discard: Int32 = 0
  private static let slotsPerSeries = 16

  let state = Mutex(State())
  /// One scrape at a time: the second waits for the first, on threads that may wait.
  let scraping = Mutex(())
  let seriesMax: Int
  private let slotsMax: Int

  /// - Parameter seriesMax: label sets at most; each takes up to 34 slots of eight bytes a shard.
  public init(seriesMax: Int = MetricsRegistry.seriesMaxDefault) {
    self.seriesMax = max(seriesMax, 16)
    slotsMax = max(64 * SlotPages.slotsPerPage, self.seriesMax * Self.slotsPerSeries)
  }

  /// The counters of one more shard. Call it once for each event loop, before it records anything.
  public func makeShard() -> ShardMetrics {
    let pages = SlotPages(pagesMax: slotsMax / SlotPages.slotsPerPage + 1)
    state.withLock { state in
      pages.reserve(slots: state.slotsUsed)
      state.shards.append(pages)
    }
    return ShardMetrics(pages: pages)
  }

  /// A family whose samples `read` computes when somebody scrapes, on the scraper's thread.
  public func collect(_ family: MetricFamily, _ read: @escaping @Sendable () -> [MetricSample]) {
    state.withLock { $0.collectors.append(Collector(family: family, read: read)) }
  }

  /// The sum of a slot over all shards.
  func sum(_ slot: Int32) -> UInt64 {
    let shards = state.withLock { $0.shards }
    return shards.reduce(0) { $0 &+ $1.read(Int(slot)) }
  }

  // MARK: Label sets

  /// Describes label sets with these views. Describing the same twice yields the same number.
  func group(
    _ views: [MetricView], slotCount: Int, buckets: HistogramBuckets = HistogramBuckets(seconds: []),
    isHiddenWhileZero: Bool = false
  ) -> Int {
    let group = Group(
      views: views, labelNames: views[0].family.labelNames, slotCount: slotCount, buckets: buckets,
      isHiddenWhileZero: isHiddenWhileZero)
    precondition(views.allSatisfy { $0.family.labelNames == group.labelNames }, "views of one group share their labels")
    return state.withLock { state in
      if let number = state.groupNumbers[group] { return number }
      state.groups.append(group)
      state.groupNumbers[group] = state.groups.count - 1
      return state.groups.count - 1
    }
  }

  /// Takes hold of a label set, making it when it is new. Nil when there are `seriesMax` already.
  ///
  /// - Parameter isEssential: not counted against the bound; for overflow series and a fixed few.
  func hold(group: Int, values: [String], isEssential: Bool = false) -> MetricSeries? {
    let held: (number: Int, slot: Int)? = state.withLock { state in
      let description = state.groups[group]
      let key = Key(group: group, labels: LabelText.render(description.labelNames, values))
      if let number = state.numbers[key] {
        state.update(number) { labelSet in
          labelSet.holders += 1
          labelSet.retiredAt = nil
        }
        return (number, state.labelSet(number).slot)
      }
      if !isEssential && state.numbers.count >= seriesMax { state.evictOldestRetired() }
      guard isEssential || state.numbers.count < seriesMax,
        let slot = state.takeSlots(description.slotCount, slotsMax: slotsMax)
      else {
        state.refused += 1
        return nil
      }
      return (state.add(LabelSet(group: group, labels: key.labels, slot: slot, holders: 1), key), slot)
    }
    guard let held else { return nil }
    return MetricSeries(registry: self, number: held.number, slot: Int32(truncatingIfNeeded: held.slot))
  }

  func release(_ number: Int) {
    state.withLock { state in
      let scrapes = state.scrapes
      var isNewlyListed = false
      state.update(number) { labelSet in
        labelSet.holders -= 1
        guard labelSet.holders == 0 else { return }
        labelSet.retiredAt = scrapes
        isNewlyListed = !labelSet.isListed
        labelSet.isListed = true
      }
      if isNewlyListed { state.retired.append(number) }
    }
  }

  /// Series that found no place.
  var refusedCount: UInt64 { state.withLock { $0.refused } }
  /// Label sets now alive, retired ones included.
  public var seriesCount: Int { state.withLock { $0.numbers.count } }
}

extension MetricsRegistry.State {
  typealias LabelSet = MetricsRegistry.LabelSet

  func labelSet(_ number: Int) -> LabelSet {
    guard let found = chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize] else {
      preconditionFailure("a held label set is in the table")
    }
    return found
  }

  mutating func update(_ number: Int, _ change: (inout LabelSet) -> Void) {
    var labelSet = labelSet(number)
    change(&labelSet)
    chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize] = labelSet
  }

  mutating func add(_ labelSet: LabelSet, _ key: MetricsRegistry.Key) -> Int {
    let number: Int
    if let free = freeNumbers.popLast() {
      number = free
    } else {
      if chunks.last.map({ $0.count == MetricsRegistry.chunkSize }) ?? true { chunks.append([]) }
      chunks[chunks.count - 1].append(nil)
      number = (chunks.count - 1) * MetricsRegistry.chunkSize + chunks[chunks.count - 1].count - 1
    }
    chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize] = labelSet
    numbers[key] = number
    return number
  }

  /// A run of slots inside one page, on one cache line where it fits.
  mutating func takeSlots(_ count: Int, slotsMax: Int) -> Int? {
    if let slot = freeSlots[count]?.popLast() { return slot }
    var slot = slotsUsed
    if count >= 8 { slot = (slot + 7) & ~7 }
    let pageSize = SlotPages.slotsPerPage
    if slot / pageSize != (slot + count - 1) / pageSize { slot = (slot / pageSize + 1) * pageSize }
    guard slot + count <= slotsMax else { return nil }
    slotsUsed = slot + count
    for shard in shards { shard.reserve(slots: slotsUsed) }
    return slot
  }

  /// Gives back what was retired before the scrape with this number began.
  mutating func freeRetired(before scrape: UInt64) {
    var kept: [Int] = []
    for number in retired {
      guard let labelSet = chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize],
        let retiredAt = labelSet.retiredAt
      else {
        // Taken hold of again.
        update(number) { $0.isListed = false }
        continue
      }
      if retiredAt < scrape { free(number, labelSet) } else { kept.append(number) }
    }
    retired = kept
  }

  /// Makes room when the table is full: nobody holds a retired series, only its last scrape is lost.
  mutating func evictOldestRetired() {
    while let number = retired.first {
      retired.removeFirst()
      guard let labelSet = chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize],
        labelSet.retiredAt != nil
      else {
        update(number) { $0.isListed = false }
        continue
      }
      return free(number, labelSet)
    }
  }

  private mutating func free(_ number: Int, _ labelSet: LabelSet) {
    chunks[number / MetricsRegistry.chunkSize][number % MetricsRegistry.chunkSize] = nil
    numbers[MetricsRegistry.Key(group: labelSet.group, labels: labelSet.labels)] = nil
    freeNumbers.append(number)
    let count = groups[labelSet.group].slotCount
    for shard in shards { shard.clear(labelSet.slot..<labelSet.slot + count) }
    freeSlots[count, default: []].append(labelSet.slot)
  }
}
