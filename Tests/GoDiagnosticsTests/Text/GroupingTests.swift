import Testing

@testable import GoDiagnostics

@Suite("Groups of goroutines")
struct GroupingTests {
  @Test("a dump is grouped, the groups counted, the classes right", arguments: ["dump-1.23", "dump-1.27l"])
  func classes(version: String) throws {
    let grouper = try group(try Fixture.bytes("dump/\(version)/goroutine.debug2"))
    let report = GoroutineReport(grouper, source: "test")
    #expect(report.groups.map(\.count).reduce(0, +) == report.total)
    func only(_ word: String) throws -> GoroutineReport.Group {
      try #require(report.groups.first { $0.frames.contains { $0.function == word } })
    }
    #expect(try only("main.leakSend").count == 3)
    #expect(try only("main.leakSend").class == .waiting)
    #expect(try only("main.leakSend").pattern?.name == "abandoned-send")
    #expect(try only("main.leakMutex").class == .lockConvoy)
    #expect(try only("main.leakMutex").state == "sync.Mutex.Lock")
    #expect(report.convoys.map(\.waiting) == [3])
    #expect(report.groups.count { $0.class == .stuckForever } >= 3)
  }

  @Test("goroutines the runtime proved leaked are so classified, in text and profile")
  func leaked() throws {
    let text = GoroutineReport(try group(try Fixture.bytes("dump/dump-1.27l/goroutineleak.debug2")), source: "")
    let profile = GoroutineReport(try group(try Fixture.bytes("dump/dump-1.27l/goroutineleak.debug1")), source: "")
    #expect(text.classes["proven-leaked"] == 20)
    #expect(profile.classes["proven-leaked"] == 20)
    #expect(profile.total == 20)
  }

  @Test("text profiles are read: counts, frames, labels", arguments: [("dump-1.23", 26), ("dump-1.27l", 26)])
  func debug1(version: String, total: Int) throws {
    let bytes = try Fixture.bytes("dump/\(version)/goroutine.debug1")
    for size in [1, 5, 1 << 16] {
      let report = GoroutineReport(try group(bytes, pieces: size), source: "")
      #expect(report.total == total)
      #expect(report.groups.flatMap(\.labels) == ["path=/v1/orders,tenant=acme"])
      #expect(report.groups.contains { $0.frames.first?.function == "main.leakSend" && $0.count == 3 })
    }
  }

  @Test("an exact grouping keeps stacks with other arguments apart")
  func exact() throws {
    let text = [1, 2].map { "goroutine \($0) [select]:\nmain.f(0x\($0))\n\t/a.go:1 +0x1\n\n" }.joined()
    #expect(try group([UInt8](text.utf8)).groups.count == 1)
    #expect(try group([UInt8](text.utf8), exact: true).groups.count == 2)
  }

  static let filters: [(String, Int)] = [
    ("state == \"chan send\"", 3), ("state contains 'chan'", 9), ("function == 'main.leakMutex' || id == 1", 4),
    ("!(state == 'select') && createdBy == 'main.dumpAll'", 20), ("minutes > 10", 0), ("minutes <= 10", 0),
    ("locked", 1), ("top == 'main.leakSend'", 3), ("id >= 6 && id < 8", 2),
  ]

  @Test("filters choose goroutines", arguments: filters)
  func filter(expression: String, count: Int) throws {
    let filter = try GoroutineFilter(expression)
    let grouper = try group(try Fixture.bytes("dump/dump-1.27l/goroutine.debug2"), filter: filter)
    #expect(grouper.total == count)
    #expect(grouper.total + grouper.filtered == 26)
  }

  @Test(
    "a mistaken filter names the place",
    arguments: ["stat == 'x'", "minutes > x", "state ==", "state == 'x", "(locked", "a", ""])
  func mistake(expression: String) {
    #expect(throws: GoroutineFilter.Mistake.self) { _ = try GoroutineFilter(expression) }
  }

  @Test("a filter of many parentheses is refused, not a crash")
  func deepFilter() {
    let expression = String(repeating: "(", count: 100_000) + "locked"
    #expect(throws: GoroutineFilter.Mistake.self) { _ = try GoroutineFilter(expression) }
  }

  @Test("goleak's words leave goroutines out")
  func ignore() throws {
    let filter = try GoroutineFilter(
      nil,
      ignoring: [.topFunction("main.leakSend"), .anyFunction("main.leakMutex"), .createdBy("os/signal.Notify.func1.1")])
    let bytes = try Fixture.bytes("dump/dump-1.27l/goroutine.debug2")
    #expect(try group(bytes, filter: filter).filtered >= 6)
  }

  @Test("two dumps differ by what grew")
  func diff() throws {
    let bytes = try Fixture.bytes("dump/dump-1.27l/goroutine.debug2")
    let more =
      bytes
      + [UInt8](
        ("\ngoroutine 900 [chan send]:\nmain.leakSend(0x0?)\n\t/home/dev/incident/main.go:73 +0x1a\n"
          + "created by main.dumpAll in goroutine 1\n\t/home/dev/incident/main.go:96 +0x1d8\n").utf8)
    let diff = GoroutineDiff(
      GoroutineReport(try group(bytes), source: "a"), GoroutineReport(try group(more), source: "b"))
    #expect(diff.changes.map(\.delta) == [1])
    #expect(diff.changes.first?.group.frames.first?.function == "main.leakSend")
    #expect(diff.changes.first?.isNew == false)
  }

  @Test("many that wait long are candidates, a few are not")
  func candidates() throws {
    func text(_ count: Int, _ minutes: Int) -> [UInt8] {
      [UInt8](
        (1...count).map {
          "goroutine \($0 + 1) [chan receive, \(minutes) minutes]:\nmain.f()\n\t/a.go:1 +0x1\n"
            + "created by main.g in goroutine 1\n\t/a.go:2 +0x1\n\n"
        }
        .joined().utf8)
    }
    #expect(GoroutineReport(try group(text(10, 10)), source: "").groups[0].class == .stuckCandidate)
    #expect(GoroutineReport(try group(text(9, 60)), source: "").groups[0].class == .waiting)
    #expect(GoroutineReport(try group(text(50, 9)), source: "").groups[0].class == .waiting)
  }

  @Test("a core given as a dump is refused with the option it belongs to")
  func coreAsDump() {
    let core: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 100)
    #expect(throws: DumpReader.Failure.self) { try group(core) }
    #expect(throws: DumpReader.Failure.self) { try group(Deflater.gzip(core)) }
  }

  @Test("an input without goroutines says what was expected")
  func nothing() throws {
    let report = GoroutineReport(try group([UInt8]("hello\n".utf8)), source: "x")
    #expect(GoroutineTerminal.text(report, top: 5).contains("no goroutine in it"))
  }
}
