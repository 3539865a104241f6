/// An ELF file for x86-64: an executable or a core.
///
/// Only what the readers need: segments, sections by name, symbols by name, notes. Counts come from the file and are
/// bounded by its size, so a header that promises four billion segments costs nothing. A core of a process with more
/// than 65,534 mappings keeps the true number in section 0 (PN_XNUM, see elf(5)).
struct ELFFile {
  struct Segment: Equatable {
    static let load: UInt32 = 1
    static let interpreter: UInt32 = 3
    static let note: UInt32 = 4
    var type: UInt32
    var flags: UInt32
    var offset: UInt64
    var address: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var isWritable: Bool { flags & 2 != 0 }
  }

  struct Section: Equatable {
    var name: String
    var type: UInt32
    var address: UInt64
    var offset: UInt64
    var size: UInt64
    var link: UInt32
    var region: MemoryRegion { MemoryRegion(start: address, end: address &+ min(size, .max &- address)) }
  }

  struct Symbol: Equatable {
    var address: UInt64
    var size: UInt64
  }

  enum Kind: Equatable { case executable, core }

  let path: String
  let file: ByteView
  let kind: Kind
  /// Linked to run at any address (ET_DYN).
  let isPositionIndependent: Bool
  let entry: UInt64
  let segments: [Segment]
  let sections: [Section]

  init(path: String) throws(ImageRefusal) {
    try self.init(path: path, file: ByteView.file(path))
  }

  init(path: String, file: ByteView) throws(ImageRefusal) {
    self.path = path
    self.file = file
    guard file.u32(0) == 0x464c_457f else { throw .notAnImage(path: path, reason: "no ELF header") }
    guard file.u8(4) == 2, file.u8(5) == 1, file.u16(18) == 62 else {
      throw .notAnImage(path: path, reason: "another machine")
    }
    switch file.u16(16) {
    case 2, 3: kind = .executable
    case 4: kind = .core
    default: throw .notAnImage(path: path, reason: "neither an executable nor a core")
    }
    guard let entry = file.u64(24), let segmentTable = file.u64(32), let sectionTable = file.u64(40),
      let segmentSize = file.u16(54), let segmentCount = file.u16(56), let sectionSize = file.u16(58),
      let sectionCount = file.u16(60), let names = file.u16(62)
    else { throw .notAnImage(path: path, reason: "the header is cut short") }
    self.entry = entry
    isPositionIndependent = file.u16(16) == 3
    var segmentsPromised = UInt64(segmentCount)
    if segmentCount == 0xffff, let first = file.slice(sectionTable, 64), let true32 = first.u32(44) {
      segmentsPromised = UInt64(true32)
    }
    segments = Self.segments(file, at: segmentTable, entrySize: segmentSize, count: segmentsPromised)
    sections = Self.sections(
      file, at: sectionTable, entrySize: sectionSize, count: UInt64(sectionCount), names: Int(names))
    guard !segments.isEmpty else { throw .notAnImage(path: path, reason: "no segments") }
  }

  private static func segments(
    _ file: ByteView, at start: UInt64, entrySize: UInt16, count: UInt64
  ) -> [Segment] {
    guard entrySize >= 56 else { return [] }
    let fits = (UInt64(file.count) &- min(start, UInt64(file.count))) / UInt64(entrySize)
    var result: [Segment] = []
    for index in 0..<min(count, fits) {
      guard let entry = file.slice(start &+ index &* UInt64(entrySize), 56),
        let type = entry.u32(0), let flags = entry.u32(4), let offset = entry.u64(8), let address = entry.u64(16),
        let fileSize = entry.u64(32), let memorySize = entry.u64(40)
      else { break }
      result.append(
        Segment(
          type: type, flags: flags, offset: offset, address: address, fileSize: fileSize, memorySize: memorySize))
    }
    return result
  }

  private static func sections(
    _ file: ByteView, at start: UInt64, entrySize: UInt16, count: UInt64, names: Int
  ) -> [Section] {
    guard start != 0, entrySize >= 64 else { return [] }
    var raw: [(name: UInt32, section: Section)] = []
    for index in 0..<count {
      guard let entry = file.slice(start &+ index &* UInt64(entrySize), 64),
        let name = entry.u32(0), let type = entry.u32(4), let address = entry.u64(16), let offset = entry.u64(24),
        let size = entry.u64(32), let link = entry.u32(40)
      else { break }
      raw.append((name, Section(name: "", type: type, address: address, offset: offset, size: size, link: link)))
    }
    guard names < raw.count else { return [] }
    let texts = file.clipped(raw[names].section.offset, raw[names].section.size)
    return raw.map { entry in
      var section = entry.section
      section.name = texts.text(Int(entry.name), limit: 256) ?? ""
      return section
    }
  }

  func section(_ name: String) -> Section? { sections.first { $0.name == name } }

  /// The section's bytes in the file; nil when it has none (`.bss`) or lies outside.
  func contents(_ section: Section) -> ByteView? {
    section.type == 8 ? nil : file.slice(section.offset, section.size)
  }

  /// The named symbols that the table has. A stripped file has none, and answers with an empty dictionary.
  func symbols(_ wanted: Set<String>) -> [String: Symbol] {
    var result: [String: Symbol] = [:]
    forEachSymbol { name, symbol, _ in
      if wanted.contains(name) { result[name] = symbol }
      return result.count < wanted.count
    }
    return result
  }

  /// Data symbols (variables), sorted by address, for naming globals. At most a million.
  func variables() -> [(name: String, symbol: Symbol)] {
    var result: [(name: String, symbol: Symbol)] = []
    forEachSymbol { name, symbol, kind in
      if kind == 1 { result.append((name, symbol)) }
      return result.count < 1_000_000
    }
    return result.sorted { $0.symbol.address < $1.symbol.address }
  }

  /// Calls `body` with name, place and kind (1 = data) of each symbol that has an address, until it returns false.
  private func forEachSymbol(_ body: (String, Symbol, UInt8) -> Bool) {
    guard let table = section(".symtab"), let entries = contents(table), Int(table.link) < sections.count,
      let texts = contents(sections[Int(table.link)])
    else { return }
    var at = 0
    while let name = entries.u32(at), let info = entries.u8(at + 4), let value = entries.u64(at + 8),
      let size = entries.u64(at + 16)
    {
      at += 24
      guard value != 0, let text = texts.text(Int(name), limit: 4096) else { continue }
      guard body(text, Symbol(address: value, size: size), info & 15) else { return }
    }
  }

  /// The notes of one segment or section: name, type, contents. Ends at the first that does not fit.
  static func notes(_ bytes: ByteView) -> [(name: String, type: UInt32, contents: ByteView)] {
    var result: [(name: String, type: UInt32, contents: ByteView)] = []
    var at: UInt64 = 0
    while let header = bytes.slice(at, 12), let nameSize = header.u32(0), let size = header.u32(4),
      let type = header.u32(8)
    {
      at += 12
      let name = bytes.clipped(at, UInt64(nameSize))
      at += (UInt64(nameSize) + 3) & ~3
      guard let contents = bytes.slice(at, UInt64(size)) else { break }
      at += (UInt64(size) + 3) & ~3
      let text = String(decoding: name.bytes.prefix { $0 != 0 }.prefix(64), as: UTF8.self)
      result.append((text, type, contents))
    }
    return result
  }
}
