/// One physical frame of a stack: a function's activation, inlined calls included.
struct StackFrame {
  /// The address execution continues at.
  let programCounter: UInt64
  /// The address that was looked up.
  let lookedUp: UInt64
  let stackPointer: UInt64
  let point: CodePoint

  /// Where the caller's frame begins: the spilled arguments of this call are the words from here on.
  var callerFrame: UInt64? {
    guard let delta = point.stackDelta, delta >= 0 else { return nil }
    return stackPointer &+ UInt64(delta) &+ 8
  }
}

/// Where a walk begins.
struct StackStart {
  enum Source: Equatable {
    /// Saved by the scheduler, or by the entry into a system call.
    case saved
    /// From registers: the address is that of an instruction, not a return address.
    case registers
    /// The thread is on its system stack, or is running and was not stopped.
    case unavailable
  }
  var programCounter: UInt64
  var stackPointer: UInt64
  var source: Source
}

/// Walks a stack by frame sizes from the function table alone.
///
/// Return address at sp + delta, next sp behind it (amd64). A return address is looked up one less, because a call that
/// never returns may be the function's last instruction; an address that came from registers, or from below the fault
/// handler, is looked up as it is. The walk ends at the outermost function, off the stack, where the table says
/// nothing, or after `limit` frames: a damaged stack cannot loop, because the stack pointer only rises.
struct StackWalk {
  static let limit = 1000
  let memory: any MemoryReader
  let points: CodePoints

  func frames(_ start: StackStart, stack: MemoryRegion) -> [StackFrame] {
    guard stack.contains(start.stackPointer) else { return [] }
    // Parked stacks are short: one read brings nearly all of them.
    let window = memory.prefix(start.stackPointer, Int(min(4096, stack.end &- start.stackPointer)))
    var result: [StackFrame] = []
    var isExact = start.source == .registers
    var pc = start.programCounter
    var sp = start.stackPointer
    while result.count < Self.limit {
      var lookup = isExact ? pc : pc &- 1
      if !isExact, let function = points.at(pc).function, function.entry == pc { lookup = pc }
      let point = points.at(lookup)
      result.append(StackFrame(programCounter: pc, lookedUp: lookup, stackPointer: sp, point: point))
      guard point.function != nil, !point.isTop, let delta = point.stackDelta, delta >= 0 else { break }
      isExact = point.isFaultHandler
      let place = sp &+ UInt64(delta)
      guard place >= sp, stack.contains(place), stack.end &- place >= 8 else { break }
      let offset = Int(place &- start.stackPointer)
      if offset <= window.count &- 8 {
        pc = window.u64(offset)
      } else if let word = memory.u64(place) {
        pc = word
      } else {
        break
      }
      sp = place &+ 8
      guard stack.contains(sp) else { break }
    }
    return result
  }
}
