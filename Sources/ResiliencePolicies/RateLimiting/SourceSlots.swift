/// Places for what is remembered of sources: a fixed number, chosen by the source's key.
///
/// The problem: whoever sends requests chooses how many sources there are. A dictionary grows with them, moves
/// everything when it grows, and frees at the worst time. The rule: memory is taken once. A key has two sets of eight
/// slots where it may stand, so a look-up reads at most eight cache lines and nothing is ever moved; with two choices
/// the sets fill so evenly that keys find a place until the table is nearly full (Azar, Broder, Karlin, Upfal,
/// "Balanced allocations", 1999). When both sets are full somebody has to go: first whoever can be forgotten without
/// a difference, else the one not seen for the longest time.
///
/// Bound: 32 bytes a slot, no more, whatever comes. Not safe for several threads: its owner has a lock.
struct SourceSlots: ~Copyable {
  /// What stands in a place. A key of zeros is an empty place.
  struct Slot {
    var high: UInt64
    var low: UInt64
    var state: LimitState
  }

  static let setSize = 8
  static let bytesPerSlot = MemoryLayout<Slot>.stride

  private let slots: UnsafeMutablePointer<Slot>
  private let setMask: UInt64
  let count: Int
  /// Sources that were forgotten while it made a difference.
  private(set) var evictions: UInt64 = 0

  /// - Parameter count: a power of two, at least `setSize`.
  init(count: Int) {
    precondition(count >= Self.setSize && count & (count - 1) == 0, "sets are chosen by a mask")
    self.count = count
    slots = .allocate(capacity: count)
    slots.initialize(repeating: Slot(high: 0, low: 0, state: LimitState()), count: count)
    setMask = UInt64(count / Self.setSize - 1)
  }

  deinit { slots.deallocate() }

  /// The place of `key`, which is empty (`LimitState()`) when the key is new.
  ///
  /// - Parameter isForgettable: whether a state may be forgotten without a difference.
  @inline(__always)
  mutating func place(
    _ key: SourceKey, isForgettable: (LimitState) -> Bool
  ) -> UnsafeMutablePointer<LimitState> {
    if let index = index(of: key) { return state(index) }
    return claim(key, isForgettable)
  }

  /// The place of `key`, nil when there is none.
  @inline(__always)
  func find(_ key: SourceKey) -> UnsafeMutablePointer<LimitState>? {
    guard let index = index(of: key) else { return nil }
    return state(index)
  }

  /// Walks over everything that is remembered.
  mutating func forEach(_ body: (inout LimitState) -> Void) {
    for index in 0..<count where slots[index].high | slots[index].low != 0 { body(&slots[index].state) }
  }

  /// Forgets everything.
  mutating func removeAll() {
    slots.update(repeating: Slot(high: 0, low: 0, state: LimitState()), count: count)
  }

  /// Places in use.
  var used: Int {
    var used = 0
    for index in 0..<count where slots[index].high | slots[index].low != 0 { used += 1 }
    return used
  }

  @inline(__always)
  private func state(_ index: Int) -> UnsafeMutablePointer<LimitState> {
    // The property's address inside memory that lives as long as this value.
    UnsafeMutableRawPointer(slots + index).advanced(by: 16).assumingMemoryBound(to: LimitState.self)
  }

  /// First slots of the two sets, which differ unless there is one only. The stripe was chosen by other bits of the
  /// key.
  @inline(__always)
  private func sets(_ key: SourceKey) -> (Int, Int) {
    let first = (key.low >> 16) & setMask
    let second = first ^ ((key.high | 1) & setMask)
    return (
      Int(truncatingIfNeeded: first) &* Self.setSize, Int(truncatingIfNeeded: second) &* Self.setSize
    )
  }

  @inline(__always)
  private func index(of key: SourceKey) -> Int? {
    let (first, second) = sets(key)
    var offset = 0
    while offset < Self.setSize {
      let index = first &+ offset
      if slots[index].low == key.low && slots[index].high == key.high { return index }
      offset &+= 1
    }
    offset = 0
    while offset < Self.setSize {
      let index = second &+ offset
      if slots[index].low == key.low && slots[index].high == key.high { return index }
      offset &+= 1
    }
    return nil
  }

  @inline(never)
  private mutating func claim(
    _ key: SourceKey, _ isForgettable: (LimitState) -> Bool
  ) -> UnsafeMutablePointer<LimitState> {
    let (first, second) = sets(key)
    let chosen = emptier(first, second) ?? forgettable(first, second, isForgettable) ?? oldest(first, second)
    slots[chosen] = Slot(high: key.high, low: key.low, state: LimitState())
    return state(chosen)
  }

  /// An empty place in the set that has more of them.
  private func emptier(_ first: Int, _ second: Int) -> Int? {
    var found = (first: -1, second: -1)
    var empty = (first: 0, second: 0)
    for offset in 0..<Self.setSize {
      if slots[first + offset].high | slots[first + offset].low == 0 {
        found.first = first + offset
        empty.first += 1
      }
      if slots[second + offset].high | slots[second + offset].low == 0 {
        found.second = second + offset
        empty.second += 1
      }
    }
    let index = empty.first >= empty.second ? found.first : found.second
    return index >= 0 ? index : nil
  }

  private func forgettable(_ first: Int, _ second: Int, _ isForgettable: (LimitState) -> Bool) -> Int? {
    for offset in 0..<Self.setSize {
      if isForgettable(slots[first + offset].state) { return first + offset }
      if isForgettable(slots[second + offset].state) { return second + offset }
    }
    return nil
  }

  private mutating func oldest(_ first: Int, _ second: Int) -> Int {
    evictions &+= 1
    var oldest = first
    for offset in 0..<Self.setSize {
      if slots[first + offset].state.since < slots[oldest].state.since { oldest = first + offset }
      if slots[second + offset].state.since < slots[oldest].state.since { oldest = second + offset }
    }
    return oldest
  }
}
