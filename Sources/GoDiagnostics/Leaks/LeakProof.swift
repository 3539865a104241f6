/// Proves goroutines leaked: nothing that can still run can reach what they wait for.
///
/// The rule is that of Go's own `goroutineleak` profile (1.27), applied to a core of any version. Goroutines blocked on
/// channels and locks are set aside; from everything else (variables, registers, stacks of the rest) the heap is
/// marked. A goroutine whose channel or lock gets marked, or lies in a variable, can be woken: it joins the rest, its
/// stack is marked too, and so on. Who is left over when nothing changes any more waits for something nobody can touch.
///
/// The mark is conservative: any word that looks like a pointer is one. So a stale word may hide a leak, but no word is
/// missed, and a live goroutine is not accused. Each object is looked into once; time and memory are in proportion to
/// the heap.
///
/// C may hold Go pointers where Go's collector never looks. When the program has C in it, everything writable outside
/// Go's heap is searched as well: C's variables, `malloc`, stacks and thread-local memory of C's threads (see
/// `ForeignMemory`). That costs leaks: what the runtime keeps outside its heap is searched too, and holds stale words,
/// though not where a thread's stack is out of use (`ThreadStacks`).
/// What cannot be seen at all stands in `unseen`, and the proof is then one except for that. Where memory that must be
/// searched cannot be read, nothing is proved and that is said.
public struct LeakProof: Equatable, Sendable {
  /// A leaked goroutine, and what it waits for.
  public struct Leak: Equatable, Sendable {
    public var goroutine: Goroutine
    public var waitingOn: [WaitedFor]
  }

  /// Goroutines proved unreachable, by id.
  public var leaked: [Leak]
  /// How many were blocked on a channel or a lock.
  public var candidates: Int
  /// Heap objects found reachable.
  public var objectsMarked: Int
  /// Goroutines that wait on a lock which could not be told, and count as alive.
  public var undecided: Int
  /// The program has C in it, whose memory was searched too.
  public var isLinkedToC: Bool
  /// Places that could hold the last reference to a leaked goroutine's channel or lock and could not be searched, as
  /// sentences; empty for a core of a program in pure Go.
  public var unseen: [String]
}

extension GoProcessImage {
  /// Searches the whole heap. Of a process only while it is frozen: goroutines in motion would be accused.
  public func leakProof() throws(ImageRefusal) -> LeakProof {
    let mark = LeakMark(self, spans: try HeapSpans(self))
    mark.run()
    guard standsStill else {
      throw .missing(
        structure: "a picture that stands still",
        reason: "the process ran meanwhile (it is frozen for \(FrozenProcess.limitSeconds) s at most); take a core")
    }
    guard mark.unread == 0 else {
      throw .missing(
        structure: "all memory that could lead to a goroutine",
        reason:
          "\(mark.unread) bytes of variables, stacks and heap cannot be read (a core cut short?), and without them"
          + " goroutines that live would be accused")
    }
    let now = Dictionary(goroutines().map { ($0.id ?? 0, $0) }, uniquingKeysWith: { first, _ in first })
    var leaks: [LeakProof.Leak] = []
    for blocked in mark.unreached() {
      guard let goroutine = now[blocked.record.id] else { continue }
      leaks.append(LeakProof.Leak(goroutine: goroutine, waitingOn: blocked.waitingOn))
    }
    leaks.sort { ($0.goroutine.id ?? 0) < ($1.goroutine.id ?? 0) }
    return LeakProof(
      leaked: leaks, candidates: mark.candidateCount, objectsMarked: mark.marked, undecided: mark.undecided,
      isLinkedToC: isLinkedToC, unseen: unseenRoots())
  }
}

/// The mark itself.
private final class LeakMark {
  private let image: GoProcessImage
  private let spans: HeapSpans
  private var bits: [UInt64]
  private var work: [(start: UInt64, size: UInt64)] = []
  private var candidates: [GoProcessImage.Blocked?] = []
  /// Objects never marked while their goroutine is a candidate, or at all: goroutines set aside, queue entries.
  private var barred: Set<Int> = []
  /// Candidates woken by an object, and by a goroutine on whose stack the lock lies.
  private var wokenByObject: [Int: [Int]] = [:]
  /// Candidates woken by a word that points into an object no further than where their lock ends.
  private var wokenByWord: [Int: [(end: UInt64, candidate: Int)]] = [:]
  private var wokenByStack: [Int: [Int]] = [:]
  private var alive: [Int] = []
  private(set) var marked = 0
  /// Bytes of Go's own roots and objects that could not be read.
  private(set) var unread: UInt64 = 0
  private(set) var undecided = 0
  private(set) var candidateCount = 0

  init(_ image: GoProcessImage, spans: HeapSpans) {
    self.image = image
    self.spans = spans
    bits = [UInt64](repeating: 0, count: spans.objectCount / 64 + 1)
  }

  func unreached() -> [GoProcessImage.Blocked] { candidates.compactMap { $0 } }

  func run() {
    let roots = setAside()
    let layout = image.layout.module
    for offset in [layout.data, layout.bss] {
      let region = image.moduleRegion(offset)
      scan(region.start, region.end)
    }
    for thread in image.threads.values { for word in thread.registers { push(word) } }
    for word in image.interruptedRegisters() { push(word) }
    for (record, frames) in roots { revive(record, frames) }
    scanForeignMemory()
    drain()
    while let index = alive.popLast() {
      guard let blocked = candidates[index] else { continue }
      candidates[index] = nil
      if let own = spans.object(blocked.record.address) { barred.remove(own.number) }
      revive(blocked.record, blocked.frames)
      alive += wokenByStack[index] ?? []
      drain()
    }
  }

  /// Splits the goroutines into candidates and the rest, which is returned.
  private func setAside() -> [(GoroutineRecord, [StackFrame])] {
    var roots: [(GoroutineRecord, [StackFrame])] = []
    for candidate in image.records() {
      guard let (record, frames) = image.consistentStack(candidate) else { continue }
      guard !image.isSystem(record), let blocked = image.blocked(record, frames) else {
        let state = record.state(image.layout.waitReasons)
        if state.hasPrefix("sync."), !image.isSystem(record) { undecided += 1 }
        roots.append((record, frames))
        continue
      }
      candidates.append(blocked)
      for entry in blocked.queueEntries { if let object = spans.object(entry) { barred.insert(object.number) } }
      if let own = spans.object(record.address) { barred.insert(own.number) }
    }
    candidateCount = candidates.count
    let layout = image.layout.module
    let variables = [layout.noPointerData, layout.data, layout.bss, layout.noPointerBSS].map { image.moduleRegion($0) }
    let stacks = candidates.indices.compactMap { index in candidates[index].map { (index, $0.record.stack) } }
      .sorted { $0.1.start < $1.1.start }
    for (index, blocked) in candidates.enumerated() {
      for address in blocked?.addresses ?? [] {
        if variables.contains(where: { $0.contains(address) }) {
          alive.append(index)
        } else if let owner = Self.owner(of: address, stacks) {
          wokenByStack[owner, default: []].append(index)
        } else if let object = spans.object(address), spans.spans[object.span].isPointerFree {
          // Small objects without pointers share blocks of 16 bytes: a string behind the lock keeps the block, but a
          // pointer behind a lock cannot lead back to it.
          let size: UInt64 = blocked?.kind == .mutex || blocked?.kind == .waitGroup ? 4 : 16
          wokenByWord[object.number, default: []].append((address &+ size, index))
        } else if let object = spans.object(address) {
          wokenByObject[object.number, default: []].append(index)
        } else if roots.contains(where: { $0.0.stack.contains(address) }) {
          alive.append(index)
        } else {
          // Neither heap, nor variable, nor stack: memory we know nothing of. Not accused.
          alive.append(index)
        }
      }
    }
    return roots
  }

  /// The candidate on whose stack the address lies.
  private static func owner(of address: UInt64, _ stacks: [(Int, MemoryRegion)]) -> Int? {
    var low = 0
    var high = stacks.count
    while low < high {
      let middle = (low + high) / 2
      if stacks[middle].1.start <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 && stacks[low - 1].1.contains(address) ? stacks[low - 1].0 : nil
  }

  /// A goroutine that can run: its record and its stack are roots.
  private func revive(_ record: GoroutineRecord, _ frames: [StackFrame]) {
    push(record.address)
    // Without frames the stack pointer is unknown, and the whole stack is searched.
    let start = frames.first?.stackPointer ?? record.stack.start
    scan(start & ~7, min(record.stack.end, start &+ (1 << 30)))
  }

  /// What C allocated may hold Go pointers. Searched only when the program has C in it; pages that cannot be read there
  /// are nobody's.
  private func scanForeignMemory() {
    guard image.isLinkedToC else { return }
    let known = unread
    for region in image.foreignMemory(spans) { scan(region.start, region.end) }
    unread = known
  }

  @inline(__always)
  private func push(_ word: UInt64) {
    guard let object = spans.object(word) else { return }
    if !wokenByWord.isEmpty, spans.spans[object.span].isPointerFree, let locks = wokenByWord[object.number] {
      for lock in locks where word < lock.end { alive.append(lock.candidate) }
    }
    let mask = UInt64(1) << UInt64(object.number & 63)
    guard bits[object.number >> 6] & mask == 0, !barred.contains(object.number) else { return }
    bits[object.number >> 6] |= mask
    marked += 1
    if let woken = wokenByObject[object.number] { alive += woken }
    let span = spans.spans[object.span]
    if !span.isPointerFree { work.append((object.start, span.elementSize)) }
  }

  private func scan(_ start: UInt64, _ end: UInt64) {
    guard end > start else { return }
    let low = spans.bounds.start
    let high = spans.bounds.end
    var seen: UInt64 = 0
    image.memory.scan(start, end) { _, block in
      seen &+= UInt64(block.count)
      for at in stride(from: 0, to: block.count &- 7, by: 8) {
        let word = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        if word >= low, word < high { push(word) }
      }
      return true
    }
    unread &+= ((end &- start) & ~7) &- min(seen, (end &- start) & ~7)
  }

  private func drain() {
    while let object = work.popLast() { scan(object.start, object.start &+ object.size) }
  }
}
