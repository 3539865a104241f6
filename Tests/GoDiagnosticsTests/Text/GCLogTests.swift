import Testing

@testable import GoDiagnostics

@Suite("Garbage-collector logs")
struct GCLogTests {
  private func read(_ bytes: [UInt8], pieces: Int = 1 << 16) -> GCLog {
    var reader = GCLogReader()
    var index = 0
    while index < bytes.count {
      let end = min(index + pieces, bytes.count)
      bytes[index..<end].withUnsafeBytes { reader.feed($0) }
      index = end
    }
    return reader.finish()
  }

  static let logs: [(String, GCLog.Collector, GCTrend.Verdict, Int, ClosedRange<Double>)] = [
    ("gctrace-1.19-leak.txt", .goTrace, .leak, 6, 0.99...1),
    ("gctrace-1.27-leak.txt", .goTrace, .leak, 6, 0.99...1),
    ("gctrace-1.19-steady.txt", .goTrace, .steady, 178, 0.1...0.2),
    ("gctrace-1.27-steady.txt", .goTrace, .steady, 179, 0.05...0.15),
    ("g1-jdk25-steady.log", .g1, .steady, 54, -0.1...0.1),
    ("zgc-jdk17-leak.log", .zgc, .leak, 70, 0.9...1),
    ("zgc-jdk25-gen-steady.log", .zgcGenerational, .steady, 9, -0.5 ... -0.3),
  ]

  @Test("real logs of every collector are judged as measured", arguments: logs)
  func verdict(
    name: String, collector: GCLog.Collector, verdict: GCTrend.Verdict, points: Int, tau: ClosedRange<Double>
  )
    throws
  {
    let log = read(try Fixture.bytes("gc/\(name)"))
    let report = GCReport(log)
    #expect(log.collector == collector)
    #expect(report.trend.points == points)
    #expect(tau.contains(report.trend.tau))
    #expect(report.trend.verdict == verdict)
  }

  @Test(
    "decorators do not matter",
    arguments: ["g1-decorators-none.log", "g1-decorators-time-uptime.log", "g1-decorators-utc-pid-tid.log"])
  func decorators(name: String) throws {
    let log = read(try Fixture.bytes("gc/\(name)"))
    #expect(log.collector == .g1)
    #expect(log.cycles.count >= 2)
    #expect(log.cycles.allSatisfy { ($0.time == nil) == (name == "g1-decorators-none.log") })
  }

  @Test("the pieces in which a log arrives do not matter")
  func drip() throws {
    let bytes = try Fixture.bytes("gc/gctrace-1.27-steady.txt")
    #expect(read(bytes, pieces: 3) == read(bytes))
  }

  @Test("stalls are counted and the bend is named")
  func stalls() throws {
    let report = GCReport(read(try Fixture.bytes("gc/zgc-jdk17-leak.log")))
    #expect(report.stalls.count > 10)
    #expect(report.bend != nil)
    #expect(report.limitMegabytes == 192)
    #expect(report.distress > 10)
    #expect(report.pauses.count > 100)
  }

  static let lines: [String] = [
    "server says hi gc 7 @1.5s 3%: 0.1+2+0.3 ms clock, 0.1+0/0.2/0.1+0.3 ms cpu, 9->9->8 MB, 10 MB goal, 2 P",
    "gc 7 @1.5s 3% (checking for goroutine leaks): 0.1+2+0.3 ms clock, 0.1+0/0.2/0.1+0.3 ms cpu, "
      + "9->9->8 MB, 10 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)",
  ]

  @Test("gctrace lines glued to output, with leak checks and without stacks are read", arguments: lines)
  func trace(line: String) throws {
    let cycle = try #require(read([UInt8](line.utf8)).cycles.first)
    #expect(cycle.time == 1.5)
    #expect(cycle.liveMegabytes == 8)
    #expect(abs((cycle.pauseMilliseconds ?? 0) - 0.4) < 1e-9)
    #expect((cycle.cause == "forced") == line.hasSuffix("(forced)"))
  }

  static let shapes: [(String, GCTrend.Verdict, @Sendable (Int) -> Double)] = [
    ("growth", .leak, { Double(50 + $0 * 3) }),
    ("noisy growth", .leak, { Double(50 + $0 * 3 + ($0 * 7919) % 13) }),
    ("a cache that fills", .steady, { $0 < 50 ? 20 : 200 }),
    ("warm-up", .steady, { min(100, Double(10 + $0 * 6)) }),
    ("sawtooth", .steady, { Double(50 + ($0 % 10) * 20) }),
    ("flat", .steady, { _ in 80 }),
    ("falling", .steady, { Double(400 - $0 * 3) }),
  ]

  @Test("only growth that goes on is a leak", arguments: shapes)
  func shape(name: String, verdict: GCTrend.Verdict, live: @Sendable (Int) -> Double) {
    var log = GCLog()
    log.collector = .goTrace
    log.cycles = (0..<100).map {
      .init(
        time: Double($0), liveMegabytes: live($0), beforeMegabytes: 500, cause: "pace", measuresLive: true,
        isDistress: false)
    }
    #expect(GCReport(log).trend.verdict == verdict)
  }

  @Test("a leak with a limit says when it is reached")
  func limit() throws {
    let report = GCReport(read(try Fixture.bytes("gc/gctrace-1.27-leak.txt")), limitMegabytes: 512)
    let seconds = try #require(report.secondsToLimit)
    #expect((1...60).contains(seconds))
  }

  @Test("collections that pile up bend the curve, which is pressure")
  func spiral() {
    var log = GCLog()
    log.collector = .goTrace
    var time = 0.0
    log.cycles = (0..<200).map { number in
      time += number < 60 ? 0.28 : 0.006
      return .init(
        time: time, liveMegabytes: 100, beforeMegabytes: 110, cause: "pace", measuresLive: true, isDistress: false)
    }
    let report = GCReport(log)
    #expect(report.trend.verdict == .pressure)
    #expect((16.0...18).contains(report.bend?.seconds ?? 0))
  }

  @Test("numbers too large drop the line, not the program")
  func hostile() {
    let text =
      "gc 99999999999999999999 @1s 3%: 1+1+1 ms clock, 1+1+1 ms cpu, 9->9->8 MB, 10 MB goal, 2 P\n"
      + "GC(1) Garbage Collection (x) 99999999999999999999M(1%)->3M(1%)\nGC(1) Pause Full 1M->\nGC(\nGC(1)\n"
    #expect(read([UInt8](text.utf8)).cycles.isEmpty)
  }
}
