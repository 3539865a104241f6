import Foundation
import Testing

@testable import GoDiagnostics

@Suite("Triage")
struct TriageTests {
  private func report(_ name: String, _ change: (inout TriageInput) -> Void = { _ in }) throws -> TriageReport {
    var input = TriageInput()
    input.stderr = CrashText(try Fixture.bytes("crash/crash-\(name).txt"))
    input.exitCode = 2
    change(&input)
    return Triage.report(input)
  }

  static let sites: [(String, UInt64, String, Int)] = [
    ("1.19-badptr", 1, "main.main", 276), ("1.23-cgo-seg", 1, "main.main", 18), ("1.23-cgo-abrt", 1, "main.main", 20),
    ("1.23-customerr", 1, "main.main", 219), ("1.23-deadlock", 1, "main.main", 206),
    ("1.19-deadlock-nogoroutines", 18, "main.main.func4", 212), ("1.27-deadlock-wg", 1, "main.main", 210),
    ("1.23-goexitpanic", 1, "main.main.func7", 234), ("1.27-repanic", 1, "main.main", 229),
    ("1.23-nilderef-goroutine", 18, "main.main.func2", 201), ("1.23-unlock", 1, "main.main", 242),
    ("1.27-oom", 1, "main.main", 252), ("1.23-stackoverflow-small", 1, "main.recurse", 61),
    ("1.27-mapwrite", 6, "main.writer", 26), ("1.27-sigabrt", 1, "main.main", 271),
  ]

  @Test("the program's line is named", arguments: sites)
  func site(name: String, goroutine: UInt64, function: String, line: Int) throws {
    let site = try #require(try report(name).verdict.site)
    #expect(site.goroutine == goroutine)
    #expect(site.function == function)
    #expect(site.line == line)
  }

  @Test("threads run out at the call that blocks them, not where the last was asked for", arguments: ["1.19", "1.23"])
  func threads(version: String) throws {
    #expect(try report("\(version)-threads").verdict.site?.line == 268)
  }

  static let pairs: [(String, [UInt64], [String])] = [
    ("1.23-mapwrite", [18, 19], ["write", "write"]), ("1.23-mapreadwrite", [7, 6], ["read", "write"]),
    ("1.23-mapiterwrite", [19, 18], ["iterate", "write"]), ("1.23-mapdelwrite", [19, 18], ["write", "write"]),
    ("1.23-mapwritestr", [18, 19], ["write", "write"]),
  ]

  @Test("a pointer both got joins the parties of a race, by text only", arguments: pairs)
  func pair(name: String, ids: [UInt64], operations: [String]) throws {
    let found = try report(name)
    let race = try #require(found.race)
    #expect(race.parties.map(\.goroutine) == ids)
    #expect(race.parties.map(\.operation) == operations)
    #expect(found.verdict.certainty == .c)
  }

  @Test("two that noticed and were running are the parties, though no address shows")
  func bothNoticed() throws {
    let found = try report("1.19-mapwrite")
    #expect(found.race?.parties.map(\.goroutine) == [19, 18])
    #expect(found.verdict.certainty == .c)
  }

  @Test("without a shared pointer those that could run are candidates, not parties")
  func candidates() throws {
    let found = try report("1.19-mapdelwrite")
    #expect(found.race?.parties.map(\.goroutine) == [18])
    #expect(found.race?.candidates.map(\.goroutine) == [19])
    #expect(found.verdict.certainty == .d)
  }

  @Test("one printed goroutine is one party, and the report says the other was not captured")
  func alone() throws {
    let found = try report("1.27-mapwrite")
    #expect(found.race?.parties.map(\.goroutine) == [6])
    #expect(found.race?.candidates.isEmpty == true)
    #expect(found.race?.othersCaptured == false)
    #expect(found.verdict.certainty == .d)
    #expect(found.missing.contains { $0.what == "the other party" && $0.setting.contains("GOTRACEBACK=system") })
  }

  @Test("map frames with one address confirm the pair")
  func confirmed() throws {
    let text = """
      fatal error: concurrent map writes

      goroutine 18 gp=0xc1 m=3 mp=0xc2 [running]:
      runtime.fatal({0x1?, 0x2?})
      \t/go/src/runtime/panic.go:1 +0x1
      runtime.mapassign_fast64(0x4e5b40, 0xc00007c450, 0x3f4)
      \t/go/src/runtime/map_fast64.go:122 +0x1
      main.writer(0x1, 0x2)
      \t/srv/main.go:26 +0x6a

      goroutine 19 gp=0xc3 m=4 mp=0xc4 [runnable]:
      runtime.mapdelete_fast64(0x4e5b40, 0xc00007c450, 0x3)
      \t/go/src/runtime/map_fast64.go:300 +0x1
      main.deleter()
      \t/srv/main.go:56 +0x6a
      """
    var input = TriageInput()
    input.stderr = CrashText([UInt8](text.utf8))
    let found = Triage.report(input)
    #expect(found.verdict.certainty == .a)
    #expect(found.race?.map == "0xc00007c450")
    #expect(found.race?.parties.map(\.operation) == ["write", "delete"])
  }

  @Test("a deadlock shown with the runtime's goroutines first is still at the program's line")
  func systemFirst() {
    let text = """
      fatal error: all goroutines are asleep - deadlock!

      goroutine 2 gp=0x1 m=nil [force gc (idle)]:
      runtime.gopark(0x0?)
      \t/go/src/runtime/proc.go:1 +0x1
      created by runtime.init.7 in goroutine 1
      \t/go/src/runtime/proc.go:2 +0x1

      goroutine 18 gp=0x2 m=nil [select (no cases)]:
      runtime.gopark(0x0?)
      \t/go/src/runtime/proc.go:1 +0x1
      main.wait()
      \t/srv/main.go:212 +0x1
      created by main.main in goroutine 1
      \t/srv/main.go:9 +0x1
      """
    var input = TriageInput()
    input.stderr = CrashText([UInt8](text.utf8))
    #expect(Triage.report(input).verdict.site?.line == 212)
  }

  @Test("the recursion of an overflow is named with its depth")
  func recursion() throws {
    let found = try report("1.27-stackoverflow-small")
    #expect(found.recursion?.cycle.count == 1)
    #expect((found.recursion?.depth ?? 0) > 11_800)
  }

  static let kill =
    "[  621.423101] Memory cgroup out of memory: Killed process 12345 (server) total-vm:9kB, anon-rss:7kB, file-rss:0kB"

  @Test("status 137 and a kernel record outrank an older crash in the log")
  func kernelWins() throws {
    let found = try report("1.23-nilderef") {
      $0.exitCode = 137
      $0.kernelLog = KernelLog([UInt8](Self.kill.utf8))
      $0.processName = "server"
      $0.boot = BootTime(seconds: 1_763_700_000, origin: .told)
    }
    #expect(found.verdict.kind == .kernelOOM)
    #expect(found.verdict.certainty == .a)
    #expect(found.disagreements.first?.stronger == "kernel log")
    #expect(found.timeline.first?.time.hasPrefix("2025-11-2") == true)
  }

  @Test("a crash in a dated log and a kernel line counted from boot stand in one order")
  func timeline() throws {
    let bytes = try Fixture.bytes("crash/crash-1.23-nilderef.txt")
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let log = lines.map { "2025-11-21T05:00:00.5Z stderr F \($0)\n" }.joined()
    var input = TriageInput()
    input.stderr = CrashText([UInt8](log.utf8))
    input.kernelLog = KernelLog([UInt8](Self.kill.utf8))
    // Booted 642 seconds before 05:00:00; the kill came 621 seconds later, so 21 seconds before the crash.
    input.boot = BootTime(seconds: 1_763_700_558, origin: .told)
    let found = Triage.report(input)
    #expect(found.timeline.map(\.source) == ["kernel log", "stderr"])
    #expect(found.timeline.last?.time == "2025-11-21T05:00:00.5Z")
  }

  static let times: [(String, String?)] = [
    ("2026-11-21T05:42:02.026123456Z stderr F panic: x", "2026-11-21T05:42:02.026123456Z"),
    ("[2026-11-21 05:42:02,026+0100] panic", "2026-11-21T05:42:02.026+0100"),
    ("x 2026-11-21T05:42:02 y", "2026-11-21T05:42:02"), ("2026-11-21T05:42", nil), ("", nil),
    ("Nov 21 05:42:02 host", nil),
  ]

  @Test("dates of logs are found", arguments: times)
  func logTime(line: String, expected: String?) {
    #expect(LogTime.find(line) == expected)
  }

  @Test("a complete crash outranks a kill of a process with that name")
  func stderrWins() throws {
    let found = try report("1.23-nilderef") { $0.kernelLog = KernelLog([UInt8](Self.kill.utf8)) }
    #expect(found.verdict.kind == .nilDereference)
    #expect(found.disagreements.first?.stronger == "stderr")
  }

  @Test("a kill alone is a verdict; a status alone is not")
  func alone137() {
    var input = TriageInput()
    input.exitCode = 137
    #expect(Triage.report(input).verdict.kind == .unknown)
    #expect(Triage.report(input).missing.contains { $0.what == "kernel log" })
    input.kernelLog = KernelLog([UInt8](Self.kill.utf8))
    #expect(Triage.report(input).verdict.kind == .kernelOOM)
    #expect(Triage.report(input).verdict.certainty == .a)
  }

  static let kernelLines: [(String, KernelLog.Time, Int, String)] = [
    (kill, .monotonic(621.423101), 12345, "server"),
    (
      "[Mon Nov 21 10:00:00 2026] Out of memory: Killed process 7 (my (odd) app) total-vm:1kB, anon-rss:2kB",
      .wall("Mon Nov 21 10:00:00 2026"), 7, "my (odd) app"
    ),
    (
      "Mar 24 18:41:04 host kernel: Out of memory: Killed process 8 (x), UID 0, total-vm:1kB", .wall("Mar 24 18:41:04"),
      8, "x"
    ),
    ("[1.5] s[31272]: segfault at 8 ip 0 sp 0 error 6 in s[1]", .monotonic(1.5), 31272, "s"),
  ]

  @Test("kernel lines of all time formats are read", arguments: kernelLines)
  func kernel(line: String, time: KernelLog.Time, pid: Int, process: String) throws {
    let event = try #require(KernelLog([UInt8](line.utf8)).events.first)
    #expect(event.time == time)
    #expect(event.pid == pid)
    #expect(event.process == process)
  }

  @Test("a party without a stack is asked of a core, not of a louder traceback")
  func otherOnAnotherThread() {
    var input = TriageInput()
    input.stderr = CrashText(
      [UInt8](
        """
        fatal error: concurrent map writes

        goroutine 6 [running]:
        main.writer(0xc000012345, 0x1)
        \t/srv/a.go:26 +0x6a

        goroutine 7 [running]:
        \tgoroutine running on other thread; stack unavailable
        created by main.main in goroutine 1
        \t/srv/a.go:163 +0x1

        """.utf8))
    let found = Triage.report(input)
    #expect(found.verdict.kind == .mapWriteWrite)
    #expect(found.missing.contains { $0.what == "the other party's stack" && $0.setting.contains("core") })
    #expect(!found.missing.contains { $0.what == "runtime frames with arguments" })
  }

  @Test("an end that nothing explains is not called seen by a detector")
  func unknownWords() {
    var input = TriageInput()
    input.exitCode = 1
    #expect(TriageTerminal.text(Triage.report(input)).contains("certainty D (not proved)"))
  }

  @Test("every kind has a meaning, a remedy and a runbook page", arguments: VerdictKind.allCases)
  func documented(kind: VerdictKind) {
    #expect(!kind.meaning.isEmpty && !kind.remedy.isEmpty)
    let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    func text(_ path: String) -> String {
      (try? String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }
    let page = text(kind.runbook)
    for part in ["Verdict `\(kind.rawValue)`", "## What it means", "## How to be sure", "## How to fix it"] {
      #expect(page.contains(part), "\(kind.runbook) has no \(part)")
    }
    #expect(text("Documentation/go/README.md").contains("[`\(kind.rawValue)`](\(kind.rawValue).md)"))
  }

  @Test("the JSON has the documented fields")
  func json() throws {
    let text = String(decoding: try report("1.23-mapwrite").json(), as: UTF8.self)
    for field in [
      "\"schema\" : \"sluice.triage/1\"", "\"kind\" : \"map-write-write\"", "\"certainty\" : \"C\"", "\"parties\"",
      "\"missing\"", "\"evidence\"",
    ] {
      #expect(text.contains(field))
    }
  }
}

@Suite("Triage of a core")
struct CoreTriageTests {
  private func goroutine(_ id: UInt64, _ state: String, _ frames: [String]) -> Goroutine {
    Goroutine(
      id: id, state: state, frames: frames.map { .init(function: $0, file: "/srv/main.go", line: 3) })
  }

  private func report(_ image: ImageFindings, _ change: (inout TriageInput) -> Void = { _ in }) -> TriageReport {
    var input = TriageInput()
    input.image = image
    change(&input)
    return Triage.report(input)
  }

  @Test("a stack that repeats hundreds of times is likely an overflow")
  func overflow() {
    let deep = goroutine(1, "running", Array(repeating: "main.recurse", count: 900) + ["main.main"])
    let found = report(.init(source: "core", goroutines: [deep]))
    #expect(found.verdict.kind == .stackOverflow)
    #expect(found.verdict.certainty == .b)
    #expect(found.verdict.site?.function == "main.recurse")
    #expect(found.recursion?.depth == 901)
  }

  @Test("nobody who can run is likely a deadlock; one who sleeps is not")
  func deadlock() {
    let stuck = [
      goroutine(1, "chan receive", ["runtime.gopark", "main.main"]), goroutine(6, "sync.Mutex.Lock", ["main.lock"]),
    ]
    let found = report(.init(source: "core", goroutines: stuck, message: "SIGABRT: abort"))
    #expect(found.verdict.kind == .deadlock)
    #expect(found.verdict.certainty == .b)
    let asleep = report(.init(source: "core", goroutines: stuck + [goroutine(7, "sleep", ["main.nap"])]))
    #expect(asleep.verdict.kind == .unknown)
  }

  @Test("a live process that only waits is not called dead")
  func live() {
    let image = ImageFindings(source: "process", goroutines: [goroutine(1, "chan receive", ["main.main"])])
    #expect(report(image).verdict.kind == .unknown)
  }

  @Test("a core that names another crash outranks a log")
  func disagreement() {
    let crashed = goroutine(4, "running", ["runtime.gopanic", "main.send"])
    let image = ImageFindings(
      source: "core", goroutines: [crashed], crashing: 0, message: "panic: send on closed channel")
    let log = "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:1 +0x1\n"
    let found = report(image) { $0.stderr = CrashText([UInt8](log.utf8)) }
    #expect(found.verdict.kind == .channelMisuse)
    #expect(found.verdict.site?.function == "main.send")
    #expect(found.disagreements.first?.stronger == "core")
  }

  @Test("the race a core proves replaces what the text guesses")
  func race() throws {
    let text = CrashText(try Fixture.bytes("crash/crash-1.27-mapwrite.txt"))
    let party = MapRace.Party(goroutine: 6, function: "main.writer", file: "main.go", line: 26, operation: "write")
    var other = party
    other.goroutine = 7
    let race = MapRace(
      map: "0xc1", type: "map[int]int", certainty: .a, parties: [party, other], candidates: [], othersCaptured: true)
    let found = report(.init(source: "core", goroutines: [], race: race)) { $0.stderr = text }
    #expect(found.verdict.certainty == .a)
    #expect(found.race == race)
  }
}
