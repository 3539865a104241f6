/// The runtime's threads (M) and processors (P): who runs what, and how much waits to run.
///
/// Goroutines alone do not show a starved process: every processor busy in system calls, a thread in C for minutes,
/// hundreds of goroutines ready and queued. Offsets were read from the DWARF of real programs of each version, as those
/// of `RuntimeLayout`. With symbols the runtime's own lists are walked; a stripped program shows the threads that its
/// goroutines lead to, and theirs.
public struct SchedulerState: Sendable, Codable, Equatable {
  /// A thread of the runtime's (M).
  public struct Thread: Sendable, Codable, Equatable {
    /// The runtime's number (`m=3` in tracebacks).
    public var id: Int64
    /// The kernel's thread id.
    public var systemID: UInt64
    /// The goroutine it runs; absent for an idle thread.
    public var goroutine: UInt64?
    /// The processor it holds.
    public var processor: Int32?
    /// It looks for work.
    public var spinning: Bool
    /// It is in C code.
    public var inC: Bool
    /// It is ending the process.
    public var ending: Bool
  }

  /// A processor of the runtime's (P).
  public struct Processor: Sendable, Codable, Equatable {
    public var id: Int32
    /// idle, running, syscall, gcstop, dead.
    public var status: String
    /// The thread that holds it, by the runtime's number.
    public var thread: Int64?
    /// Goroutines ready to run in its own queue.
    public var queued: UInt32
  }

  public var threads: [Thread]
  public var processors: [Processor]

  /// Two tables for a terminal.
  public func terminalText() -> String {
    let busy = processors.filter { $0.status != "idle" && $0.status != "dead" }.count
    let queued = processors.reduce(UInt64(0)) { $0 &+ UInt64($1.queued) }
    var lines = [
      "\(threads.count) threads, \(busy) of \(processors.count) processors busy, \(queued) goroutines queued"
    ]
    for processor in processors {
      let holder = processor.thread.map { " held by M\($0)" } ?? ""
      lines.append("  P\(processor.id) \(processor.status)\(holder), \(processor.queued) queued")
    }
    for thread in threads {
      var words = ["M\(thread.id) (\(thread.systemID == 0 ? "starting" : "thread \(thread.systemID)"))"]
      words.append(thread.goroutine.map { "runs goroutine \($0)" } ?? "idle")
      if let processor = thread.processor { words.append("on P\(processor)") }
      if thread.spinning { words.append("spinning") }
      if thread.inC { words.append("in C") }
      if thread.ending { words.append("ending the process") }
      lines.append("  " + words.joined(separator: ", "))
    }
    return lines.joined(separator: "\n")
  }
}

extension GoProcessImage {
  private static let threadsMax = 20_000

  /// Threads and processors as they are now; of a running process that is not frozen, a blurred picture.
  public func scheduler() -> SchedulerState {
    let minor = version.minor
    let shift: UInt64 = minor == 25 ? 8 : 0
    let addresses = threadAddresses()
    var numbers: [UInt64: Int64] = [:]
    var processors: Set<UInt64> = []
    var threads: [SchedulerState.Thread] = []
    for address in addresses {
      let id = memory.value(address &+ UInt64(layout.thread.id), as: Int64.self) ?? -1
      numbers[address] = id
      let current = memory.u64(address &+ UInt64(layout.thread.currentGoroutine)) ?? 0
      let processor = memory.u64(address &+ 208 &- shift) ?? 0
      if processor != 0 { processors.insert(processor) }
      threads.append(
        SchedulerState.Thread(
          id: id, systemID: memory.u64(address &+ UInt64(layout.thread.systemID)) ?? 0,
          goroutine: current == 0 ? nil : record(at: current).flatMap { $0.id == 0 ? nil : $0.id },
          processor: processor == 0 ? nil : memory.i32(processor), spinning: memory.u8(address &+ 276 &- shift) == 1,
          inC: memory.u8(address &+ 280 &- shift) == 1,
          ending: memory.u32(address &+ UInt64(layout.thread.dying)) ?? 0 != 0
            || memory.u32(address &+ UInt64(layout.thread.throwing)) ?? 0 != 0))
    }
    processors.formUnion(listedProcessors())
    return SchedulerState(
      threads: threads.sorted { $0.id < $1.id },
      processors: processors.compactMap { self.processor($0, numbers) }.sorted { $0.id < $1.id })
  }

  /// Records of the runtime's threads, as far as the runtime's list or goroutines lead to them.
  func threadAddresses() -> [UInt64] {
    var addresses: [UInt64] = []
    var seen: Set<UInt64> = []
    var pending = records().map(\.thread).filter { $0 != 0 && $0 >> 47 == 0 }
    if let list = executable.symbol("runtime.allm"), let first = memory.u64(list.address &+ slide) {
      pending.append(first)
    }
    while let start = pending.popLast() {
      var thread = start
      while thread != 0, addresses.count < Self.threadsMax, seen.insert(thread).inserted, isThread(thread) {
        addresses.append(thread)
        thread = memory.u64(thread &+ UInt64(layout.thread.allLink)) ?? 0
      }
    }
    return addresses
  }

  /// An M is known by its g0, which points back to itself and to the M.
  private func isThread(_ address: UInt64) -> Bool {
    guard address & 7 == 0, let system = memory.u64(address), system != 0, let record = record(at: system) else {
      return false
    }
    return record.thread == address
  }

  private func listedProcessors() -> [UInt64] {
    guard let list = executable.symbol("runtime.allp"), let start = memory.u64(list.address &+ slide),
      let count = memory.u64(list.address &+ slide &+ 8), count <= 65536
    else { return [] }
    return (0..<count).compactMap { memory.u64(start &+ $0 &* 8) }.filter { $0 != 0 }
  }

  private func processor(_ address: UInt64, _ threads: [UInt64: Int64]) -> SchedulerState.Processor? {
    let names = ["idle", "running", "syscall", "gcstop", "dead"]
    let minor = version.minor
    let queue: UInt64 = (23...25).contains(minor) ? 392 : 400
    guard let id = memory.i32(address), id >= 0, id < 65536, let status = memory.u32(address &+ 4), status < 5,
      let thread = memory.u64(address &+ (minor <= 22 ? 56 : 48)), let head = memory.u32(address &+ queue),
      let tail = memory.u32(address &+ queue &+ 4), let next = memory.u64(address &+ queue &+ 2056)
    else { return nil }
    // The queue is a ring of 256 with counters that run on; a torn reading may show more.
    let queued = min(tail &- head, 256) &+ (next == 0 ? 0 : 1)
    return SchedulerState.Processor(id: id, status: names[Int(status)], thread: threads[thread], queued: queued)
  }
}
