import Synchronization

/// One limit for any number of sources, exact over all threads that ask.
///
/// The problem: a limit that each event loop kept for itself would let through as many times the amount as there are
/// loops, and one lock for all would be the place where they meet. The rule: the sources are spread over stripes by
/// their key; a stripe has a lock that is held for one look-up and some arithmetic, about 30 ns, so that loops meet
/// only when they serve the same moment's same stripe. The numbers of the limit stand in each stripe, under the same
/// lock: changing them is exact without a second look at anything.
///
/// Bound: `memoryBytes`, taken when the table is made. Cost: see Documentation/performance.md; no allocation.
public final class LimitTable: Sendable {
  private struct Contents: ~Copyable {
    var quota: LimitQuota
    var slots: SourceSlots
  }

  private struct Stripe: ~Copyable {
    let contents: Mutex<Contents>
    /// Keeps locks of neighbours off one cache line.
    let padding: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  }

  private static let stripesMax = 64

  // Written once, before anybody else sees the object; what it points to has locks.
  private nonisolated(unsafe) let stripes: UnsafeMutablePointer<Stripe>
  private let stripeMask: UInt64
  private let stripeCount: Int
  /// Memory of all places.
  public let memoryBytes: Int
  /// Sources that find a place at the same time.
  public let sourcesMax: Int

  /// - Parameter sourcesMax: how many sources at least are remembered at the same time; the table has 1.5 to 3
  ///   times as many places, of 32 bytes each.
  public init(_ quota: LimitQuota, sourcesMax: Int) {
    self.sourcesMax = max(sourcesMax, 1)
    let wanted = max(SourceSlots.setSize, self.sourcesMax + self.sourcesMax / 2)
    var slots = SourceSlots.setSize
    while slots < wanted { slots *= 2 }
    // Stripes of few sets fill unevenly.
    stripeCount = min(Self.stripesMax, max(1, slots / (SourceSlots.setSize * 64)))
    stripeMask = UInt64(stripeCount - 1)
    memoryBytes = slots * SourceSlots.bytesPerSlot
    stripes = .allocate(capacity: stripeCount)
    for index in 0..<stripeCount {
      let contents = Contents(quota: quota, slots: SourceSlots(count: slots / stripeCount))
      (stripes + index).initialize(to: Stripe(contents: Mutex(contents)))
    }
  }

  deinit {
    stripes.deinitialize(count: stripeCount)
    stripes.deallocate()
  }

  /// Decides about one request of a source.
  ///
  /// - Parameter now: nanoseconds; see `LimitQuota.decide`.
  public func decide(_ key: SourceKey, now: UInt64) -> LimitDecision {
    stripes[Int(truncatingIfNeeded: key.low & stripeMask)].contents.withLock { contents in
      let quota = contents.quota
      guard quota.isLimited else {
        var nobody = LimitState()
        return quota.decide(&nobody, now: now)
      }
      let place = contents.slots.place(key) { quota.isForgettable($0, now: now) }
      return quota.decide(&place.pointee, now: now)
    }
  }

  /// Puts other numbers in force. What sources have used stays used.
  ///
  /// The algorithm is the table's own: only numbers may differ.
  public func replaceQuota(_ quota: LimitQuota) {
    for index in 0..<stripeCount {
      stripes[index].contents.withLock { contents in
        let old = contents.quota
        guard old.algorithm == quota.algorithm, old != quota else { return }
        contents.quota = quota
        if old.isLimited && quota.isLimited {
          contents.slots.forEach { $0 = old.convert($0, to: quota) }
        } else {
          contents.slots.removeAll()
        }
      }
    }
  }

  /// The numbers in force.
  public var quota: LimitQuota { stripes[0].contents.withLock { $0.quota } }

  /// Sources that are remembered.
  public var sources: Int {
    (0..<stripeCount).reduce(0) { sum, index in sum + stripes[index].contents.withLock { $0.slots.used } }
  }

  /// Sources that were forgotten to make room while they still owed something.
  public var evictions: UInt64 {
    (0..<stripeCount).reduce(0) { sum, index in sum + stripes[index].contents.withLock { $0.slots.evictions } }
  }
}
