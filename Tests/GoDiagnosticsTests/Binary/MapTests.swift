import Foundation
import Testing

@testable import GoDiagnostics

@Suite("Maps of a process")
struct MapTests {
  /// Names, addresses and lengths that the fixture printed.
  static func printed(_ output: String) -> [String: (address: UInt64, count: UInt64)] {
    var result: [String: (address: UInt64, count: UInt64)] = [:]
    for line in output.split(separator: "\n") where line.hasPrefix("map ") {
      let words = line.split { $0 == " " || $0 == "=" }
      result[String(words[1])] = (UInt64(words[3].dropFirst(2), radix: 16) ?? 0, UInt64(words[5]) ?? 0)
    }
    return result
  }

  static let types = [
    "GFull": "map[int]int", "GStr": "map[string]int", "GBig": "map[uint64]main.big", "GU8": "map[uint8]uint64",
    "GTomb": "map[int]int", "GStruct": "map[struct { A int32; B int32 }]string", "GIface": "map[interface {}]int",
    "GLarge": "map[int]int", "local": "map[string]int", "GSmall": "map[int]int",
  ]

  @Test("every map of the fixture is found with its type and its true count", arguments: GoFixtures.versions)
  func counts(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.plain, .pieStripped] { try check(version, link, experiment: "") }
      if version == "1.24" || version == "1.25" { try check(version, .plain, experiment: "noswissmap") }
      if version == "1.27" { try check(version, .plain, experiment: "mapsplitgroup") }
    }
  }

  private func check(_ version: String, _ link: GoFixtures.Link, experiment: String) throws {
    let crash = try GoFixtures.crash("mapfix", ["crash"], version, link, experiment: experiment)
    defer { GoFixtures.discard(crash) }
    let image = try GoProcessImage.core(crash.core, executable: crash.executable)
    let maps = Dictionary(uniqueKeysWithValues: image.maps().map { ($0.address, $0) })
    for (name, expected) in Self.printed(crash.output) where expected.count > 0 {
      let found = try #require(maps[expected.address], "\(name) on \(version) \(link) \(experiment)")
      #expect(found.count == expected.count)
      #expect(found.live == expected.count)
      #expect(found.integrity.isEmpty, "\(name): \(found.integrity)")
      let type = try #require(Self.types[name])
      #expect(
        found.type?.split(separator: " or ").map(String.init).contains(type) == true, "\(name): \(found.type ?? "")")
      #expect(found.load > 0 && found.load <= 1.2)
      #expect(found.fill.enumerated().reduce(0) { $0 + $1.offset * $1.element } <= Int(expected.count))
      if link == .plain, name != "local" { #expect(found.foundIn.contains("global main.\(name)")) }
      if name == "local" { #expect(found.foundIn.contains { $0.hasSuffix("main.holder") }) }
    }
  }

  @Test("a type that code names in a map operation is certain", arguments: GoFixtures.versions)
  func certainTypes(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("mapfix", ["crash"], version)
      defer { GoFixtures.discard(crash) }
      let image = try GoProcessImage.core(crash.core, executable: crash.executable)
      let printed = Self.printed(crash.output)
      for name in ["GStr", "GLarge", "GTomb", "GStruct", "GU8"] {
        let place = try #require(printed[name]).address
        #expect(image.map(at: place).type == Self.types[name])
      }
    }
  }

  @Test("goroutines that hold a map are named, and the variable", arguments: GoFixtures.versions)
  func holders(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("mapfix", ["crash"], version)
      defer { GoFixtures.discard(crash) }
      let image = try GoProcessImage.core(crash.core, executable: crash.executable)
      let printed = Self.printed(crash.output)
      let local = image.holders(of: try #require(printed["local"]).address)
      let goroutines = Set(
        local.edges.compactMap { edge -> UInt64? in
          guard case .frame(let goroutine, let function, _, _) = edge.from,
            function == "main.holder" || edge.detail.contains("argument of main.holder")
          else { return nil }
          return goroutine
        })
      #expect(goroutines.count == 3)
      let global = image.holders(of: try #require(printed["GStr"]).address)
      #expect(global.nodes.contains(.global("main.GStr")))
      // holder2 holds *map: the variable's address, one level further.
      #expect(
        global.edges.contains {
          guard case .frame(_, let function, _, _) = $0.from, $0.to == .global("main.GStr") else { return false }
          return function == "main.holder2" || $0.detail.contains("argument of main.holder2")
        })
      #expect(global.dot().hasPrefix("digraph holders {"))
      #expect(global.svg().contains("main.GStr"))
    }
  }

  @Test("both parties of a race are named", arguments: GoFixtures.versions)
  func races(version: String) throws {
    try GoFixtures.with(version) {
      let expected: [String: (type: String, detector: Set<String>)] = [
        "mapwrite": ("map[int]int", ["main.writer"]), "mapreadwrite": ("map[int]int", ["main.reader", "main.writer"]),
        "mapiterwrite": ("map[int]int", ["main.iter", "main.writer"]),
        "mapdelwrite": ("map[int]int", ["main.deleter", "main.writer"]),
        "mapwritestr": ("map[string]int", ["main.swriter"]),
      ]
      for (mode, (type, functions)) in expected {
        let crash = try GoFixtures.crash("incident", [mode], version)
        defer { GoFixtures.discard(crash) }
        let image = try GoProcessImage.core(crash.core, executable: crash.executable)
        let race = try #require(image.mapRaces().first, "\(mode) on \(version)")
        #expect(race.type == type)
        #expect(race.parties.count == 2, "\(mode) on \(version): \(race.parties)")
        #expect(race.parties.allSatisfy { functions.contains($0.function) }, "\(race.parties)")
        #expect(Set(race.parties.map(\.goroutine)).count == race.parties.count)
        #expect(race.parties.first?.isDetector == true)
      }
    }
  }

  @Test("a healthy process shows no race")
  func noRace() throws {
    try GoFixtures.with("1.27") {
      try GoFixtures.running("mapfix", [], "1.27", ready: "ready") { process in
        try GoProcessImage.frozen(process.processIdentifier) { image in
          #expect(image.mapRaces().isEmpty)
          #expect(image.maps().contains { $0.foundIn.contains("global main.GLarge") && $0.live == 20000 })
        }
      }
    }
  }

  @Test("pictures show every bucket and are XML")
  func pictures() throws {
    var report = MapReport(address: 0xc000, type: "map[string]<x>", kind: .swiss, count: 9)
    for full in 0...8 {
      report.count(fill: full)
      report.count(length: full % 3)
    }
    let text = report.terminalPicture()
    #expect(text.contains("| ▁▂▃▄▅▆▇█|"))
    let document = try XMLDocumentShape(report.svg())
    #expect(document.isBalanced)
    #expect(report.svg().contains("map[string]&lt;x&gt;"))
  }
}

/// Counts tags: enough to see that a document closes what it opens.
private struct XMLDocumentShape {
  let isBalanced: Bool

  init(_ text: String) throws {
    var depth = 0
    for part in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
      if part.hasPrefix("/") { depth -= 1 } else if !part.contains("/>") { depth += 1 }
      if depth < 0 { break }
    }
    isBalanced = depth == 0
  }
}
