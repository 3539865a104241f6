public import GatewayModel
public import Synchronization

/// The memory of one shard's ledger, which other threads read. See `ShardLedger`.
public final class LedgerTable: Sendable {
  @usableFromInline typealias Word = Atomic<UInt64>
  @usableFromInline static var wordsPerEntry: Int { 8 }
  @usableFromInline static var chunkBits: UInt32 { 8 }
  static var entriesPerChunk: Int { 1 << Int(chunkBits) }
  /// A million entries a shard.
  static let chunksMax = 4096

  // Pointers are not Sendable. The directory has its final size; a chunk is written to it before `chunkCount` says so,
  // and never moves.
  @usableFromInline nonisolated(unsafe) let directory: UnsafeMutablePointer<UnsafeMutablePointer<Word>?>
  @usableFromInline let chunkCount = Atomic<Int>(0)
  /// Things that were not entered, since the table was full.
  let unrecorded = Atomic<UInt64>(0)
  /// Uses of a handle whose entry had ended: a bug of the caller, and harmless here.
  @usableFromInline let staleUses = Atomic<UInt64>(0)

  init() {
    directory = .allocate(capacity: Self.chunksMax)
    directory.initialize(repeating: nil, count: Self.chunksMax)
  }

  deinit {
    for chunk in 0..<Self.chunksMax {
      if let memory = directory[chunk] { UnsafeMutableRawPointer(memory).deallocate() }
    }
    directory.deallocate()
  }

  /// The words of an entry; its chunk must exist.
  @inlinable
  func words(_ index: UInt32) -> UnsafeMutablePointer<Word> {
    let chunk = directory[Int(index &>> Self.chunkBits)].unsafelyUnwrapped
    return chunk + Int(index & ((1 &<< Self.chunkBits) &- 1)) &* Self.wordsPerEntry
  }
}

/// Everything alive on one shard: connections, exchanges, timers, tasks; who owns it, since when, what it waits for.
///
/// The problem: "does it leak, and what hangs?" is asked of a running process, about hundred thousands of things that
/// come and go a million times a second, and the answer must not cost what it observes. The rule: an entry is one
/// cache line in a table that only the shard writes, with relaxed atomic stores; a reader on another thread copies it
/// and takes the copy only when it was alive and the same before and after.
///
/// Why that is enough: word 0 is the entry's epoch, odd while it is alive. `end` makes it even before the next `begin`
/// writes other words, with a release fence in between; `begin` makes it odd, with release, after all words. A reader
/// loads the epoch with acquire (so it sees the words of that `begin` or later), copies, fences with acquire, and
/// loads the epoch again: had it copied a word of a later `begin`, the fences would make it see the even epoch or a
/// later one, and it drops the copy. What changes during a life is one word (what it waits for, and since when), so
/// there is nothing to tear.
///
/// Cost: `begin` eight stores, `wait` one, `end` two; no allocation once the table has grown. Bound: a million entries
/// a shard, 64 bytes each; what comes beyond is not entered, and counted.
public final class ShardLedger {
  @usableFromInline let table: LedgerTable
  /// The first of the free entries; each names the next in word 7. `.max` ends the list.
  private var firstFree = UInt32.max

  init(table: LedgerTable) { self.table = table }

  /// Enters something.
  ///
  /// - Parameters:
  ///   - owner: from `Ledger.owner`.
  ///   - generation: of the configuration it was made under.
  ///   - now: nanoseconds of the loop's clock.
  ///   - peer: the address at the other end, if it has one.
  public func begin(
    _ kind: LedgerKind, owner: UInt32, generation: UInt64, now: UInt64, waiting: LedgerWaiting = .nothing,
    peer: IPAddress? = nil, port: UInt16 = 0
  ) -> LedgerHandle {
    if firstFree == .max && !grow() {
      table.unrecorded.wrappingAdd(1, ordering: .relaxed)
      return .none
    }
    let index = firstFree
    let words = table.words(index)
    firstFree = UInt32(truncatingIfNeeded: words[7].load(ordering: .relaxed))
    // After this, nobody can take words of two lives for one.
    atomicMemoryFence(ordering: .releasing)
    let flags: UInt64 = peer == nil ? 0 : 1
    words[1].store(Self.stamp(waiting, now), ordering: .relaxed)
    words[2].store(
      UInt64(owner) << 32 | UInt64(port) << 16 | flags << 8 | UInt64(kind.rawValue), ordering: .relaxed)
    words[3].store(generation, ordering: .relaxed)
    words[4].store(now, ordering: .relaxed)
    words[5].store(peer?.high ?? 0, ordering: .relaxed)
    words[6].store(peer?.low ?? 0, ordering: .relaxed)
    let epoch = words[0].load(ordering: .relaxed) &+ 1
    words[0].store(epoch, ordering: .releasing)
    return LedgerHandle(index: index, epoch: UInt32(truncatingIfNeeded: epoch))
  }

  /// Says what an entry now waits for. One store.
  @inlinable
  public func wait(_ handle: LedgerHandle, for waiting: LedgerWaiting, now: UInt64) {
    guard let words = alive(handle) else { return }
    words[1].store(Self.stamp(waiting, now), ordering: .relaxed)
  }

  /// Gives an entry another owner: a connection that carries another router's request.
  public func assign(_ handle: LedgerHandle, owner: UInt32) {
    guard let words = alive(handle) else { return }
    let word = words[2].load(ordering: .relaxed)
    words[2].store(word & 0xffff_ffff | UInt64(owner) << 32, ordering: .relaxed)
  }

  /// Strikes an entry out. A second `end` does nothing.
  public func end(_ handle: LedgerHandle) {
    guard let words = alive(handle) else { return }
    words[0].store(words[0].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    words[7].store(UInt64(firstFree), ordering: .relaxed)
    firstFree = handle.index
  }

  /// The entry's words when the handle is still its own.
  @inlinable
  func alive(_ handle: LedgerHandle) -> UnsafeMutablePointer<Atomic<UInt64>>? {
    if handle.index == .max { return nil }
    let words = table.words(handle.index)
    if UInt32(truncatingIfNeeded: words[0].load(ordering: .relaxed)) == handle.epoch { return words }
    table.staleUses.wrappingAdd(1, ordering: .relaxed)
    return nil
  }

  /// What it waits for in the low byte, since when in the others: precise to 256 nanoseconds.
  @inlinable
  static func stamp(_ waiting: LedgerWaiting, _ now: UInt64) -> UInt64 { now & ~0xff | UInt64(waiting.rawValue) }

  /// Makes a chunk of free entries; false when there are `chunksMax`.
  private func grow() -> Bool {
    let chunk = table.chunkCount.load(ordering: .relaxed)
    guard chunk < LedgerTable.chunksMax else { return false }
    let count = LedgerTable.entriesPerChunk * LedgerTable.wordsPerEntry
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<LedgerTable.Word>.stride, alignment: 64
    ).bindMemory(to: LedgerTable.Word.self, capacity: count)
    for word in 0..<count { (memory + word).initialize(to: LedgerTable.Word(0)) }
    let first = UInt32(chunk << Int(LedgerTable.chunkBits))
    for entry in 0..<LedgerTable.entriesPerChunk {
      let isLast = entry == LedgerTable.entriesPerChunk - 1
      let next = isLast ? firstFree : first + UInt32(entry) + 1
      memory[entry * LedgerTable.wordsPerEntry + 7].store(UInt64(next), ordering: .relaxed)
    }
    table.directory[chunk] = memory
    table.chunkCount.store(chunk + 1, ordering: .releasing)
    firstFree = first
    return true
  }
}

@available(*, unavailable)
extension ShardLedger: Sendable {}
