import Testing

@testable import GoDiagnostics

@Suite("Files that are not what they say")
struct FileFormatTests {
  /// A header of an executable with room for tables.
  private func header() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(0..<8, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
    bytes[16] = 2
    bytes[18] = 62
    bytes[32] = 64
    bytes[54] = 56
    bytes[56] = 2
    bytes[58] = 64
    bytes[64] = 1
    return bytes
  }

  @Test("what is no ELF image for x86-64 is refused", arguments: [0, 4, 5, 16, 18, 54])
  func refused(offset: Int) {
    var bytes = header()
    bytes[offset] = 0x55
    if offset == 54 { bytes[offset] = 8 }
    #expect(throws: ImageRefusal.self) { try ELFFile(path: "x", file: ByteView(copying: bytes)) }
    #expect(throws: ImageRefusal.self) { try ELFFile(path: "x", file: ByteView(copying: bytes.prefix(offset + 1))) }
  }

  @Test("promises beyond the file cost nothing and give nothing")
  func promises() throws {
    var bytes = header()
    for offset in [40, 56, 60, 62] { bytes[offset] = 0xff }
    // 0xffff itself would say that the number stands in section 0.
    bytes[56] = 0xfe
    bytes[57] = 0xff
    let elf = try ELFFile(path: "x", file: ByteView(copying: bytes))
    #expect(elf.segments.count <= bytes.count / 56)
    #expect(elf.section(".text") == nil)
    #expect(elf.symbols(["main.main"]).isEmpty)
    #expect(throws: ImageRefusal.notGo(path: "x")) { try GoExecutable(elf: elf) }
  }

  @Test("random files never trap")
  func random() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<2000 {
      var bytes = header()
      for _ in 0..<24 { bytes[Int(random.next() % 512)] = UInt8(truncatingIfNeeded: random.next()) }
      bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
      guard let elf = try? ELFFile(path: "x", file: ByteView(copying: bytes)) else { continue }
      _ = elf.variables()
      for segment in elf.segments { _ = ELFFile.notes(elf.file.clipped(segment.offset, segment.fileSize)) }
    }
  }

  @Test("a function table of random bytes is refused or read within its bounds")
  func functionTable() throws {
    var random = SeededRandom(seed: 11)
    for round in 0..<2000 {
      var bytes = [UInt8](repeating: 0, count: 1024)
      for index in 0..<bytes.count where random.next() % 3 == 0 {
        bytes[index] = UInt8(truncatingIfNeeded: random.next())
      }
      bytes.replaceSubrange(0..<8, with: [round % 2 == 0 ? 0xf0 : 0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8])
      for (field, value) in [(8, 20), (32, 100), (40, 200), (48, 300), (56, 400), (64, 500)] {
        for byte in 0..<8 { bytes[field + byte] = byte == 0 ? UInt8(truncatingIfNeeded: value) : 0 }
        bytes[field + 1] = UInt8(value >> 8)
      }
      let table = try FunctionTable(ByteView(copying: bytes), address: 0x1000, text: 0x400000)
      for index in 0..<table.count {
        guard let function = table.function(index) else { continue }
        _ = table.name(function)
        let pc = function.entry &+ random.next() % 512
        _ = table.line(function, pc)
        _ = table.stackDelta(function, pc)
        _ = table.inlineIndex(function, pc)
        _ = table.find(pc)
      }
    }
  }

  @Test("numbers of variable length end within 64 bits")
  func varints() {
    let cases: [([UInt8], UInt64?)] = [
      ([0], 0), ([0x7f], 127), ([0x80, 1], 128), ([0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff), ([0x80], nil),
      ([], nil),
      ([UInt8](repeating: 0x80, count: 11), nil),
    ]
    for (bytes, expected) in cases {
      var at = 0
      #expect(ByteView(copying: bytes).varint(&at) == expected)
    }
  }

  @Test(
    "wait reasons are the runtime's words at the places that moved",
    arguments: [
      (19, 18, "semacquire"), (19, 24, "GC worker (idle)"), (21, 21, "sync.Mutex.Lock"),
      (23, 37, "GC weak to strong wait"),
      (24, 24, "sync.WaitGroup.Wait"), (25, 18, "GOMAXPROCS updater (idle)"), (25, 46, "cleanup wait"),
      (26, 3, "dumping heap"), (26, 18, "select"), (27, 19, "chan receive"), (27, 25, "sync.WaitGroup.Wait"),
    ])
  func waitReasons(minor: Int, number: Int, words: String) {
    let table = WaitReasons.table(minor)
    #expect(table.count > number)
    #expect(table.count > number && table[number] == words)
  }
}
