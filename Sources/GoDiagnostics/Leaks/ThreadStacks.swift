/// What the threads of the runtime (M) hold beside goroutines: registers that a signal put aside, and how much of their
/// own stack (g0) is in use.
///
/// Both matter to a leak proof. A process that is made to write a core by SIGABRT or SIGQUIT has most threads in the
/// runtime's handler: what they worked with lies in the kernel's frame on the handler's stack, where nothing else would
/// look for it. And a stack below its pointer holds what calls left behind that are long over: with C in the program g0
/// is a stack of C's, and searched as a whole it keeps alive what was started through it (`go` statements run there).
extension GoProcessImage {
  /// What the kernel lets a function use below its stack pointer (System V ABI for amd64, 3.2.2).
  private static let redZone: UInt64 = 128

  /// A frame that the kernel put on a handler's stack.
  private struct SignalFrame {
    let stackPointer: UInt64
    let registers: [UInt64]
  }

  /// One of the runtime's threads, by its record.
  private struct RuntimeThread {
    let state: ThreadState
    let system: GoroutineRecord
    let signalStack: MemoryRegion
    let current: MemoryRegion?
  }

  /// Registers that signals interrupted, of all threads that are in the runtime's handler.
  func interruptedRegisters() -> [UInt64] {
    runtimeThreads().flatMap { thread in signalFrames(thread).flatMap(\.registers) }
  }

  /// Parts of threads' own stacks that are below their pointer: nothing there is in use.
  func unusedStacks() -> [MemoryRegion] {
    runtimeThreads().compactMap { thread in
      guard let used = lowestUse(thread), used &- Self.redZone > thread.system.stack.start,
        thread.system.stack.contains(used)
      else { return nil }
      return MemoryRegion(start: thread.system.stack.start, end: used &- Self.redZone)
    }
  }

  /// How far down its own stack a thread is; nil when that cannot be told.
  private func lowestUse(_ thread: RuntimeThread) -> UInt64? {
    let own = thread.system.stack
    var places = [thread.state.stackPointer]
    if thread.signalStack.contains(thread.state.stackPointer) {
      let frames = signalFrames(thread)
      // Without the kernel's frame it is not known where the handler will return to.
      guard !frames.isEmpty else { return nil }
      places = frames.map(\.stackPointer)
    }
    if let place = places.first(where: own.contains) { return place }
    // On the stack of a goroutine: its own begins where the scheduler left it. C would be on its own.
    guard let current = thread.current, places.contains(where: current.contains) else { return nil }
    return thread.system.stackPointer
  }

  /// The kernel's frames above a handler's stack pointer: a return address into the runtime's sigreturn, behind it a
  /// ucontext with general registers from +40 on, the stack pointer as the sixteenth.
  private func signalFrames(_ thread: RuntimeThread) -> [SignalFrame] {
    let stack = thread.signalStack
    guard stack.contains(thread.state.stackPointer) else { return [] }
    let start = thread.state.stackPointer & ~7
    let bytes = memory.prefix(start, Int(stack.end &- start))
    return stride(from: 0, to: bytes.count &- 184, by: 8).filter { signalReturns.contains(bytes.u64($0)) }.map { at in
      let registers = (0..<16).map { bytes.u64(at &+ 48 &+ $0 &* 8) }
      return SignalFrame(stackPointer: registers[15], registers: registers)
    }
  }

  private func runtimeThreads() -> [RuntimeThread] {
    threadAddresses().compactMap { address in
      guard let id = memory.u64(address &+ UInt64(layout.thread.systemID)),
        let state = threads[Int32(truncatingIfNeeded: id)], let system = memory.u64(address).flatMap(record(at:)),
        system.stack.size <= 1 << 30
      else { return nil }
      let signal = memory.u64(address &+ UInt64(layout.thread.signalGoroutine)).flatMap(record(at:))?.stack
      let current = memory.u64(address &+ UInt64(layout.thread.currentGoroutine)).flatMap(record(at:))
      let nothing = MemoryRegion(start: 0, end: 0)
      return RuntimeThread(
        state: state, system: system, signalStack: signal.map { $0.size <= 1 << 20 ? $0 : nothing } ?? nothing,
        current: current?.stack)
    }
  }
}
