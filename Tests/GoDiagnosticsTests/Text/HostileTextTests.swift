import Testing

@testable import GoDiagnostics

@Suite("Hostile input")
struct HostileTextTests {
  static let sources = [
    "dump/dump-1.23/sigquit", "dump/dump-1.27l/goroutineleak.debug2", "dump/dump-1.27l/goroutine.debug1",
    "crash/crash-1.23-mapwritestr.txt", "crash/crash-1.27-stackoverflow-small.txt", "gc/g1-decorators-utc-pid-tid.log",
    "gc/gctrace-1.27-leak.txt",
  ]

  /// Deletes, copies, flips and inserts; the seed makes it repeatable.
  private func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = bytes
    let words = [
      "goroutine 7 [running]:\n", "\u{1b}[31m", "\n", "\t", "{\"log\":\"", "...99999999999999999999 frames elided...\n",
      "created by ", "fatal error: ", "panic: ", "gc 1 @", "GC(", "runtime stack:\n", "2026-11-21 F ", "\u{0}",
      "9223372036854775807",
    ]
    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...200, using: &random)))
      case 2: bytes.insert(contentsOf: words.randomElement(using: &random).map { Array($0.utf8) } ?? [], at: at)
      case 3:
        bytes.insert(
          contentsOf: bytes[at..<min(bytes.count, at + 300)], at: Int.random(in: 0...bytes.count, using: &random))
      default: bytes.removeLast(bytes.count - at)
      }
    }
    return bytes
  }

  @Test("changed texts never stop a reader, and every goroutine read stands in the text", arguments: sources)
  func mutated(path: String) throws {
    let original = try Fixture.bytes(path)
    for seed in 0..<120 {
      var random = SeededRandom(seed: UInt64(seed))
      let bytes = mutate(original, &random)
      let pieces = Int.random(in: 1...5000, using: &random)
      let read = CollectingSink.read(bytes, pieces: pieces)
      let text = String(decoding: bytes, as: UTF8.self)
      for goroutine in read.goroutines {
        let id = try #require(goroutine.id)
        #expect(text.contains("goroutine \(id) "), "seed \(seed)")
      }
      var input = TriageInput()
      input.stderr = CrashText(bytes)
      input.kernelLog = KernelLog(bytes)
      var log = GCLogReader()
      bytes.withUnsafeBytes { log.feed($0) }
      input.gc = GCReport(log.finish())
      let report = Triage.report(input)
      _ = TriageTerminal.text(report)
      _ = TriagePage.html(report)
      _ = try? group(bytes, pieces: pieces)
    }
  }

  @Test("random bytes, as they are and behind a gzip header, stop no reader")
  func noise() {
    for seed in 0..<300 {
      var random = SeededRandom(seed: UInt64(seed) &+ 7_000)
      var bytes = (0..<Int.random(in: 0...600, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if seed % 3 == 0 { bytes = [0x1f, 0x8b, 8, 0] + bytes }
      if seed % 3 == 1 { bytes = [0x0a, 0x04, 0x08, 0x01, 0x10, 0x02] + bytes }
      _ = try? group(bytes)
      _ = CrashText(bytes)
    }
  }

  @Test("changed profiles stop no reader")
  func profiles() {
    let original = ProfileTests.profile()
    for seed in 0..<400 {
      var random = SeededRandom(seed: UInt64(seed) &+ 9_000)
      _ = try? group(mutate(original, &random))
    }
  }

  @Test("a line and a block without end are cut, not kept")
  func endless() {
    var reader = TracebackReader(sink: CollectingSink())
    let piece = [UInt8](repeating: 0x61, count: 1 << 20)
    for _ in 0..<20 { piece.withUnsafeBytes { reader.feed($0) } }
    reader.finish()
    #expect(reader.sink.lines.allSatisfy { $0.utf8.count <= 64 << 10 })
    var text = "goroutine 1 [running]:\n"
    for number in 0..<40_000 { text += "main.f(0x\(number))\n\t/a.go:\(number) +0x1\n" }
    let read = CollectingSink.read([UInt8](text.utf8))
    #expect(read.goroutines.first?.frames.count == GoroutineBuilder.framesMax)
  }

  @Test("text from a crash cannot drive the terminal or the page")
  func injection() {
    var input = TriageInput()
    input.stderr = CrashText(
      [UInt8](
        "panic: <script>alert(1)</script>\u{7}\u{9b}2J\n\ngoroutine 1 [running]:\nmain.f()\n\t/<b>.go:1 +0x1\n".utf8))
    let report = Triage.report(input)
    let text = TriageTerminal.text(report)
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x9b })
    let page = TriagePage.html(report)
    #expect(!page.contains("<script>") && !page.contains("/<b>"))
    #expect(page.contains("&lt;script&gt;"))
  }
}
