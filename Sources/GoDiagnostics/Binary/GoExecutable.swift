/// A Go program's file: its version, its function table and where its data lies.
///
/// Neither DWARF nor a symbol table is needed. The version stands in `.go.buildinfo`, names and frame sizes in the
/// function table, and both survive `-s -w`. Symbols are used where they are, because they save a search.
struct GoExecutable {
  let elf: ELFFile
  let version: GoVersion
  let layout: RuntimeLayout
  let functionTable: ProgramParts.Part
  let buildInfo: ProgramParts.Part
  /// The sections that hold variables, at their link-time addresses; all writable memory in a file without sections.
  let variables: [MemoryRegion]
  /// The file has no section headers, so that its parts were found by their contents.
  let isSearched: Bool
  private let symbols: [String: ELFFile.Symbol]

  init(path: String) throws(ImageRefusal) {
    try self.init(elf: ELFFile(path: path))
  }

  init(elf: ELFFile) throws(ImageRefusal) {
    guard elf.kind == .executable else { throw .notAnImage(path: elf.path, reason: "it is a core") }
    let parts = ProgramParts(elf)
    guard let buildInfo = parts.buildInfo, let text = Self.version(buildInfo.bytes), let version = GoVersion(text)
    else { throw .notGo(path: elf.path) }
    self.elf = elf
    self.version = version
    self.buildInfo = buildInfo
    layout = try RuntimeLayout(version)
    guard let table = parts.functionTable else {
      throw .missing(
        structure: "the function table",
        reason: "\(elf.path) has no section .gopclntab, and nothing in its segments begins as one")
    }
    functionTable = table
    variables = parts.variables
    isSearched = parts.isSearched
    symbols = elf.symbols([
      "runtime.firstmoduledata", "runtime.allgs", "runtime.allm", "runtime.allp", "runtime.mheap_",
    ])
  }

  /// The version text of the build information: inline since Go 1.18 (flag 2), a length and bytes at offset 32.
  private static func version(_ bytes: ByteView) -> String? {
    guard bytes.count >= 33, bytes.bytes.starts(with: ProgramParts.buildInfoMagic), let flags = bytes.u8(15),
      flags & 2 != 0
    else { return nil }
    var at = 32
    guard let length = bytes.varint(&at), length < 1024, let text = bytes.slice(UInt64(at), length) else { return nil }
    return String(decoding: text.bytes, as: UTF8.self)
  }

  /// A runtime variable's link-time address, when the file has symbols.
  func symbol(_ name: String) -> ELFFile.Symbol? { symbols[name] }

  /// Where the runtime's description of the module lies: by symbol, by its own section (Go 1.26), or by its contents:
  /// it begins with the address of the function table followed by that of the names in it.
  func moduleData(slide: UInt64, in memory: any MemoryReader) throws(ImageRefusal) -> UInt64 {
    let table = functionTable.address &+ slide
    let direct = symbol("runtime.firstmoduledata")?.address ?? elf.section(".go.module")?.address
    if let direct, memory.u64(direct &+ slide) == table { return direct &+ slide }
    let names = table &+ (functionTable.bytes.u64(32) ?? 0)
    for region in variables {
      var found: UInt64?
      memory.scan(region.start &+ slide, region.end &+ slide) { start, block in
        for at in stride(from: 0, to: block.count &- 8, by: 8)
        where block.loadUnaligned(fromByteOffset: at, as: UInt64.self) == table {
          let place = start &+ UInt64(at)
          if memory.u64(place &+ 8) == names {
            found = place
            return false
          }
        }
        return true
      }
      if let found { return found }
    }
    throw .missing(
      structure: "the module data",
      reason: "no variable of the process points to the function table; the executable may be another one")
  }

  /// Refuses when the core shows notes (build ids) or build information other than the file's. The core need not have
  /// them; true when at least one of them was there to compare.
  func confirmIdentity(slide: UInt64, in process: any MemoryReader) throws(ImageRefusal) -> Bool {
    var compared = false
    for segment in elf.segments where segment.type == ELFFile.Segment.note {
      guard let own = elf.file.slice(segment.offset, segment.fileSize), own.count <= 4096,
        let other = process.bytes(segment.address &+ slide, own.count)
      else { continue }
      compared = true
      if !other.elementsEqual(own.bytes) {
        throw .executableMismatch(
          expected: Self.buildID(ByteView(copying: other)), found: Self.buildID(own))
      }
    }
    if buildInfo.bytes.count <= 1 << 20,
      let other = process.bytes(buildInfo.address &+ slide, buildInfo.bytes.count)
    {
      compared = true
      if !other.elementsEqual(buildInfo.bytes.bytes) {
        let theirs = Self.version(ByteView(copying: other)) ?? "other build information"
        throw .executableMismatch(expected: theirs, found: "\(version) built otherwise")
      }
    }
    return compared
  }

  private static func buildID(_ notes: ByteView) -> String {
    for note in ELFFile.notes(notes) {
      if note.name == "Go", note.type == 4 {
        return "build id \(String(decoding: note.contents.bytes.prefix(40), as: UTF8.self))"
      }
      if note.name == "GNU", note.type == 3 {
        return "build id "
          + note.contents.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      }
    }
    return "another build id"
  }
}
