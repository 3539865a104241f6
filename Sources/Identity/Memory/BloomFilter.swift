import Synchronization

/// Says of a fingerprint that it was certainly not put in lately, or that it may have been.
///
/// The problem: nearly every token that is not remembered as good is a new one, not one that was refused; the table of
/// refused ones should not be locked for each. The rule: two filters of `capacity` entries with sixteen bits
/// an entry and six hashes; one takes entries, both answer. When the taking one is full, or `lifetime` old, the other
/// is emptied and takes over, so an entry stays for one to two lifetimes unless the filter overflows. Full to the brim
/// each says "may be" wrongly for one in a thousand, both together for two: under the one in a hundred that
/// is asked for. Why not one filter that is emptied: it would forget everything at once, under the flood it is for.
/// What a wrong answer costs: a look into the table, and then a whole check. Bound: `capacity` / 2 words of memory.
public final class BloomFilter: Sendable {
  private struct Filling {
    var isSecond = false
    var count = 0
    var since: Int64 = .min
  }

  /// Both filters, one behind the other.
  private let words: AtomicWords
  private let wordsOfOne: Int
  private let capacity: Int
  private let lifetime: Int64
  private let filling = Mutex(Filling())

  private static let hashes = 6
  private static let bitsOfEntry = 16

  /// - Parameters:
  ///   - capacity: entries each of the two filters takes; rounded up to a power of two.
  ///   - lifetime: in the unit of `now`.
  public init(capacity: Int, lifetime: Int64) {
    var rounded = 64
    while rounded < capacity { rounded *= 2 }
    self.capacity = rounded
    self.lifetime = lifetime
    wordsOfOne = rounded * Self.bitsOfEntry / 64
    words = AtomicWords(count: 2 * wordsOfOne)
  }

  /// False: it was not put in lately. True: probably it was.
  public func mayContain(_ print: TokenFingerprint) -> Bool {
    holds(print, 0) || holds(print, wordsOfOne)
  }

  private func holds(_ print: TokenFingerprint, _ base: Int) -> Bool {
    var hash = print.high
    for _ in 0..<Self.hashes {
      let bit = Int(truncatingIfNeeded: hash) & (wordsOfOne &* 64 &- 1)
      if words.load(base &+ bit >> 6) & (1 << UInt64(bit & 63)) == 0 { return false }
      // Two independent halves give as many hashes as one likes (Kirsch and Mitzenmacher, 2006).
      hash = hash &+ (print.low | 1)
    }
    return true
  }

  /// Puts it in.
  public func insert(_ print: TokenFingerprint, now: Int64) {
    filling.withLock { filling in
      if filling.since == .min { filling.since = now }
      if filling.count >= capacity || now - filling.since >= lifetime {
        filling.isSecond.toggle()
        filling.count = 0
        filling.since = now
        words.clear(from: filling.isSecond ? wordsOfOne : 0, count: wordsOfOne)
      }
      filling.count += 1
      let base = filling.isSecond ? wordsOfOne : 0
      var hash = print.high
      for _ in 0..<Self.hashes {
        let bit = Int(truncatingIfNeeded: hash) & (wordsOfOne &* 64 &- 1)
        words.set(base &+ bit >> 6, 1 << UInt64(bit & 63))
        hash = hash &+ (print.low | 1)
      }
    }
  }
}

/// Words that anybody may read while one writes.
struct AtomicWords: ~Copyable, Sendable {
  private let base: Storage
  private let count: Int

  /// The pointer is set once; what it points to are atomics.
  private struct Storage: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Atomic<UInt64>>
  }

  init(count: Int) {
    self.count = count
    let pointer = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: count)
    for index in 0..<count { (pointer + index).initialize(to: Atomic(0)) }
    base = Storage(pointer: pointer)
  }

  deinit {
    base.pointer.deinitialize(count: count)
    base.pointer.deallocate()
  }

  func load(_ index: Int) -> UInt64 { base.pointer[index].load(ordering: .relaxed) }
  func set(_ index: Int, _ bits: UInt64) { base.pointer[index].bitwiseOr(bits, ordering: .relaxed) }

  func clear(from start: Int, count: Int) {
    for index in start..<(start + count) { base.pointer[index].store(0, ordering: .relaxed) }
  }
}
