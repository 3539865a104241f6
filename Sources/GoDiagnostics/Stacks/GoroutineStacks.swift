/// From records to goroutines: where each stack begins, its frames, and the words of the runtime.
extension GoProcessImage {
  /// All living goroutines with their stacks, system goroutines included unless asked otherwise.
  ///
  /// Equal to what the runtime prints at `GOTRACEBACK=system` for goroutines that are parked: frames (inlined calls
  /// too), files, lines, states, wait reasons. A goroutine that runs while the process is not stopped has
  /// `stackAvailable` false, as in the runtime's own text. Damaged records are left out and counted in `remarks`.
  public func goroutines(includingSystem: Bool = true) -> [Goroutine] {
    let records = records()
    let now = source.now ?? records.map(\.waitSince).max() ?? 0
    var stacks: [[UInt64]: [Goroutine.Frame]] = [:]
    var creations: [UInt64: Goroutine.Creation] = [:]
    var result: [Goroutine] = []
    result.reserveCapacity(records.count)
    var damaged = 0
    for found in records {
      guard let (record, frames) = consistentStack(found) else { continue }
      guard record.defect(reasons: layout.waitReasons.count) == nil else {
        damaged += 1
        continue
      }
      if !includingSystem, isSystem(record) { continue }
      var goroutine = Goroutine(
        id: record.id, state: record.state(layout.waitReasons), waitMinutes: minutes(record, now),
        locked: record.lockedThread != 0, leaked: record.status == GoroutineRecord.leaked,
        labels: labels(record), stackAvailable: !frames.isEmpty)
      let key = frames.flatMap { [$0.programCounter, $0.lookedUp] }
      if let known = stacks[key] {
        goroutine.frames = known
      } else {
        goroutine.frames = logicalFrames(frames)
        stacks[key] = goroutine.frames
      }
      showLock(record, frames, &goroutine)
      goroutine.createdBy = creation(record, &creations)
      result.append(goroutine)
    }
    if damaged > 0 { remarks.append("\(damaged) goroutine records are damaged and left out") }
    return result.sorted { ($0.id ?? 0) < ($1.id ?? 0) }
  }

  /// A stack and the record it belongs to. A live goroutine may have moved on between the two reads; it is read again,
  /// three times at most, and then taken as it is. Nil when it ended meanwhile.
  func consistentStack(_ found: GoroutineRecord) -> (GoroutineRecord, [StackFrame])? {
    guard case .live(let live) = source, !live.isStopped else { return (found, stack(of: found)) }
    var record = found
    for _ in 0..<3 {
      let frames = stack(of: record)
      guard let again = self.record(at: record.address), again.isAlive else { return nil }
      if again.status == record.status, again.programCounter == record.programCounter,
        again.stackPointer == record.stackPointer, again.id == record.id, again.stack == record.stack
      {
        return (record, frames)
      }
      record = again
    }
    return (record, stack(of: record))
  }

  /// The physical frames, innermost first; empty when the stack cannot be had.
  func stack(of record: GoroutineRecord) -> [StackFrame] {
    let start = start(of: record)
    return start.source == .unavailable ? [] : walk.frames(start, stack: record.stack)
  }

  /// Where the goroutine is: in a system call, on a thread whose registers we have, interrupted by a signal whose
  /// frame lies on the signal stack, or where the scheduler left it.
  func start(of record: GoroutineRecord) -> StackStart {
    let parked = StackStart(
      programCounter: record.programCounter, stackPointer: record.stackPointer, source: .saved)
    if record.status == GoroutineRecord.syscall, record.syscallStackPointer != 0 {
      return StackStart(
        programCounter: record.syscallProgramCounter, stackPointer: record.syscallStackPointer, source: .saved)
    }
    guard record.status == GoroutineRecord.running else { return parked }
    guard !threads.isEmpty, record.thread != 0 else {
      return StackStart(programCounter: 0, stackPointer: 0, source: .unavailable)
    }
    guard let id = memory.u64(record.thread &+ UInt64(layout.thread.systemID)),
      let thread = threads[Int32(truncatingIfNeeded: id)]
    else { return parked }
    if record.stack.contains(thread.stackPointer) {
      return StackStart(
        programCounter: thread.programCounter, stackPointer: thread.stackPointer, source: .registers)
    }
    return interrupted(record) ?? parked
  }

  /// The place a signal interrupted: the kernel's frame on the M's signal stack. Its return address is the entry of
  /// the runtime's sigreturn; the ucontext behind it has RSP at +160 and RIP at +168 (amd64).
  private func interrupted(_ record: GoroutineRecord) -> StackStart? {
    guard let signalGoroutine = memory.u64(record.thread &+ UInt64(layout.thread.signalGoroutine)),
      let low = memory.u64(signalGoroutine), let high = memory.u64(signalGoroutine &+ 8), high > low,
      high &- low <= 1 << 20, let bytes = memory.bytes(low, Int(high &- low))
    else { return nil }
    for at in stride(from: 0, to: bytes.count &- 184, by: 8) where signalReturns.contains(bytes.u64(at)) {
      let sp = bytes.u64(at &+ 8 &+ 160)
      let pc = bytes.u64(at &+ 8 &+ 168)
      if record.stack.contains(sp), table.find(pc) != nil {
        return StackStart(programCounter: pc, stackPointer: sp, source: .registers)
      }
    }
    return nil
  }

  /// Inlined calls unfolded; the address stands with the function it is in.
  func logicalFrames(_ frames: [StackFrame]) -> [Goroutine.Frame] {
    var result: [Goroutine.Frame] = []
    for frame in frames {
      guard frame.point.function != nil else {
        result.append(Goroutine.Frame(function: "?", pc: frame.programCounter))
        continue
      }
      result += frame.point.frames
      result[result.count - 1].pc = frame.programCounter
    }
    return result
  }

  /// Gives the locking method its receiver as argument, as the runtime's text does: convoys are found by it.
  private func showLock(_ record: GoroutineRecord, _ frames: [StackFrame], _ goroutine: inout Goroutine) {
    guard goroutine.state.hasPrefix("sync.") || goroutine.state == "semacquire",
      let lock = blocked(record, frames)?.waitingOn.first, lock.kind == .mutex || lock.kind == .readWriteMutex,
      let index = goroutine.frames.firstIndex(where: {
        $0.function.hasSuffix("sync.(*Mutex).lockSlow") || $0.function.hasPrefix("sync.(*RWMutex).")
      })
    else { return }
    goroutine.frames[index].arguments = hex(lock.address)
  }

  /// Whether the runtime hides the goroutine from users: it was started by the runtime for itself.
  func isSystem(_ record: GoroutineRecord) -> Bool {
    guard record.startedAt != 0 else { return false }
    let name = points.at(record.startedAt).name
    return name.hasPrefix("runtime.")
      && !["runtime.main", "runtime.corostart", "runtime.handleAsyncEvent"].contains(name)
  }

  private func minutes(_ record: GoroutineRecord, _ now: Int64) -> Int? {
    guard
      record.status == GoroutineRecord.waiting || record.status == GoroutineRecord.syscall
        || record.status == GoroutineRecord.leaked, record.waitSince > 0, now > record.waitSince
    else { return nil }
    let minutes = Int((now &- record.waitSince) / 60_000_000_000)
    return minutes > 0 ? minutes : nil
  }

  private func creation(
    _ record: GoroutineRecord, _ known: inout [UInt64: Goroutine.Creation]
  ) -> Goroutine.Creation? {
    // The main goroutine is started by assembly and has no `go` statement.
    guard record.createdAt != 0, record.id != 1, let function = table.find(record.createdAt) else { return nil }
    if var creation = known[record.createdAt] {
      creation.goroutine = record.parent == 0 ? nil : record.parent
      return creation
    }
    let lookup = record.createdAt > function.entry ? record.createdAt &- 1 : record.createdAt
    let place = table.line(function, lookup)
    let name = points.at(lookup).frames.first?.function ?? table.name(function)
    let creation = Goroutine.Creation(
      function: name, file: place.file, line: place.line, goroutine: record.parent == 0 ? nil : record.parent)
    known[record.createdAt] = creation
    return creation
  }

  /// pprof labels: a sorted list from Go 1.24 on, a map before.
  private func labels(_ record: GoroutineRecord) -> [Goroutine.Label] {
    guard record.labels != 0 else { return [] }
    guard version.minor >= 24 else {
      return memory.u64(record.labels).map { ClassicMap.stringPairs(at: $0, in: memory) } ?? []
    }
    guard let list = memory.u64(record.labels), let count = memory.u64(record.labels &+ 8), count <= 64 else {
      return []
    }
    return (0..<count).compactMap { index in
      guard let key = text(at: list &+ index &* 32), let value = text(at: list &+ index &* 32 &+ 16) else { return nil }
      return Goroutine.Label(key: key, value: value)
    }
  }

  /// A Go string by the address of its header; nil when it is longer than 64 KB or cannot be read.
  func text(at header: UInt64) -> String? { memory.goString(header) }
}

extension MemoryReader {
  func goString(_ header: UInt64) -> String? {
    guard let start = u64(header), let count = u64(header &+ 8), count <= 65536 else { return nil }
    return bytes(start, Int(count)).map { String(decoding: $0, as: UTF8.self) }
  }
}
