import Foundation
import Testing

@testable import GoDiagnostics

@Suite("What must hold of any bytes")
struct GoFuzzTests {
  /// `Fuzzing/Corpus/<target>`: seeds that reach deep, and inputs that failed once. It only grows.
  static func corpus(_ target: String) -> [URL] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "Fuzzing/Corpus/\(target)")
    let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return (files ?? []).filter { !$0.lastPathComponent.hasPrefix(".") }.sorted { $0.path < $1.path }
  }

  @Test("of the corpus, whole and cut anywhere", arguments: GoFuzz.targets.map(\.name))
  func corpus(target name: String) throws {
    let target = try #require(GoFuzz.target(name))
    let files = Self.corpus(name)
    #expect(!files.isEmpty, "a target without seeds reaches nothing")
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      for round in 0..<4 as Range<UInt64> {
        if let wrong = target.check(bytes, round) { Issue.record("\(file.lastPathComponent): \(wrong)") }
      }
    }
  }

  @Test("of prefixes of the corpus", arguments: GoFuzz.targets.map(\.name))
  func prefixes(target name: String) throws {
    let target = try #require(GoFuzz.target(name))
    for file in Self.corpus(name) {
      let bytes = [UInt8](try Data(contentsOf: file))
      for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)) {
        if let wrong = target.check(Array(bytes[..<length]), 3) {
          Issue.record("\(file.lastPathComponent), \(length) bytes: \(wrong)")
        }
      }
    }
  }

  private func seed(_ path: String) throws -> [UInt8] {
    let file = try #require(Self.corpus(String(path.split(separator: "/")[0])).first { $0.path.hasSuffix(path) })
    return [UInt8](try Data(contentsOf: file))
  }

  @Test("the seeds of binary forms are whole: what damages them starts from what is read to its end")
  func seedsAreSound() throws {
    for name in ["program", "no-sections"] {
      let program = try GoExecutable(elf: ELFFile(path: name, file: ByteView(copying: seed("go-elf/\(name)"))))
      #expect(program.version.text == "go1.27.3")
      #expect(program.isSearched == (name == "no-sections"))
    }
    for name in ["early", "late"] {
      let bytes = ByteView(copying: try seed("go-function-table/\(name)"))
      #expect(FunctionTable.isHeader(bytes))
      let table = try FunctionTable(bytes, address: 0x1000, text: 0x400000)
      let function = try #require(table.find(0x400010))
      #expect(table.name(function) == "main.main")
      #expect(table.line(function, 0x400010) == ("/srv/a.go", 14))
      #expect(table.stackDelta(function, 0x400010) == 24)
      #expect(table.inlineIndex(function, 0x400010) == 0)
      #expect(table.find(0x400050).map { table.name($0) } == "main.inlined")
    }
    let core = try CoreFile(ELFFile(path: "core", file: ByteView(copying: seed("go-core/core"))))
    #expect(core.threads.map(\.id) == [77])
    #expect(core.mappings.map(\.path) == ["/srv/app"])
    #expect(core.entry == 0x400000)
    #expect(core.u64(0x500008) == 0x500008)
    for name in ["classic", "growing", "swiss-small", "swiss"] {
      let memory = SyntheticMemory(base: GoFuzz.mapBase, bytes: try seed("go-map/\(name)"))
      let report =
        name.hasPrefix("swiss")
        ? SwissMap(GoFuzz.mapBase, in: memory)?.report(type: nil, geometry: .swiss(groupSize: 136), in: memory)
        : ClassicMap(GoFuzz.mapBase, in: memory)?.report(type: nil, geometry: .classic(bucketSize: 144), in: memory)
      #expect(report?.integrity == [], "\(name)")
      #expect(report?.live == report?.count, "\(name)")
    }
  }
}
