/// Where the parts of a Go program's file lie that the readers need.
///
/// Section headers name them, and nothing that runs needs section headers: `sstrip` cuts them off, and packers for
/// small images do. What the loader needs cannot be cut off. So without a section a part is looked for in the loaded
/// segments, by what it must begin with: the build information by its magic (as `go version` finds it), the function
/// table by its header. Variables are then all that is writable. A part that looks right and is not is caught later:
/// the module data must point to this very function table.
struct ProgramParts {
  /// Bytes of the file and the address they are linked to.
  struct Part {
    let address: UInt64
    let bytes: ByteView
  }

  static let buildInfoMagic: [UInt8] = [0xff] + Array(" Go buildinf:".utf8)

  let buildInfo: Part?
  let functionTable: Part?
  /// Where variables lie, at their link-time addresses: initialised ones first.
  let variables: [MemoryRegion]
  /// Parts that could only be found by their contents: the file has no section headers, or other names in them.
  let isSearched: Bool

  init(_ elf: ELFFile) {
    let info = Self.part(elf, [".go.buildinfo"])
    let table = Self.part(elf, [".gopclntab", ".data.rel.ro.gopclntab"])
    let named = [".noptrdata", ".data", ".bss", ".noptrbss"].compactMap { elf.section($0)?.region }
    buildInfo = info ?? Self.searchBuildInfo(elf)
    functionTable = table ?? Self.searchFunctionTable(elf)
    variables =
      named.isEmpty
      ? Self.loaded(elf).filter(\.isWritable).map {
        MemoryRegion(start: $0.address, end: $0.address &+ min($0.memorySize, .max &- $0.address))
      } : named
    isSearched = info == nil || table == nil || named.isEmpty
  }

  private static func loaded(_ elf: ELFFile) -> [ELFFile.Segment] {
    elf.segments.filter { $0.type == ELFFile.Segment.load }
  }

  private static func part(_ elf: ELFFile, _ names: [String]) -> Part? {
    for name in names {
      guard let section = elf.section(name), let bytes = elf.contents(section) else { continue }
      return Part(address: section.address, bytes: bytes)
    }
    return nil
  }

  /// On 16 bytes, in writable data; as long as the two texts behind the header say.
  private static func searchBuildInfo(_ elf: ELFFile) -> Part? {
    for segment in loaded(elf) where segment.isWritable {
      let bytes = elf.file.clipped(segment.offset, segment.fileSize)
      var at = Int((0 &- segment.address) & 15)
      while at + 32 < bytes.count {
        if bytes.u8(at) == 0xff, bytes.bytes[at...].starts(with: buildInfoMagic) {
          var end = at + 32
          for _ in 0..<2 {
            guard let length = bytes.varint(&end), length <= UInt64(bytes.count - end) else { return nil }
            end += Int(length)
          }
          return bytes.slice(UInt64(at), UInt64(end - at)).map {
            Part(address: segment.address &+ UInt64(at), bytes: $0)
          }
        }
        at += 16
      }
    }
    return nil
  }

  /// On 8 bytes, in any segment (the linker puts it with constants, with relocated ones, or beside code); to the
  /// segment's end, for its length stands nowhere.
  private static func searchFunctionTable(_ elf: ELFFile) -> Part? {
    for segment in loaded(elf) {
      let bytes = elf.file.clipped(segment.offset, segment.fileSize)
      var at = Int((0 &- segment.address) & 7)
      while at + 72 < bytes.count {
        if let word = bytes.u32(at), word == 0xffff_fff0 || word == 0xffff_fff1,
          let part = bytes.slice(UInt64(at), UInt64(bytes.count - at)), FunctionTable.isHeader(part)
        {
          return Part(address: segment.address &+ UInt64(at), bytes: part)
        }
        at += 8
      }
    }
    return nil
  }
}
