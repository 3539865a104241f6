public import Synchronization

/// The memory of one shard's counters.
///
/// The problem: an event loop counts several things for each request, and a scrape on another thread reads them while
/// new series appear. A lock or an atomic read-modify-write for each count costs more than the rest of the accounting,
/// and a growing array would move under the reader. The rule: a counter is one 64-bit slot. Exactly one thread, the
/// shard's, adds to it, with a relaxed load and a relaxed store (plain moves on x86 and ARM); anybody may read it
/// with a relaxed load. Slots live in pages that never move and are freed only with this object. The directory of
/// pages has its final size from the start, so growing writes one pointer that nobody looks at before he was given a
/// slot in that page, through the registry's lock or a Snapshot: both order the write before the look.
///
/// Bound: `pagesMax` pages of 8 KiB. Each page begins on a cache line, and no page is shared by two shards.
public final class SlotPages: Sendable {
  @usableFromInline typealias Slot = Atomic<UInt64>
  @usableFromInline static var slotsPerPageBits: Int { 10 }
  static var slotsPerPage: Int { 1 << slotsPerPageBits }

  // Pointers are not Sendable. This one never changes; what it points to is written under the registry's lock
  // (pages) or as described above (slots).
  @usableFromInline nonisolated(unsafe) let directory: UnsafeMutablePointer<UnsafeMutablePointer<Slot>?>
  private let pagesMax: Int

  init(pagesMax: Int) {
    self.pagesMax = pagesMax
    directory = .allocate(capacity: pagesMax)
    directory.initialize(repeating: nil, count: pagesMax)
  }

  deinit {
    for index in 0..<pagesMax {
      if let page = directory[index] { UnsafeMutableRawPointer(page).deallocate() }
    }
    directory.deallocate()
  }

  /// Makes the pages of the first `slots` slots. Called by the registry under its lock.
  func reserve(slots: Int) {
    let pages = (slots + Self.slotsPerPage - 1) / Self.slotsPerPage
    precondition(pages <= pagesMax, "the registry bounds the number of slots")
    for index in 0..<pages where directory[index] == nil {
      let bytes = Self.slotsPerPage * MemoryLayout<Slot>.stride
      let page = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        .bindMemory(to: Slot.self, capacity: Self.slotsPerPage)
      for slot in 0..<Self.slotsPerPage { (page + slot).initialize(to: Slot(0)) }
      directory[index] = page
    }
  }

  /// The slot's address, valid as long as this object.
  @inlinable
  func pointer(_ slot: Int32) -> UnsafeMutablePointer<Slot> {
    let index = Int(slot)
    // A slot number comes from the registry, which has made its page before.
    let page = directory[index &>> Self.slotsPerPageBits].unsafelyUnwrapped
    return page + (index & ((1 &<< Self.slotsPerPageBits) &- 1))
  }

  /// The slot's value, from any thread.
  func read(_ slot: Int) -> UInt64 {
    pointer(Int32(truncatingIfNeeded: slot)).pointee.load(ordering: .relaxed)
  }

  /// Sets slots back to zero. Only when no series holds them.
  func clear(_ slots: Range<Int>) {
    for slot in slots { pointer(Int32(truncatingIfNeeded: slot)).pointee.store(0, ordering: .relaxed) }
  }
}

/// The counters of one shard: the only object that may add to them.
///
/// Not `Sendable`: it belongs to the shard's event loop, and the compiler keeps it there.
public final class ShardMetrics {
  @usableFromInline let pages: SlotPages

  init(pages: SlotPages) { self.pages = pages }

  /// Adds to a slot: one load and one store, no lock, no read-modify-write. Wraps around at 2^64.
  @inlinable
  public func add(_ slot: Int32, _ amount: UInt64) {
    let pointer = pages.pointer(slot)
    pointer.pointee.store(pointer.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// Takes from a slot that is read as a gauge.
  @inlinable
  public func subtract(_ slot: Int32, _ amount: UInt64) { add(slot, 0 &- amount) }
}

@available(*, unavailable)
extension ShardMetrics: Sendable {}
