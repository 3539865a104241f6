/// The compiler's function table (`.gopclntab`): names, lines, frame sizes and inlined calls for every address.
///
/// A Go program needs it to print its own tracebacks and to collect garbage, so stripping cannot remove it: with it
/// stacks are exact in a binary without symbols or DWARF. Magic 0xfffffff0 is Go 1.18 and 1.19, 0xfffffff1 is 1.20
/// and later. Source: runtime/symtab.go, internal/abi/symtab.go, cmd/link/internal/ld/pcln.go.
///
/// Tables are bytes from a file: every offset is checked, every loop consumes input or is counted.
final class FunctionTable {
  struct Function {
    let index: Int
    /// Start address in the process.
    let entry: UInt64
    let nameOffset: Int
    let stackTable, fileTable, lineTable: Int
    let dataCount, unitOffset: Int
    let flags: UInt8
    /// Offset of the per-instruction table list, and of the function data list behind it.
    let dataTables: Int
    let functionData: Int
    let functionDataCount: Int
    /// The outermost function of a stack (`goexit`, `mstart`).
    var isTop: Bool { flags & 1 != 0 }
  }

  /// A call that the compiler inlined, and where in its caller it stands.
  struct InlinedCall {
    let nameOffset: Int
    let parentOffset: UInt64
  }

  let bytes: ByteView
  /// Address of the table itself in the process.
  let address: UInt64
  let count: Int
  /// Address that entries are relative to.
  let text: UInt64
  private let isLate: Bool
  private let quantum: UInt64
  private let names, units, files, values, functions: Int
  private var nameCache: [Int: String] = [:]

  /// Whether these bytes begin as a function table does: for a search where no section says so. Stricter than reading
  /// one, since constants of other programs hold the magic numbers: tables in their order, and a first function with a
  /// name.
  static func isHeader(_ bytes: ByteView) -> Bool {
    guard let magic = bytes.u32(0), magic == 0xffff_fff0 || magic == 0xffff_fff1, bytes.u16(4) == 0,
      bytes.u8(6) == 1, bytes.u8(7) == 8, let count = bytes.u64(8), (1..<1 << 27).contains(count)
    else { return false }
    let offsets = [32, 40, 48, 56, 64].compactMap { bytes.u64($0) }
    guard offsets.count == 5, (72...256).contains(offsets[0]),
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }),
      offsets[4] < UInt64(bytes.count), count <= (UInt64(bytes.count) - offsets[4]) / 8,
      let first = bytes.u32(Int(offsets[4]) + 4), let name = bytes.u32(Int(offsets[4]) + Int(first) + 4),
      let text = bytes.text(Int(offsets[0]) + Int(name), limit: 4096)
    else { return false }
    return !text.isEmpty
  }

  /// Whether the header fits; `text` is the base of entries (the header's own field is 0 from Go 1.26 on).
  init(_ bytes: ByteView, address: UInt64, text: UInt64) throws(ImageRefusal) {
    let name = "the function table"
    guard let magic = bytes.u32(0), magic == 0xffff_fff0 || magic == 0xffff_fff1 else {
      throw .missing(structure: name, reason: "unknown magic \(hex(UInt64(bytes.u32(0) ?? 0)))")
    }
    guard let quantum = bytes.u8(6), quantum == 1, bytes.u8(7) == 8 else {
      throw .missing(structure: name, reason: "not for x86-64")
    }
    var offsets: [Int] = []
    for field in [32, 40, 48, 56, 64] {
      guard let offset = bytes.u64(field), offset < UInt64(bytes.count) else {
        throw .missing(structure: name, reason: "an offset lies outside")
      }
      offsets.append(Int(offset))
    }
    guard let count = bytes.u64(8), count > 0, count <= UInt64((bytes.count - offsets[4]) / 8) else {
      throw .missing(structure: name, reason: "its function count lies outside")
    }
    self.bytes = bytes
    self.address = address
    self.text = text
    self.count = Int(count)
    self.quantum = UInt64(quantum)
    isLate = magic == 0xffff_fff1
    names = offsets[0]
    units = offsets[1]
    files = offsets[2]
    values = offsets[3]
    functions = offsets[4]
  }

  /// The function whose code contains `pc`.
  func find(_ pc: UInt64) -> Function? {
    guard pc >= text, let last = bytes.u32(functions &+ 8 &* count), pc &- text < UInt64(last) else { return nil }
    let wanted = UInt32(pc &- text)
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      guard let entry = bytes.u32(functions &+ 8 &* middle) else { return nil }
      if entry <= wanted { low = middle &+ 1 } else { high = middle }
    }
    return low > 0 ? function(low &- 1) : nil
  }

  /// The function at a place in the table.
  func function(_ index: Int) -> Function? {
    guard index >= 0, index < count, let offset = bytes.u32(functions &+ 8 &* index &+ 4) else { return nil }
    let start = functions &+ Int(offset)
    guard let entry = bytes.u32(start), let name = bytes.i32(start &+ 4), let stack = bytes.u32(start &+ 16),
      let file = bytes.u32(start &+ 20), let line = bytes.u32(start &+ 24), let tables = bytes.u32(start &+ 28),
      let unit = bytes.u32(start &+ 32)
    else { return nil }
    let tail = start &+ (isLate ? 40 : 36)
    guard let flags = bytes.u8(tail &+ 1), let dataCount = bytes.u8(tail &+ 3), tables < 1024 else { return nil }
    return Function(
      index: index, entry: text &+ UInt64(entry), nameOffset: Int(name), stackTable: Int(stack), fileTable: Int(file),
      lineTable: Int(line), dataCount: Int(tables), unitOffset: Int(unit), flags: flags, dataTables: tail &+ 4,
      functionData: tail &+ 4 &+ 4 &* Int(tables), functionDataCount: Int(dataCount))
  }

  func name(at offset: Int) -> String {
    if let known = nameCache[offset] { return known }
    let name = bytes.text(names &+ offset) ?? "?"
    nameCache[offset] = name
    return name
  }

  func name(_ function: Function) -> String { name(at: function.nameOffset) }

  /// One past the function's last byte.
  func end(_ function: Function) -> UInt64 {
    text &+ UInt64(bytes.u32(functions &+ 8 &* (function.index &+ 1)) ?? 0)
  }

  /// The value of a pc-value table at `pc`; nil where it has none.
  private func value(_ table: Int, _ entry: UInt64, _ pc: UInt64) -> Int32? {
    guard table != 0 else { return nil }
    var at = values &+ table
    var value: Int32 = -1
    var reached = entry
    // No function has more entries; a damaged table may have no end.
    for index in 0..<(1 << 17) {
      guard let step = bytes.varint(&at), step != 0 || index == 0 else { return nil }
      let delta = Int32(truncatingIfNeeded: step >> 1) ^ -Int32(truncatingIfNeeded: step & 1)
      value = value &+ delta
      guard let distance = bytes.varint(&at) else { return nil }
      reached = reached &+ distance &* quantum
      if pc < reached { return value }
    }
    return nil
  }

  /// Bytes between the stack pointer and the return address at `pc`.
  func stackDelta(_ function: Function, _ pc: UInt64) -> Int32? { value(function.stackTable, function.entry, pc) }

  /// Source file and line; ("?", 0) when the table has none.
  func line(_ function: Function, _ pc: UInt64) -> (file: String, line: Int) {
    guard let file = value(function.fileTable, function.entry, pc), file >= 0,
      let line = value(function.lineTable, function.entry, pc),
      let offset = bytes.u32(units &+ 4 &* (function.unitOffset &+ Int(file))), offset != .max
    else { return ("?", 0) }
    // Names and files share one cache: their offsets are told apart by the base.
    return (name(at: files &- names &+ Int(offset)), Int(line))
  }

  /// Index into the inline tree of the call that `pc` belongs to; nil when it is in the function itself.
  func inlineIndex(_ function: Function, _ pc: UInt64) -> Int? {
    guard function.dataCount > 2, let table = bytes.u32(function.dataTables &+ 8),
      let index = value(Int(table), function.entry, pc), index >= 0
    else { return nil }
    return Int(index)
  }

  /// Offset of the inline tree from the module's function data; nil when nothing is inlined.
  func inlineTree(_ function: Function) -> UInt64? {
    guard function.functionDataCount > 3, let offset = bytes.u32(function.functionData &+ 12), offset != .max
    else { return nil }
    return UInt64(offset)
  }

  /// An entry of the inline tree, from its bytes in memory.
  func inlinedCall(_ index: Int, tree: UInt64, in memory: any MemoryReader) -> InlinedCall? {
    guard index < 1 << 20 else { return nil }
    let size = isLate ? 16 : 20
    let at = tree &+ UInt64(index &* size)
    guard let name = memory.i32(at &+ (isLate ? 4 : 12)), let parent = memory.i32(at &+ (isLate ? 8 : 16)),
      name >= 0, parent >= 0
    else { return nil }
    return InlinedCall(nameOffset: Int(name), parentOffset: UInt64(parent))
  }

  /// Entry addresses of the functions with these names.
  func entries(named wanted: Set<String>) -> [UInt64] {
    var result: [UInt64] = []
    for index in 0..<count {
      guard let function = function(index) else { continue }
      if wanted.contains(bytes.text(names &+ function.nameOffset) ?? "") { result.append(function.entry) }
    }
    return result
  }
}

/// `0x1f40`, as the runtime and gdb print addresses.
func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
