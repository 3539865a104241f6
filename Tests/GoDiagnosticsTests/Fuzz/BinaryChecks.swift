@testable import GoDiagnostics

extension GoFuzz {
  /// debug=1, and the heap numbers at the end of a heap profile.
  @Sendable static func profileText(_ bytes: [UInt8], _ round: UInt64) -> String? {
    _ = HeapStatistics(bytes)
    return sameGroups(bytes, round)
  }

  /// debug=0: protocol buffers.
  @Sendable static func profile(_ bytes: [UInt8], _ round: UInt64) -> String? {
    var grouper = GoroutineGrouper()
    _ = bytes.withUnsafeBytes { raw in try? PprofProfile.read(raw, into: &grouper) }
    guard (try? GoroutineReport(grouper, source: "x").json()) != nil else { return "no JSON of the groups" }
    return sameGroups(bytes, round)
  }

  /// Any bytes behind a gzip header, and what is packed comes out as it went in.
  @Sendable static func gzip(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let cap = 1 << 20
    for input in [bytes, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + bytes] {
      guard let inflater = try? Inflater(cap: cap) else { return "no inflater" }
      var produced = 0
      _ = try? input.withUnsafeBytes { raw in try inflater.feed(raw) { produced += $0.count } }
      if produced > cap { return "\(produced) bytes came out with a cap of \(cap)" }
    }
    guard let inflater = try? Inflater(cap: cap) else { return "no inflater" }
    var out: [UInt8] = []
    for piece in pieces(Deflater.gzip(bytes), round) {
      guard (try? piece.withUnsafeBytes { raw in try inflater.feed(raw) { out.append(contentsOf: $0) } }) != nil else {
        return "what was packed is not unpacked"
      }
    }
    if out != bytes { return "\(bytes.count) bytes packed came out as \(out.count), or others" }
    return sameGroups(bytes, round)
  }

  /// An executable: header, segments, sections, symbols, notes, build information, function table.
  @Sendable static func elf(_ bytes: [UInt8], _ round: UInt64) -> String? {
    guard let elf = try? ELFFile(path: "x", file: ByteView(copying: bytes)) else { return nil }
    if elf.segments.count > bytes.count / 56 { return "\(elf.segments.count) segments in \(bytes.count) bytes" }
    if elf.sections.count > bytes.count / 64 { return "\(elf.sections.count) sections in \(bytes.count) bytes" }
    if elf.variables().count > bytes.count / 24 { return "more symbols than fit" }
    for segment in elf.segments {
      let notes = ELFFile.notes(elf.file.clipped(segment.offset, segment.fileSize))
      if notes.count > bytes.count / 12 { return "\(notes.count) notes in \(bytes.count) bytes" }
    }
    guard let program = try? GoExecutable(elf: elf) else { return nil }
    if program.functionTable.bytes.count > bytes.count { return "a function table larger than the file" }
    if let table = try? FunctionTable(program.functionTable.bytes, address: 0x1000, text: 0x400000) {
      walk(table, round)
    }
    return nil
  }

  /// A core: threads, mappings, and memory at any address.
  @Sendable static func core(_ bytes: [UInt8], _ round: UInt64) -> String? {
    guard let elf = try? ELFFile(path: "x", file: ByteView(copying: bytes)), let core = try? CoreFile(elf) else {
      return nil
    }
    if core.threads.count > bytes.count / 12 || core.mappings.count > bytes.count / 24 { return "more than fits" }
    guard core.threads.allSatisfy({ $0.registers.count == 27 }) else { return "a thread without its registers" }
    let regions = core.writableRegions()
    guard zip(regions, regions.dropFirst()).allSatisfy({ $0.start <= $1.start }) else { return "regions out of order" }
    for address in [0, 1, round, .max, .max - 7] + regions.flatMap({ [$0.start, $0.end &- 1, $0.end] }) {
      for count in [0, 8, 4096] where core.prefix(address, count).count > count { return "more bytes than asked for" }
      _ = core.u64(address)
    }
    var seen: UInt64 = 0
    for region in regions.prefix(64) {
      core.scan(region.start, region.end) { _, block in
        seen &+= UInt64(block.count)
        return seen < 1 << 24
      }
    }
    return nil
  }

  @Sendable static func functionTable(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let view = ByteView(copying: bytes)
    let isHeader = FunctionTable.isHeader(view)
    guard let table = try? FunctionTable(view, address: 0x1000, text: 0x400000) else {
      return isHeader ? "found as a table and refused as one" : nil
    }
    if table.count > bytes.count / 8 { return "\(table.count) functions in \(bytes.count) bytes" }
    walk(table, round)
    return nil
  }

  private static func walk(_ table: FunctionTable, _ round: UInt64) {
    for index in 0..<min(table.count, 64) {
      guard let function = table.function(index) else { continue }
      _ = table.name(function)
      _ = table.end(function)
      _ = table.inlineTree(function)
      for pc in [function.entry, function.entry &+ round % 4096, .max] {
        _ = table.line(function, pc)
        _ = table.stackDelta(function, pc)
        _ = table.inlineIndex(function, pc)
        _ = table.find(pc)
      }
    }
    _ = table.entries(named: ["main.main"])
  }

  /// The address of the memory that a map's bytes stand for: its bytes are characters, so that words can hold it.
  static let mapBase: UInt64 = 0x10_0000_0000

  /// Memory with a map's header at its start: classic and Swiss, of several sizes of bucket.
  @Sendable static func map(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let memory = SyntheticMemory(base: mapBase, bytes: bytes)
    var reports: [MapReport] = []
    for size in [16, 144, 80 + 8 * Int(round % 16)] {
      if let map = ClassicMap(mapBase, in: memory) {
        reports.append(map.report(type: "map[int]int", geometry: .classic(bucketSize: size), in: memory))
      }
      if let map = SwissMap(mapBase, in: memory) {
        reports.append(map.report(type: "map[int]int", geometry: .swiss(groupSize: size), in: memory))
      }
    }
    for report in reports {
      if report.integrity.count > MapReport.findingsMax { return "\(report.integrity.count) findings" }
      if report.picture.count > 4096 || report.lengths.count > 64 { return "a picture without bound" }
      // Every full slot stands in the bytes, and nothing is visited twice.
      if let live = report.live, live > UInt64(bytes.count) { return "\(live) entries in \(bytes.count) bytes" }
      _ = report.svg()
      _ = report.terminalPicture()
      _ = report.terminalText()
    }
    return nil
  }

  /// A dump of any form groups the same whole and in pieces, or is refused both times.
  private static func sameGroups(_ bytes: [UInt8], _ round: UInt64) -> String? {
    func groups(_ pieces: [ArraySlice<UInt8>]) -> GoroutineReport? {
      var reader = DumpReader()
      for piece in pieces {
        guard (try? piece.withUnsafeBytes { try reader.feed($0) }) != nil else { return nil }
      }
      return (try? reader.finish()).map { GoroutineReport($0, source: "x") }
    }
    let whole = groups([bytes[...]])
    return whole == groups(pieces(bytes, round)) ? nil : "grouped otherwise in pieces"
  }
}
