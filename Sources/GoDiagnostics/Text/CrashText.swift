/// What a Go process wrote when it died, taken apart and not yet judged.
///
/// A stderr file is a log with a crash at its end, and maybe older dumps and recovered panics before
/// it. The runtime's grammar for the crash itself is: lines that name it ("panic: …", "fatal
/// error: …", "SIGQUIT: quit", "runtime: …"), perhaps "[signal …]", an empty line, and blocks. This type
/// keeps those parts of the *last* crash, bounded, so the classifier can be a function of them.
///
/// Bounds: `linesMax` lines before the first goroutine, `goroutinesMax` goroutines with their stacks.
/// More goroutines are counted, not kept; the crashing one comes first.
public struct CrashText: Sendable {
  public static let linesMax = 400
  public static let goroutinesMax = 20_000

  /// Lines before the first goroutine, the newest `linesMax`.
  public internal(set) var preamble: [String] = []
  /// Lines between and behind goroutines: registers, "exit status 2", second fatal errors.
  public internal(set) var trailer: [String] = []
  /// In the order printed: the first is the crashing one, except in a signal dump.
  public internal(set) var goroutines: [Goroutine] = []
  /// All goroutines seen, kept or not.
  public internal(set) var goroutinesSeen = 0
  /// The stack of the runtime's own thread ("runtime stack:"), when the throw happened there.
  public internal(set) var runtimeStack: [Goroutine.Frame] = []
  /// "http: panic serving …": panics a server caught. They are not the crash.
  public internal(set) var recoveredPanics = 0
  /// When the crash was named, as the log's prefix says it: "2026-11-21T05:42:02.026Z". nil without such a prefix.
  public internal(set) var time: String?
  /// The text ends within a goroutine.
  public internal(set) var isTruncated = false

  public init() {}

  /// Reads a whole text.
  public init(_ bytes: [UInt8]) {
    var reader = CrashTextReader()
    bytes.withUnsafeBytes { reader.feed($0) }
    self = reader.finish()
  }
}

/// Reads a crash text that arrives in pieces.
public struct CrashTextReader {
  private var reader = TracebackReader(sink: CrashSink())

  public init() {}

  /// Takes the next bytes of the text, cut anywhere.
  public mutating func feed(_ piece: UnsafeRawBufferPointer) { reader.feed(piece) }

  /// The input is over: what was found.
  public mutating func finish() -> CrashText {
    reader.finish()
    var text = reader.sink.finish()
    text.isTruncated = reader.endsWithinGoroutine
    return text
  }
}

struct CrashSink: TracebackSink {
  private static let lineBytesMax = 2048

  private var text = CrashText()
  /// Behind "-----": register dumps of other threads, which begin no new crash.
  private var inThreadDumps = false
  /// Lines of the "runtime stack:" block, nil outside.
  private var runtimeLines: [UInt8]?
  private var indexOfID: [UInt64: Int] = [:]
  private var recent: [String] = []

  mutating func goroutine(_ header: GoroutineHeader, signature: Signature, body: TextView) {
    closeRuntimeStack()
    if text.goroutinesSeen == 0 {
      text.preamble = recent
      recent = []
    }
    text.goroutinesSeen &+= 1
    guard text.goroutines.count < CrashText.goroutinesMax else { return }
    var builder = GoroutineBuilder(header)
    _ = StackBlock.walk(body, from: 0, isLast: true, visitor: &builder)
    // Two fatal errors at once print a goroutine twice, first without its stack (Go 1.19 to 1.23).
    if let index = indexOfID[header.id] {
      text.goroutinesSeen &-= 1
      if !text.goroutines[index].stackAvailable { text.goroutines[index] = builder.goroutine }
      return
    }
    indexOfID[header.id] = text.goroutines.count
    text.goroutines.append(builder.goroutine)
  }

  mutating func line(_ line: TextView) {
    if runtimeLines != nil {
      if line.isEmpty { return closeRuntimeStack() }
      if (runtimeLines?.count ?? 0) < 1 << 16 {
        runtimeLines?.append(contentsOf: line.buffer)
        runtimeLines?.append(0x0a)
      }
      return
    }
    if line.equals("runtime stack:") {
      runtimeLines = []
      return
    }
    if line.hasPrefix("-----") { inThreadDumps = true }
    if line.find("http: panic serving ") != nil { text.recoveredPanics &+= 1 }
    let words = line.part(0, min(line.count, Self.lineBytesMax)).string
    if text.goroutinesSeen > 0, !inThreadDumps, beginsAnother(line) { restart() }
    if text.goroutinesSeen == 0 {
      recent.append(words)
      if recent.count > CrashText.linesMax * 2 { recent.removeFirst(CrashText.linesMax) }
    } else {
      text.trailer.append(words)
      if text.trailer.count > CrashText.linesMax * 2 { text.trailer.removeFirst(CrashText.linesMax) }
    }
  }

  /// A panic or fatal error behind a dump is the next crash, unless it is the same one said twice.
  private func beginsAnother(_ line: TextView) -> Bool {
    if line.hasPrefix("SIG"), CrashLine(line.part(0, min(line.count, 64)).string) != nil {
      return !text.preamble.contains { CrashLine($0) != nil }
    }
    guard line.hasPrefix("panic: ") || line.hasPrefix("fatal error: ") else { return false }
    return !text.preamble.contains(line.string)
  }

  private mutating func restart() {
    recent = text.trailer
    let recovered = text.recoveredPanics
    text = CrashText()
    text.recoveredPanics = recovered
    indexOfID = [:]
  }

  mutating func learnt(_ cleaner: LineCleaner) {
    recent = recent.map { line in
      var line = line
      var cleaned: [UInt8] = []
      line.withUTF8 { cleaner.clean(TextView(UnsafeRawBufferPointer($0)), into: &cleaned) }
      if cleaned.last == 0x0a { cleaned.removeLast() }
      let words = String(decoding: cleaned, as: UTF8.self)
      if CrashLine(words) != nil { text.time = LogTime.find(line) ?? text.time }
      return words
    }
  }

  private mutating func closeRuntimeStack() {
    guard let lines = runtimeLines else { return }
    runtimeLines = nil
    guard text.runtimeStack.isEmpty else { return }
    var builder = GoroutineBuilder(state: "runtime stack")
    lines.withUnsafeBytes { _ = StackBlock.walk(TextView($0), from: 0, isLast: true, visitor: &builder) }
    text.runtimeStack = builder.goroutine.frames
  }

  mutating func finish() -> CrashText {
    closeRuntimeStack()
    if text.goroutinesSeen == 0 { text.preamble = recent }
    text.preamble = Array(text.preamble.suffix(CrashText.linesMax))
    return text
  }
}
