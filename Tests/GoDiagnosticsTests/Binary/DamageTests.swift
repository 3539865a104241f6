import Foundation
import Testing

@testable import GoDiagnostics

@Suite("Damaged and hostile cores")
struct DamageTests {
  private struct Bench {
    let crash: GoFixtures.Crash
    let editor: CoreEditor
    let maps: [String: (address: UInt64, count: UInt64)]

    init(_ version: String) throws {
      crash = try GoFixtures.crash("mapfix", ["crash"], version)
      editor = try CoreEditor(crash.core)
      maps = MapTests.printed(crash.output)
    }

    func image() throws -> GoProcessImage { try GoProcessImage.core(editor.path, executable: crash.executable) }

    func map(_ name: String) throws -> UInt64 { try #require(maps[name]).address }

    /// The findings on a map after `edit`, which is undone.
    func findings(_ name: String, _ edit: (CoreEditor, any MemoryReader) throws -> Void) throws -> [String] {
      let address = try map(name)
      let sound = try image()
      // The type is asked of the sound core: the damage may hide it.
      let type = sound.mapCode.globals().first { sound.memory.u64($0.address) == address && $0.isCertain }?.type
      try edit(editor, sound.memory)
      defer { try? editor.restore() }
      let damaged = try image()
      return damaged.mapReport(address, type.flatMap { MapType($0.address, image: damaged) }).integrity
    }
  }

  @Test("damage to a classic map is found", arguments: ["1.19", "1.23"])
  func classic(version: String) throws {
    try GoFixtures.with(version) {
      let bench = try Bench(version)
      defer { GoFixtures.discard(bench.crash) }
      let map = try bench.map("GLarge")
      #expect(try bench.findings("GLarge") { _, _ in }.isEmpty)
      #expect(
        try bench.findings("GLarge") { editor, memory in try editor.write((memory.u64(map) ?? 0) + 1, at: map) }
          .contains { $0.contains("slots are full") })
      #expect(
        try bench.findings("GLarge") { editor, memory in
          try editor.write(UInt8(3), at: memory.u64(map + 16) ?? 0)
        }.contains { $0.contains("mark of evacuation") })
      #expect(
        try bench.findings("GLarge") { editor, _ in try editor.write(UInt8(63), at: map + 9) }
          .contains { $0.contains("cannot be") })
      #expect(
        try bench.findings("GLarge") { editor, _ in try editor.write(UInt8(30), at: map + 9) }
          .contains { $0.contains("memory ends") || $0.contains("cannot be read") })
      #expect(
        try bench.findings("GLarge") { editor, memory in
          try editor.write(memory.u64(map + 16) ?? 0, at: map + 24)
        }.contains { $0.contains("same array") })
      // A bucket of map[int]int is 8 + 64 + 64 + 8 bytes; its last word leads to overflow.
      #expect(
        try bench.findings("GLarge") { editor, memory in
          let buckets = memory.u64(map + 16) ?? 0
          try editor.write(buckets + 144, at: buckets + 136)
        }.contains { $0.contains("into the bucket array") })
      #expect(
        try bench.findings("GLarge") { editor, memory in
          let buckets = memory.u64(map + 16) ?? 0
          let other = try #require(
            (0..<4096).lazy.compactMap { memory.u64(buckets + $0 * 144 + 136) }.first { $0 != 0 })
          try editor.write(other, at: other + 136)
        }.contains { $0.contains("circle or shared") })
    }
  }

  @Test("damage to a Swiss map is found", arguments: ["1.24", "1.26", "1.27"])
  func swiss(version: String) throws {
    try GoFixtures.with(version) {
      let bench = try Bench(version)
      defer { GoFixtures.discard(bench.crash) }
      let map = try bench.map("GLarge")
      #expect(try bench.findings("GLarge") { _, _ in }.isEmpty)
      let cases: [(String, (CoreEditor, any MemoryReader) throws -> Void)] = [
        ("slots are full", { editor, memory in try editor.write((memory.u64(map) ?? 0) + 1, at: map) }),
        (
          "control byte 0x90",
          { editor, memory in
            let table = memory.u64(memory.u64(map + 16) ?? 0) ?? 0
            try editor.write(UInt8(0x90), at: memory.u64(table + 16) ?? 0)
          }
        ),
        ("no power of two", { editor, _ in try editor.write(UInt64(33), at: map + 24) }),
        ("at depth", { editor, _ in try editor.write(UInt8(7), at: map + 32) }),
        (
          "says its index is -1",
          { editor, memory in
            try editor.write(Int64(-1), at: (memory.u64(memory.u64(map + 16) ?? 0) ?? 0) + 8)
          }
        ),
        (
          "do not make",
          { editor, memory in
            try editor.write(UInt16(1000), at: (memory.u64(memory.u64(map + 16) ?? 0) ?? 0) + 4)
          }
        ),
        (
          "with group mask",
          { editor, memory in
            try editor.write(UInt64.max, at: (memory.u64(memory.u64(map + 16) ?? 0) ?? 0) + 24)
          }
        ),
        (
          "cannot be read",
          { editor, memory in try editor.write(UInt64(0x1000), at: memory.u64(map + 16) ?? 0) }
        ),
        (
          "twice, apart",
          { editor, memory in
            let directory = memory.u64(map + 16) ?? 0
            try editor.write(memory.u64(directory) ?? 0, at: directory + 8 * 31)
          }
        ),
      ]
      for (finding, edit) in cases {
        let found = try bench.findings("GLarge", edit)
        #expect(found.contains { $0.contains(finding) }, "\(finding): \(found)")
      }
    }
  }

  @Test("a damaged goroutine record is left out, the others stay; a wrong row refuses everything")
  func goroutines() throws {
    try GoFixtures.with("1.25") {
      let bench = try Bench("1.25")
      defer { GoFixtures.discard(bench.crash) }
      let sound = try bench.image()
      let records = sound.records()
      let all = sound.goroutines()
      try bench.editor.write(UInt64(0x1234), at: records[3].address + 72)
      let one = try bench.image()
      #expect(one.goroutines().count == all.count - 1)
      #expect(one.remarks.contains { $0.contains("1 goroutine records are damaged") })
      for record in records { try bench.editor.write(UInt64(0x1234), at: record.address + 72) }
      #expect(throws: ImageRefusal.self) { try bench.image() }
    }
  }

  @Test("a program that claims another version fails the check of the layouts")
  func wrongRow() throws {
    try GoFixtures.with("1.22") {
      let bench = try Bench("1.22")
      defer { GoFixtures.discard(bench.crash) }
      let elf = try ELFFile(path: bench.crash.executable)
      let section = try #require(elf.section(".go.buildinfo"))
      // "go1.22.10" stands behind its length, at 33; the digit that tells 1.22 from 1.23 is the sixth.
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.crash.executable)))
      let digit = Int(section.offset) + 33 + 5
      #expect(bytes[digit] == UInt8(ascii: "2"))
      bytes[digit] = UInt8(ascii: "3")
      let liar = bench.crash.core + ".exe"
      try Data(bytes).write(to: URL(fileURLWithPath: liar))
      try bench.editor.write(UInt8(ascii: "3"), at: section.address + 33 + 5)
      #expect {
        try GoProcessImage.core(bench.editor.path, executable: liar)
      } throws: { error in
        guard case .layoutCheckFailed(let version, _) = error as? ImageRefusal else { return false }
        return version == "go1.23.10"
      }
    }
  }

  @Test(
    "versions outside the table are refused, experiments are read",
    arguments: [
      ("go1.20.14", nil), ("go1.28", nil), ("devel go1.28-abc", nil), ("go1.18", nil), ("go1.23.9", false),
      ("go1.24.11 X:noswissmap", false), ("go1.24.11", true), ("go1.27.3-X:mapsplitgroup", true),
    ] as [(String, Bool?)])
  func versions(text: String, isSwiss: Bool?) throws {
    let version = try #require(GoVersion(text))
    if let isSwiss {
      #expect(version.hasSwissMaps == isSwiss)
      #expect((try RuntimeLayout(version)).waitReasons.count >= 27)
    } else {
      #expect(throws: ImageRefusal.unsupportedVersion(text)) { try RuntimeLayout(version) }
    }
  }

  @Test("a core cut anywhere answers or refuses, and says what is missing")
  func truncation() throws {
    try GoFixtures.with("1.27") {
      let bench = try Bench("1.27")
      defer { GoFixtures.discard(bench.crash) }
      let size = bench.editor.size
      for part in [UInt64(1000), 900, 700, 500, 200, 50, 10, 1, 0].map({ size / 1001 * $0 }) {
        try bench.editor.truncate(to: part)
        guard let image = try? bench.image() else { continue }
        #expect(image.remarks.contains { $0.contains("cut short") })
        exercise(image)
      }
    }
  }

  /// Everything an image can be asked.
  private func exercise(_ image: GoProcessImage) {
    let goroutines = image.goroutines()
    #expect(goroutines.count <= image.goroutineAddresses.count)
    let maps = image.maps(limit: 100)
    for map in maps {
      #expect(map.integrity.count <= MapReport.findingsMax)
      _ = map.svg().count + map.terminalPicture().count
    }
    _ = image.mapRaces()
    _ = image.crash()
    _ = try? image.leakProof()
    if let first = maps.first { _ = image.holders(of: first.address).svg() }
  }

  @Test("random damage never crashes and ends in time", arguments: ["1.19", "1.23", "1.27"])
  func mutations(version: String) throws {
    try GoFixtures.with(version) {
      let bench = try Bench(version)
      defer { GoFixtures.discard(bench.crash) }
      let sound = try bench.image()
      let targets = places(sound, bench)
      var random = SeededRandom(seed: 0x51ce)
      var opened = 0
      let clock = ContinuousClock()
      for seed in 0..<20 {
        for _ in 0..<(1 + Int(random.next() % 24)) {
          let target = targets[Int(random.next() % UInt64(targets.count))]
          let address = target.start &+ random.next() % max(1, target.size)
          let value: UInt64 =
            switch random.next() % 5 {
            case 0: random.next()
            case 1: 0
            case 2: .max
            case 3: target.start &+ random.next() % 4096
            default: sound.memory.u64(targets[Int(random.next() % UInt64(targets.count))].start) ?? 1
            }
          try? bench.editor.write(value, at: random.next() % 4 == 0 ? address : address & ~7)
        }
        if seed % 5 == 0 {
          // The tables of the core itself: segments and notes.
          let bytes = withUnsafeBytes(of: random.next()) { Data($0) }
          try bench.editor.write(bytes, toOffset: random.next() % 6000)
        }
        let time = clock.measure {
          guard let image = try? bench.image() else { return }
          opened += 1
          exercise(image)
        }
        #expect(time < .seconds(20), "round \(seed) of \(version) took \(time)")
        try bench.editor.restore()
      }
      #expect(opened > 5, "the damage must not be so heavy that nothing is read")
    }
  }

  @Test("a damaged executable is refused or read, never believed blindly", arguments: ["1.19", "1.27"])
  func executables(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("mapfix", ["crash"], version)
      defer { GoFixtures.discard(crash) }
      let elf = try ELFFile(path: crash.executable)
      let table = try #require(elf.section(".gopclntab"))
      let sound = try GoProcessImage.core(crash.core, executable: crash.executable)
      let functions = Set((0..<sound.table.count).compactMap { sound.table.function($0).map { sound.table.name($0) } })
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: crash.executable)))
      let copy = crash.core + ".exe"
      var random = SeededRandom(seed: 7)
      for round in 0..<16 {
        var damaged = bytes
        for _ in 0..<40 {
          let place: UInt64 =
            switch round % 4 {
            case 0: random.next() % 1024
            case 1: table.offset + random.next() % 128
            case 2: table.offset + random.next() % table.size
            default: UInt64(bytes.count) - 1 - random.next() % 4096
            }
          damaged[Int(place)] = UInt8(truncatingIfNeeded: random.next())
        }
        if round % 5 == 4 { damaged.removeLast(Int(random.next() % UInt64(damaged.count))) }
        try Data(damaged).write(to: URL(fileURLWithPath: copy))
        guard let image = try? GoProcessImage.core(crash.core, executable: copy) else { continue }
        exercise(image)
        if round % 4 == 3 {
          let named = image.goroutines().flatMap(\.frames).filter { !$0.inlined && $0.function != "?" }
          #expect(named.allSatisfy { functions.contains($0.function) })
        }
      }
    }
  }

  /// Where damage hurts: goroutine records, their stacks, map headers and tables, variables, spans.
  private func places(_ image: GoProcessImage, _ bench: Bench) -> [MemoryRegion] {
    var result: [MemoryRegion] = []
    for record in image.records() {
      result.append(MemoryRegion(start: record.address, end: record.address + 400))
      let start = image.start(of: record).stackPointer
      if record.stack.contains(start) {
        result.append(MemoryRegion(start: start, end: min(start + 512, record.stack.end)))
      }
    }
    for (_, map) in bench.maps where map.count > 0 {
      result.append(MemoryRegion(start: map.address, end: map.address + 48))
      for offset in [UInt64(16), 24] {
        guard let table = image.memory.u64(map.address + offset), image.memory.u64(table) != nil else { continue }
        result.append(MemoryRegion(start: table, end: table + 256))
        if let group = image.memory.u64(table), image.memory.u64(group) != nil {
          result.append(MemoryRegion(start: group, end: group + 64))
        }
      }
    }
    result.append(MemoryRegion(start: image.module, end: image.module + 592))
    result.append(image.moduleRegion(image.layout.module.bss))
    result.append(image.moduleRegion(image.layout.module.noPointerBSS))
    return result.filter { $0.size > 8 }
  }
}
