/// Goroutines with one signature.
public struct GoroutineGroup: Sendable {
  /// How many ids, labels and lock addresses are kept as examples.
  static let examplesMax = 8
  static let locksMax = 64

  public internal(set) var signature: Signature
  /// One of them, with its stack.
  public internal(set) var sample: Goroutine
  public internal(set) var count = 0
  /// The shortest and longest wait seen; nil when no member has one.
  public internal(set) var minutesMin: Int?
  public internal(set) var minutesMax: Int?
  /// Ids of the first members.
  public internal(set) var ids: [UInt64] = []
  /// Sets of labels of the first members that differ.
  public internal(set) var labels: [[Goroutine.Label]] = []
  /// Members by the address of the mutex they wait for. At most `locksMax` addresses.
  public internal(set) var locks: [UInt64: Int] = [:]
  /// Members wait for a mutex, so each one's stack is worth building for its address.
  let waitsForLock: Bool

  init(signature: Signature, sample: Goroutine) {
    self.signature = signature
    self.sample = sample
    waitsForLock = LockAddress.find(sample) != nil
  }

  mutating func add(id: UInt64?, minutes: Int?, members: Int = 1) {
    count = GoroutineGrouper.sum(count, members)
    if let id, ids.count < Self.examplesMax { ids.append(id) }
    guard let minutes else { return }
    minutesMin = min(minutesMin ?? minutes, minutes)
    minutesMax = max(minutesMax ?? minutes, minutes)
  }

  mutating func add(labels new: [Goroutine.Label]) {
    guard !new.isEmpty, labels.count < Self.examplesMax, !labels.contains(new) else { return }
    labels.append(new)
  }

  mutating func add(lock: UInt64, members: Int = 1) {
    guard locks[lock] != nil || locks.count < Self.locksMax else { return }
    locks[lock] = GoroutineGrouper.sum(locks[lock] ?? 0, members)
  }
}

/// The mutex a goroutine waits for: the receiver of the locking method, as the stack shows it.
enum LockAddress {
  static func find(_ goroutine: Goroutine) -> UInt64? {
    for frame in goroutine.frames.prefix(8) {
      let name = frame.function
      guard name.hasSuffix("sync.(*Mutex).lockSlow") || name.hasPrefix("sync.(*RWMutex).") else { continue }
      guard let value = RaceFinder.values(frame.arguments).first, value.number > 0xffff else { continue }
      return value.number
    }
    return nil
  }
}
