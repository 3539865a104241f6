/// A thread's registers, as far as the source has them.
struct ThreadState {
  let id: Int32
  let programCounter: UInt64
  let stackPointer: UInt64
  /// All words that may hold pointers (for the conservative mark).
  let registers: [UInt64]
}

/// What a Go image is read from.
enum ProcessSource {
  case core(CoreFile)
  case live(LiveMemory)

  var memory: any MemoryReader {
    switch self {
    case .core(let core): core
    case .live(let live): live
    }
  }

  /// Where the entry point lies in the process.
  var entry: UInt64? {
    switch self {
    case .core(let core): core.entry
    case .live(let live): live.entry
    }
  }

  /// Threads whose registers are known. A live process that was not stopped has none that can be trusted.
  func threads() -> [ThreadState] {
    switch self {
    case .core(let core):
      core.threads.map {
        ThreadState(
          id: $0.id, programCounter: $0.programCounter, stackPointer: $0.stackPointer, registers: $0.registers)
      }
    case .live(let live): live.stoppedThreads()
    }
  }

  /// Nanoseconds of CLOCK_MONOTONIC; nil for a core, which does not tell the time.
  var now: Int64? {
    switch self {
    case .core: nil
    case .live: LiveMemory.monotonicNow()
    }
  }
}
