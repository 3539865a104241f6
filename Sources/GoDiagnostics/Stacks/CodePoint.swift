/// What the function table says about one address: found once, used by every stack that passes there.
///
/// A hundred thousand goroutines share a few hundred addresses, and decoding the tables costs a thousand times what a
/// dictionary look-up does.
final class CodePoint {
  let function: FunctionTable.Function?
  let name: String
  /// Bytes from the stack pointer to the return address; nil when unknown here.
  let stackDelta: Int32?
  /// Innermost call first: inlined calls, then the function itself.
  let frames: [Goroutine.Frame]
  let isTop: Bool
  /// The frame below is one that faulted: its address is exact, no return address.
  let isFaultHandler: Bool

  init(
    function: FunctionTable.Function?, name: String, stackDelta: Int32?, frames: [Goroutine.Frame], isTop: Bool
  ) {
    self.function = function
    self.name = name
    self.stackDelta = stackDelta
    self.frames = frames
    self.isTop = isTop
    isFaultHandler = name == "runtime.sigpanic"
  }
}

/// Turns addresses into functions, lines and inlined calls, and remembers them.
final class CodePoints {
  let table: FunctionTable
  private let memory: any MemoryReader
  /// Base address of the module's function data, where inline trees lie.
  private let functionData: UInt64
  private var known: [UInt64: CodePoint] = [:]

  init(table: FunctionTable, functionData: UInt64, memory: any MemoryReader) {
    self.table = table
    self.functionData = functionData
    self.memory = memory
  }

  /// `pc` is the address to look up: for a return address that is one less.
  func at(_ pc: UInt64) -> CodePoint {
    if let point = known[pc] { return point }
    // A damaged stack must not fill memory with nonsense addresses.
    if known.count > 1 << 20 { known.removeAll() }
    let point = make(pc)
    known[pc] = point
    return point
  }

  private func make(_ pc: UInt64) -> CodePoint {
    guard let function = table.find(pc) else {
      return CodePoint(function: nil, name: "?", stackDelta: nil, frames: [], isTop: false)
    }
    let name = table.name(function)
    let isTop = function.isTop || ["runtime.goexit", "runtime.mstart", "runtime.rt0_go"].contains(name)
    return CodePoint(
      function: function, name: name, stackDelta: table.stackDelta(function, pc), frames: frames(function, name, pc),
      isTop: isTop)
  }

  private func frames(_ function: FunctionTable.Function, _ name: String, _ pc: UInt64) -> [Goroutine.Frame] {
    var result: [Goroutine.Frame] = []
    var place = table.line(function, pc)
    if let tree = table.inlineTree(function) {
      var index = table.inlineIndex(function, pc)
      while let at = index, result.count < 256,
        let call = table.inlinedCall(at, tree: functionData &+ tree, in: memory)
      {
        result.append(
          Goroutine.Frame(function: table.name(at: call.nameOffset), file: place.file, line: place.line, inlined: true))
        let parent = function.entry &+ call.parentOffset
        place = table.line(function, parent)
        index = table.inlineIndex(function, parent)
      }
    }
    result.append(Goroutine.Frame(function: name, file: place.file, line: place.line))
    return result
  }
}
