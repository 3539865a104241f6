import Testing

@testable import GoDiagnostics

@Suite("The kernel log's clock")
struct BootTimeTests {
  static let clock = "[    1.500000] rtc_cmos 00:00: setting system clock to 2026-11-21T05:00:00 UTC (1795237200)\n"
  static let kill = "[  621.5] Memory cgroup out of memory: Killed process 7 (server) total-vm:9kB, anon-rss:7kB\n"

  private func choose(_ text: String, told: Double? = nil, uptime: Double = 1000) -> BootTime? {
    BootTime.choose(told: told, log: KernelLog([UInt8](text.utf8)), here: 1_700_000_000, uptime: uptime)
  }

  @Test("what the operator says comes first, then the log's own line, then this machine")
  func order() {
    #expect(choose(Self.clock + Self.kill, told: 5) == BootTime(seconds: 5, origin: .told))
    #expect(choose(Self.clock + Self.kill) == BootTime(seconds: 1_795_237_198.5, origin: .log))
    #expect(choose(Self.kill) == BootTime(seconds: 1_700_000_000, origin: .here))
  }

  @Test("a log longer than this machine is up is of another machine, or of another boot")
  func otherMachine() {
    #expect(choose(Self.kill, uptime: 600) == nil)
  }

  static let noClocks = [
    "[nan] setting system clock to 2026 UTC (1795237200)", "[1e300] setting system clock to 2026 UTC (1795237200)",
    "[-4] setting system clock to 2026 UTC (1795237200)", "setting system clock to 2026 UTC (1795237200)",
    "[1.0] setting system clock to 2026 UTC (0)", "[1.0] setting system clock to 2026 UTC (99999999999999999999)",
    "[1.0] setting system clock to 2026", "[", "   ", "",
  ]

  @Test("lines that only look like a clock's are none", arguments: noClocks)
  func noClock(line: String) {
    #expect(KernelLog([UInt8](line.utf8)).bootTime == nil)
  }

  @Test("the report dates the kernel's lines and says by what")
  func report() {
    var input = TriageInput()
    input.kernelLog = KernelLog([UInt8]((Self.clock + Self.kill).utf8))
    input.boot = choose(Self.clock + Self.kill)
    input.processName = "server"
    let found = Triage.report(input)
    #expect(found.timeline.map(\.time) == ["2026-11-21T05:10:20Z"])
    #expect(found.evidence.contains { $0.statement.contains("the log's own clock line") })
    input.boot = nil
    #expect(Triage.report(input).timeline.map(\.time) == ["boot+621.5 s"])
  }
}
