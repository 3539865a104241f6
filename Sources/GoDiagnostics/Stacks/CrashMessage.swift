/// What the runtime was about to print, found in memory: for a core whose standard error is lost.
extension GoProcessImage {
  /// The goroutine that the process ended on, and what was said; nil when none ended it (a dump of a healthy process).
  ///
  /// The thread that ends the process is marked (`m.dying`, `m.throwing`). The message of a fatal error is the string
  /// argument of the function that raises it, where it was stored, and else a string among the words of that frame; the
  /// message of a panic is the argument of `g._panic`.
  public func crash() -> (goroutine: UInt64?, message: String?)? {
    var best: (rank: Int, record: GoroutineRecord, frames: [StackFrame])?
    for record in records() where record.status == GoroutineRecord.running || record.panic != 0 {
      let frames = stack(of: record)
      let dying = memory.u32(record.thread &+ UInt64(layout.thread.dying)) ?? 0
      let throwing = memory.u32(record.thread &+ UInt64(layout.thread.throwing)) ?? 0
      let isEnding = record.thread != 0 && record.thread >> 47 == 0 && (dying != 0 || throwing != 0)
      let rank = Self.isFatal(frames) ? 3 : isEnding ? 2 : frames.contains { Self.endsInPanic($0) } ? 1 : 0
      if rank > best?.rank ?? 0 { best = (rank, record, frames) }
    }
    if let best {
      return (best.record.id, fatalMessage(best.frames) ?? panicMessage(best.record))
    }
    for frames in threadStacks() {
      if let message = fatalMessage(frames) { return (nil, message) }
    }
    return signalMessage().map { (nil, $0) }
  }

  private static func endsInPanic(_ frame: StackFrame) -> Bool {
    ["runtime.fatalpanic", "runtime.dieFromSignal", "runtime.crash"].contains(frame.point.name)
  }

  private func fatalMessage(_ frames: [StackFrame]) -> String? {
    let raisers: Set = ["runtime.fatal", "runtime.throw", "internal/runtime/maps.fatal", "runtime.fatalthrow"]
    guard let index = frames.firstIndex(where: { raisers.contains($0.point.name) }) else { return nil }
    let raising = frames[index..<min(index + 3, frames.count)].filter { raisers.contains($0.point.name) }
    if index + raising.count < frames.count, let text = constantArgument(frames[index + raising.count]) {
      return "fatal error: " + text
    }
    for frame in raising {
      guard let end = frame.callerFrame else { continue }
      if let text = sentence(at: end) { return "fatal error: " + text }
      for place in stride(from: frame.stackPointer, to: min(end, frame.stackPointer &+ 512), by: 8) {
        if let text = sentence(at: place) { return "fatal error: " + text }
      }
    }
    return nil
  }

  /// The constant string a call passes as its first argument, read from the code before the call: `LEAQ text(SB), AX`
  /// and `MOVL $length, BX`. Words on the stack may be stale, the code is not.
  private func constantArgument(_ caller: StackFrame) -> String? {
    guard let function = caller.point.function else { return nil }
    let start = max(function.entry, caller.programCounter &- 48)
    guard start < caller.programCounter, caller.programCounter &- start <= 48,
      let code = memory.bytes(start, Int(caller.programCounter &- start)), code.count >= 17
    else { return nil }
    var text: UInt64?
    var length: UInt32?
    for at in 0...(code.count - 7) {
      if code[at] == 0x48, code[at + 1] == 0x8d, code[at + 2] == 0x05 {
        let distance = Int64(Int32(bitPattern: code.u32(at + 3)))
        text = start &+ UInt64(at + 7) &+ UInt64(bitPattern: distance)
      } else if code[at] == 0xbb {
        length = code.u32(at + 1)
      }
    }
    guard let text, let length, (4...300).contains(length), isConstant(text),
      let bytes = memory.bytes(text, Int(length)), bytes.allSatisfy({ (0x20...0x7e).contains($0) })
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func isConstant(_ address: UInt64) -> Bool {
    executable.elf.segments.contains {
      !$0.isWritable && address &- slide >= $0.address && address &- slide < $0.address &+ $0.fileSize
    }
  }

  /// A string of the program's constants that reads like a message.
  private func sentence(at header: UInt64) -> String? {
    guard let start = memory.u64(header), let count = memory.u64(header &+ 8), (8...200).contains(count),
      let bytes = memory.bytes(start, Int(count)), bytes.allSatisfy({ (0x20...0x7e).contains($0) }),
      isConstant(start)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// `g._panic.arg`, an empty interface: at 8 up to Go 1.25, at 0 since.
  private func panicMessage(_ record: GoroutineRecord) -> String? {
    guard record.panic != 0 else { return nil }
    let argument = record.panic &+ (version.minor >= 26 ? 0 : 8)
    guard let type = memory.u64(argument), let value = memory.u64(argument &+ 8), let name = typeName(at: type) else {
      return nil
    }
    switch name {
    case "string", "runtime.plainError", "runtime.plainErrorString":
      return memory.goString(value).map { "panic: " + $0 }
    case "runtime.errorString", "runtime.errorAddressString":
      return memory.goString(value).map { "panic: runtime error: " + $0 }
    case "runtime.boundsError":
      guard let index = memory.u64(value), let length = memory.u64(value &+ 8), memory.u8(value &+ 17) == 0 else {
        return "panic: runtime error: slice bounds out of range"
      }
      return "panic: runtime error: index out of range [\(Int64(bitPattern: index))] with length \(length)"
    case "*errors.errorString", "*fmt.wrapError":
      return memory.goString(value).map { "panic: " + $0 }
    default:
      return "panic: (\(name)) \(hex(value))"
    }
  }

  /// What threads do, wherever their stack lies: a deadlock is found on a system stack, with no goroutine running. The
  /// walk ends by itself at the thread's first function, so the mapping around the stack pointer bounds it.
  private func threadStacks() -> [[StackFrame]] {
    let regions = memory.writableRegions()
    return threads.values.map { thread in
      var result: [StackFrame] = []
      var start = StackStart(
        programCounter: thread.programCounter, stackPointer: thread.stackPointer, source: .registers)
      // A handler's stack ends in the kernel's frame, whose ucontext says what was interrupted. Handlers may nest.
      for _ in 0..<4 {
        guard let region = regions.first(where: { $0.contains(start.stackPointer) }) else { break }
        let frames = walk.frames(start, stack: region)
        result += frames
        // The handler's outermost frame is the top of its stack; right above lies the way back into the kernel.
        guard let last = frames.last else { break }
        let above = memory.prefix(last.stackPointer, 1024)
        guard
          let at = stride(from: 0, to: above.count &- 183, by: 8).first(where: {
            signalReturns.contains(above.u64($0))
          })
        else { break }
        let (sp, pc) = (above.u64(at &+ 168), above.u64(at &+ 176))
        start = StackStart(programCounter: pc, stackPointer: sp, source: .registers)
      }
      return result
    }
  }

  /// The signal the kernel wrote the core for, in the runtime's words. Every crash under `GOTRACEBACK=crash` ends with
  /// SIGABRT, so this is asked last.
  private func signalMessage() -> String? {
    guard case .core(let core) = source, let signal = core.threads.first(where: { $0.signal != 0 })?.signal else {
      return nil
    }
    let names: [UInt16: String] = [
      3: "SIGQUIT: quit", 6: "SIGABRT: abort", 7: "SIGBUS: bus error", 11: "SIGSEGV: segmentation violation",
    ]
    return names[signal]
  }
}
