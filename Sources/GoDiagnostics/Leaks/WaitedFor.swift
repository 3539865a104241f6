/// What a blocked goroutine waits for.
public struct WaitedFor: Equatable, Sendable {
  /// What kind of thing is waited for.
  public enum Kind: String, Sendable {
    case channel, mutex, readWriteMutex, waitGroup, condition, semaphore
    /// A nil channel or a select without cases: nothing can ever wake it.
    case nothing
  }
  public var kind: Kind
  /// Of the channel, or of the lock (where its semaphore tells where it begins); 0 for `nothing`.
  public var address: UInt64
}

extension GoProcessImage {
  /// A goroutine that waits for another to do something.
  struct Blocked {
    let record: GoroutineRecord
    let frames: [StackFrame]
    /// Addresses any of which, when reachable, can wake it; empty when nothing can.
    let addresses: [UInt64]
    let kind: WaitedFor.Kind
    /// Queue entries, which are the runtime's and must not be taken for references.
    let queueEntries: [UInt64]

    /// From the start of the lock to its semaphore.
    let semaphoreOffset: UInt64

    var waitingOn: [WaitedFor] {
      if kind == .nothing { return [WaitedFor(kind: .nothing, address: 0)] }
      return addresses.map { WaitedFor(kind: kind, address: $0 &- semaphoreOffset) }
    }
  }

  /// What each blocked goroutine waits for, by goroutine id: a lock convoy is many with one address.
  public func waits() -> [UInt64: [WaitedFor]] {
    var result: [UInt64: [WaitedFor]] = [:]
    for candidate in records() {
      guard let (record, frames) = consistentStack(candidate), let blocked = blocked(record, frames) else { continue }
      result[record.id] = blocked.waitingOn
    }
    return result
  }

  private static let channelStates: Set = ["chan receive", "chan send", "select"]
  private static let lockStates: [String: WaitedFor.Kind] = [
    "sync.Mutex.Lock": .mutex, "sync.RWMutex.RLock": .readWriteMutex, "sync.RWMutex.Lock": .readWriteMutex,
    "sync.WaitGroup.Wait": .waitGroup, "sync.Cond.Wait": .condition, "semacquire": .semaphore,
  ]
  private static let foreverStates: Set = [
    "chan receive (nil chan)", "chan send (nil chan)", "select (no cases)",
  ]

  /// Nil when the goroutine does not wait on a channel or a lock, or when what it waits on cannot be told.
  func blocked(_ record: GoroutineRecord, _ frames: [StackFrame]) -> Blocked? {
    guard record.status == GoroutineRecord.waiting || record.status == GoroutineRecord.leaked else { return nil }
    let state = record.state(layout.waitReasons)
    if Self.foreverStates.contains(state) {
      return Blocked(
        record: record, frames: frames, addresses: [], kind: .nothing, queueEntries: [], semaphoreOffset: 0)
    }
    let waiters = queue(record)
    if Self.channelStates.contains(state) {
      let channels = waiters.compactMap { memory.u64($0 &+ UInt64(layout.waiter.channel)) }.filter { $0 != 0 }
      guard !channels.isEmpty else { return nil }
      return Blocked(
        record: record, frames: frames, addresses: channels, kind: .channel, queueEntries: waiters, semaphoreOffset: 0)
    }
    guard var kind = Self.lockStates[state] else { return nil }
    var isReader = state == "sync.RWMutex.RLock"
    if kind == .semaphore { (kind, isReader) = lockKind(frames) }
    let entries = waiters.isEmpty ? entriesInFrames(record, frames) : waiters
    var addresses = entries.compactMap { memory.u64($0 &+ UInt64(layout.waiter.element)) }.filter { $0 != 0 }
    if addresses.isEmpty { addresses = lockArgument(frames).map { [$0] } ?? [] }
    guard !addresses.isEmpty else { return nil }
    // sync.Mutex {state, sema}; RWMutex {Mutex, writerSem, readerSem, …}; WaitGroup {state 8, sema}.
    let offset: UInt64 =
      switch kind {
      case .mutex: 4
      case .readWriteMutex: isReader ? 12 : 8
      case .waitGroup: 8
      default: 0
      }
    return Blocked(
      record: record, frames: frames, addresses: addresses, kind: kind, queueEntries: entries, semaphoreOffset: offset)
  }

  /// `g.waiting`: one entry per channel of a select, in one chain. (For semaphores only from Go 1.26.)
  private func queue(_ record: GoroutineRecord) -> [UInt64] {
    var result: [UInt64] = []
    var entry = record.waiting
    while entry != 0, result.count < 65536, memory.u64(entry) == record.address {
      result.append(entry)
      guard let next = memory.u64(entry &+ UInt64(layout.waiter.waitLink)) else { break }
      entry = next
    }
    return result
  }

  /// The entry that the blocking function itself holds: the one word of its frame that points to something whose first
  /// word is the goroutine. That needs no symbol, where walking the runtime's table of semaphores would.
  private func entriesInFrames(_ record: GoroutineRecord, _ frames: [StackFrame]) -> [UInt64] {
    for frame in frames
    where frame.point.name.hasPrefix("runtime.semacquire") || frame.point.name == "runtime.notifyListWait" {
      guard let end = frame.callerFrame, end > frame.stackPointer, end &- frame.stackPointer < 4096 else { continue }
      let bytes = memory.prefix(frame.stackPointer, Int(end &- frame.stackPointer))
      for at in stride(from: 0, to: bytes.count &- 7, by: 8) {
        let word = bytes.u64(at)
        guard word >> 16 != 0, word >> 47 == 0, word & 7 == 0, !record.stack.contains(word), word != record.address,
          memory.u64(word &+ UInt64(layout.waiter.goroutine)) == record.address
        else { continue }
        return [word]
      }
    }
    return []
  }

  /// The argument of the outermost function of package sync that waits: address of the semaphore or of the list.
  private func lockArgument(_ frames: [StackFrame]) -> UInt64? {
    for frame in frames {
      let name = frame.point.name
      guard name.hasPrefix("sync.") || name.hasPrefix("internal/sync.") else { continue }
      guard name.contains("emacquire") || name.contains("notifyListWait") else { continue }
      if let place = frame.callerFrame, let word = memory.u64(place), word >> 16 != 0, word >> 47 == 0 { return word }
    }
    return nil
  }

  /// Go before 1.21 says "semacquire" for all locks; the caller knows which, and whether it wants to read.
  private func lockKind(_ frames: [StackFrame]) -> (WaitedFor.Kind, isReader: Bool) {
    for frame in frames.lazy.flatMap(\.point.frames) {
      if frame.function.contains("(*Mutex).") { return (.mutex, false) }
      if frame.function.contains("(*RWMutex).") { return (.readWriteMutex, frame.function.hasSuffix(".RLock")) }
      if frame.function.contains("(*WaitGroup).") { return (.waitGroup, false) }
    }
    return (.semaphore, false)
  }
}
