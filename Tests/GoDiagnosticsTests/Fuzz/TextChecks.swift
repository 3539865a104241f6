@testable import GoDiagnostics

extension GoFuzz {
  static let textWords = [
    "goroutine 7 [running]:\n", "goroutine 18446744073709551615 [select, 9223372036854775807 minutes]:\n",
    "goroutine 8 gp=0xc000006c40 m=nil [chan receive (nil chan) (leaked), 12 minutes, locked to thread] {a: b}:\n",
    "main.f(0xc000123456, {0x1?, ...})\n", "\t/srv/a.go:12 +0x1d\n", "main.g(...)\n",
    "created by main.main in goroutine 1\n",
    "...99999999999999999999 frames elided...\n", "...additional frames elided...\n", "runtime stack:\n",
    "[originating from goroutine 7]:\n", "\tgoroutine running on other thread; stack unavailable\n", "fatal error: ",
    "panic: ", " [recovered, repanicked]\n", "[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x1]\n",
    "exit status 2\n", "\u{1b}[31m", "\r\n", "\t", "\n", "2026-11-21T05:42:02.026Z stderr F ", "{\"log\":\"", "\\n\",",
    "[ TRACE ] ", "-----\n", "concurrent map writes\n", "runtime.mapassign_fast64(0x4e5b40, 0xc00007c450, 0x3f4)\n",
    "SIGQUIT: quit\n", "PC=0x1 m=0 sigcode=0\n", "9223372036854775807", "<script>", "\u{0}",
  ]

  static let profileTextWords = [
    "goroutine profile: total 9\n", "goroutineleak profile: total 9\n", "3 @ 0x48000a 0x41491c\n",
    "9223372036854775807 @ 0x1\n", "# labels: {\"path\":\"/v1\", \"a\\\"\":\"b\"}\n",
    "#\t0x4e5b39\tmain.leakSend+0x19\t/srv/a.go:73\n", "#\t0x", "\n\n", "\t", "\"", "\\",
    "\n# HeapAlloc = 18446744073709551615\n",
    "\n# NumGC = ",
  ]

  static let kernelLogWords = [
    "[  621.423101] ", "[1e300] ", "[nan] ", "[Mon Nov 21 05:42:02 2026] ", "Mar 24 18:41:04 host kernel: ",
    "Memory cgroup out of memory: Killed process 12345 (server) total-vm:9kB, anon-rss:7kB", "Killed process ", " (",
    ")",
    ") total-vm:", "anon-rss:99999999999999999999kB", "server[7]: segfault at 8 ip 0 sp 0 error 6", ": segfault at ",
    "[",
    "rtc_cmos 00:00: setting system clock to 2026-11-21T05:00:00 UTC (1795237200)", " UTC (", "\n",
    "9223372036854775807",
  ]

  static let collectorWords = [
    "gc 1 @0.064s 0%: 0.007+0.28+0.002 ms clock, 0.01+0/0/0+0 ms cpu, 3->3->3 MB, 4 MB goal, 0 MB stacks, 2 P\n",
    "(forced)",
    "[0.259s][info][gc] ", "[41ms][1][2] ", "GC(0) ", "GC(", "Garbage Collection (Warmup) ", "182M(95%)->30M(16%)",
    "Major Collection (Proactive) ", "Minor Collection (Allocation Rate) ", " 0.007s", "Pause Young (Normal) ",
    "Pause Full (G1 Compaction Pause) ", "118M->19M(192M) 3.903ms", "Allocation Stall (main) 4.602ms",
    "Relocation Stall (",
    "Out Of Memory (main)", "Using G1\n", "Using The Z Garbage Collector\n", "Max Capacity: 192M", "9007199254740991",
    "9223372036854775807", "0.000000000000000000001", "->", "MB", "\n",
  ]

  static let filterWords = [
    "state == \"chan send\"", "minutes > 10", " && ", " || ", "!", "(", ")", "label.", "label.a == 'b'", " contains ",
    "id ",
    "function ", "top ", "file ", "createdBy ", "locked", "leaked", "\"", "'", "\\", "9223372036854775808", "==", "<=",
    "((((((((((((((((((((((((((((((((((((", "\u{0301}", "\u{1F600}",
  ]

  static let endpointWords = [
    "HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n", "Content-Length: -1\r\n", "Content-Length: 1073741825\r\n",
    "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "ffffffff\r\n",
    "7fffffffffffffff\r\n",
    ";x=y", "\n", ": ", "HTTP/1.0 404 x\r\n",
  ]

  /// Tracebacks, runtime.Stack, debug=2 and the logs they lie in, up to the reports made of them.
  @Sendable static func traceback(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let whole = CollectingSink.read(bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    // Colours, JSON and records that go on in the next line may stand within a header, and are taken off.
    let isPlain = !bytes.contains(0x1b) && !bytes.contains(0x5c) && !text.contains(" P ")
    for goroutine in whole.goroutines {
      guard let id = goroutine.id, !isPlain || text.contains("goroutine \(id) ") else {
        return "goroutine \(goroutine.id.map(String.init) ?? "?") is not in the text"
      }
      if goroutine.frames.count > GoroutineBuilder.framesMax { return "\(goroutine.frames.count) frames" }
    }
    // Bytes that are no UTF-8 are repaired in words, so only their hashes differ: such stacks are grouped by the words.
    for exact in [false, true] where String(validating: bytes, as: UTF8.self) != nil {
      let hashed = CollectingSink.read(bytes, exact: exact)
      for (goroutine, signature) in zip(hashed.goroutines, hashed.signatures)
      where Signature(goroutine, exact: exact) != signature {
        return "goroutine \(goroutine.id ?? 0) is hashed otherwise as bytes than as words"
      }
    }
    var reader = TracebackReader(sink: CollectingSink())
    for piece in pieces(bytes, round) { piece.withUnsafeBytes { reader.feed($0) } }
    reader.finish()
    if reader.sink.goroutines != whole.goroutines {
      return "\(whole.goroutines.count) goroutines whole, \(reader.sink.goroutines.count) in pieces, or others"
    }
    if let place = zip(reader.sink.lines, whole.lines).enumerated().first(where: { $1.0 != $1.1 }) {
      return "line \(place.offset) is \(place.element.1.debugDescription) whole, "
        + "\(place.element.0.debugDescription) in pieces"
    }
    if reader.sink.lines.count != whole.lines.count { return "other lines whole than in pieces" }
    var input = TriageInput()
    input.stderr = CrashText(bytes)
    input.exitCode = Int(round % 256)
    return report(input)
  }

  @Sendable static func kernelLog(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let log = KernelLog(bytes)
    if log.events.count > KernelLog.eventsMax { return "\(log.events.count) events" }
    let text = String(decoding: bytes, as: UTF8.self)
    for event in log.events where !text.contains(event.line) { return "a line that is not in the log: \(event.line)" }
    var input = TriageInput()
    input.kernelLog = log
    input.processName = round & 1 == 0 ? "server" : nil
    input.boot = BootTime.choose(told: nil, log: log, here: 1_763_700_000, uptime: 1e6)
    return report(input)
  }

  @Sendable static func gcLog(_ bytes: [UInt8], _ round: UInt64) -> String? {
    var whole = GCLogReader()
    bytes.withUnsafeBytes { whole.feed($0) }
    var dripped = GCLogReader()
    for piece in pieces(bytes, round) { piece.withUnsafeBytes { dripped.feed($0) } }
    let log = whole.finish()
    if log != dripped.finish() { return "read otherwise in pieces" }
    let report = GCReport(log, limitMegabytes: round & 1 == 0 ? 512 : nil)
    guard (-1...1).contains(report.trend.tau), report.trend.ratio >= 0 else { return "tau \(report.trend.tau)" }
    guard report.series.count <= 501 else { return "\(report.series.count) points to draw" }
    if (try? report.json()) == nil { return "no JSON of it" }
    return drivesNobody(GCTerminal.text(report), HeapPlot.svg(report))
  }

  @Sendable static func filter(_ bytes: [UInt8], _ round: UInt64) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(GoroutineFilter.Mistake) {
      let filter = try GoroutineFilter(text)
      var goroutine = Goroutine(id: 7, state: "chan send", frames: [])
      goroutine.waitMinutes = Int(truncatingIfNeeded: round)
      return filter.admits(goroutine) == filter.admits(goroutine) ? nil : "true and false of one goroutine"
    } catch {
      return (0...text.count).contains(error.position) ? nil : "a mistake at \(error.position) of \(text.count)"
    }
  }

  @Sendable static func endpoint(_ bytes: [UInt8], _ round: UInt64) -> String? {
    func answer(_ pieces: [ArraySlice<UInt8>]) -> [UInt8]? {
      var answer = EndpointAnswer(url: "x")
      for piece in pieces {
        do throws(HTTPGet.Failure) {
          if let body = try answer.take(piece) { return body }
        } catch { return nil }
      }
      return try? answer.end()
    }
    let whole = answer([bytes[...]])
    if let whole, whole.count > bytes.count { return "more came out than went in" }
    return whole == answer(pieces(bytes, round)) ? nil : "read otherwise in pieces"
  }

  /// The reports of what was found: JSON is there, and nothing from outside drives a terminal or a page.
  private static func report(_ input: TriageInput) -> String? {
    let report = Triage.report(input)
    if (try? report.json()) == nil { return "no JSON of the report" }
    return drivesNobody(TriageTerminal.text(report), TriagePage.html(report))
  }

  private static func drivesNobody(_ terminal: String, _ page: String) -> String? {
    let control = terminal.unicodeScalars.first {
      $0.value < 0x20 && $0 != "\n" || (0x7f...0x9f).contains($0.value)
    }
    if let control { return "U+\(String(control.value, radix: 16)) for the terminal" }
    return page.contains("<script") ? "a script in the page" : nil
  }
}
