import Testing

@testable import GoDiagnostics

@Suite("pprof profiles")
struct ProfileTests {
  static let stacks = [
    ["runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.leakSend", "runtime.goexit"],
    ["runtime.gopark", "runtime.selectgo", "main.leakSelect", "runtime.goexit"],
    ["runtime.gopark", "runtime.netpollblock", "internal/poll.runtime_pollWait", "net.(*conn).Read", "main.serve"],
    ["runtime.gopark", "runtime.semacquire1", "sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow", "main.lock"],
    ["main.spin", "runtime.goexit"],
  ]

  static func profile() -> [UInt8] {
    ProfileWriter.profile(
      stacks: stacks, samples: (0..<50).map { (stack: $0 % 5, count: $0 / 5 + 1, label: "r\($0)") })
  }

  @Test("counts, frames, states and labels come out as they went in, compressed or not, in any pieces")
  func roundTrip() throws {
    let bytes = Self.profile()
    for dump in [bytes, Deflater.gzip(bytes), Deflater.gzip(bytes) + Deflater.gzip([])] {
      for size in [1, 100, 1 << 20] {
        let report = GoroutineReport(try group(dump, pieces: size), source: "")
        #expect(report.total == 275)
        #expect(report.groups.count == 5)
        #expect(report.groups.allSatisfy { $0.count == 55 && $0.labels.count == 8 })
        #expect(Set(report.groups.map(\.state)) == ["chan send", "select", "IO wait", "sync.Mutex.Lock", "running"])
        let send = try #require(report.groups.first { $0.state == "chan send" })
        #expect(send.frames.map(\.function) == ["main.leakSend"])
      }
    }
  }

  @Test("a profile that Go wrote has the counts of its text form, and the states that the text lacks")
  func realProfile() throws {
    let profile = GoroutineReport(try group(try Fixture.bytes("dump/goroutine-1.27.debug0")), source: "")
    let text = GoroutineReport(try group(try Fixture.bytes("dump/goroutine-1.27.debug1")), source: "")
    #expect(profile.total == text.total)
    #expect(profile.total == 26)
    #expect(profile.groups.map(\.count) == text.groups.map(\.count))
    let send = try #require(profile.groups.first { $0.frames.contains { $0.function == "main.leakSend" } })
    #expect(send.state == "chan send")
    #expect(profile.states["sync.Mutex.Lock"] == 3)
    #expect(profile.states["select (no cases)"] == 2)
    let leaks = GoroutineReport(try group(try Fixture.bytes("dump/goroutineleak-1.27.debug0")), source: "")
    #expect(leaks.classes == ["proven-leaked": 17])
  }

  @Test("compressed text is read as text")
  func gzipText() throws {
    let bytes = try Fixture.bytes("dump/dump-1.27l/goroutine.debug2")
    #expect(try group(Deflater.gzip(bytes)).total == (try group(bytes)).total)
  }

  @Test("a profile of something else is refused by its name")
  func otherKind() throws {
    var bytes = Self.profile()
    let at = try #require(bytes.withUnsafeBytes { TextView($0).find("goroutine") })
    bytes.replaceSubrange(at..<(at + 9), with: Array("allocated".utf8))
    #expect(throws: DumpReader.Failure.self) { try group(bytes) }
  }

  @Test("a cut profile is refused or read in part, never a crash")
  func cut() {
    let bytes = Self.profile()
    for length in 0..<bytes.count { _ = try? group(Array(bytes[..<length])) }
  }

  @Test("damaged gzip is refused")
  func damagedGzip() {
    var bytes = Deflater.gzip(Self.profile())
    bytes[bytes.count / 2] ^= 0x55
    #expect(throws: DumpReader.Failure.self) { try group(bytes) }
  }

  @Test("what inflates beyond the cap is refused")
  func bomb() throws {
    let bytes = Deflater.gzip([UInt8](repeating: 0x61, count: 4 << 20))
    let inflater = try Inflater(cap: 1 << 20)
    var produced = 0
    #expect(throws: Inflater.Failure.tooLarge(1 << 20)) {
      try bytes.withUnsafeBytes { try inflater.feed($0) { produced += $0.count } }
    }
    #expect(produced <= 1 << 20)
  }

  @Test("counts beyond every number stay numbers")
  func hugeCounts() throws {
    let bytes = ProfileWriter.profile(
      stacks: [["main.a"]], samples: [(stack: 0, count: Int.max, label: "a"), (stack: 0, count: Int.max, label: "b")])
    #expect(GoroutineReport(try group(bytes), source: "").total == GoroutineGrouper.membersMax)
    let text =
      "goroutine profile: total 9\n9223372036854775807 @ 0x1\n#\t0x1\tmain.a+0x1\t/a.go:1\n\n"
      + "9223372036854775807 @ 0x1\n#\t0x1\tmain.a+0x1\t/a.go:1\n"
    let report = GoroutineReport(try group([UInt8](text.utf8)), source: "")
    #expect(report.classes.values.allSatisfy { $0 > 0 } && report.states.values.allSatisfy { $0 > 0 })
  }
}
