/// Reads Go gctrace, ZGC (one generation and two) and G1 logs, in pieces.
///
/// Which collector wrote a log is seen from its lines, not told. JVM decorators vary with -Xlog
/// options, so they are not parsed but stepped over: the message begins at "GC(" or "Using " or "Allocation
/// Stall" behind the last "]"; the time is the decorator that looks like "1.234s" or "1234ms". gctrace
/// lines may be glued behind a program's own output, so "gc N @" is looked for within the line.
/// Numbers are bounded: a size beyond 2⁵³ megabytes or text that is no number drops the line.
public struct GCLogReader {
  private var log = GCLog()
  private var tail: [UInt8] = []
  private static let lineBytesMax = 16 << 10

  public init() {}

  /// Takes the next bytes of the log, cut anywhere.
  public mutating func feed(_ piece: UnsafeRawBufferPointer) {
    tail.append(contentsOf: piece)
    let bytes = tail
    var consumed = 0
    bytes.withUnsafeBytes { raw in
      let text = TextView(raw)
      while let end = text.first(0x0a, from: consumed) {
        read(text.part(consumed, end))
        consumed = end + 1
      }
      if text.count - consumed > Self.lineBytesMax { consumed = text.count }
    }
    tail = Array(bytes[consumed...])
  }

  /// The input is over.
  public mutating func finish() -> GCLog {
    let bytes = tail
    tail = []
    bytes.withUnsafeBytes { read(TextView($0)) }
    return log
  }

  private mutating func read(_ line: TextView) {
    guard line.count > 4, line.count <= Self.lineBytesMax, log.cycles.count < GCLog.cyclesMax else { return }
    if let at = line.find(" MB goal"), at > 0, let start = line.find("gc ") {
      readTrace(line.from(start))
    } else if let at = line.find("GC("), line.find("->") != nil || line.find("Pause ") != nil {
      readCycle(line.from(at).trimmed, time: Self.time(line.part(0, at)))
    } else if let at = line.find("Allocation Stall ("), line.find("GC(") == nil {
      readStall(line.from(at + 18), time: Self.time(line.part(0, at)))
    } else if line.find("Relocation Stall (") != nil, let at = line.find("Stall (") {
      readStall(line.from(at + 7), time: Self.time(line.part(0, at)))
    } else if line.find("Out Of Memory (") != nil {
      log.outOfMemory += 1
    } else if let at = line.find("Max Capacity: ") {
      var index = at + 14
      log.heapLimitMegabytes = log.heapLimitMegabytes ?? Self.megabytes(line, at: &index)
    } else if line.find("Using G1") != nil {
      log.collector = .g1
    } else if line.find("Using The Z Garbage Collector") != nil, log.collector == .unknown {
      log.collector = .zgc
    }
  }

  // MARK: Go

  /// `gc 1 @0.064s 0%: 0.007+0.28+0.002 ms clock, … ms cpu, 3->3->3 MB, 4 MB goal, … 2 P (forced)`
  private mutating func readTrace(_ line: TextView) {
    var index = 3
    guard line.decimal(at: &index) != nil, line.from(index).hasPrefix(" @") else { return }
    index += 2
    guard let time = Self.number(line, at: &index), line.from(index).hasPrefix("s ") else { return }
    index += 2
    guard let percent = line.decimal(at: &index), line.from(index).hasPrefix("%") else { return }
    guard let colon = line.first(0x3a, from: index) else { return }
    index = colon + 2
    guard index < line.count, let clock = line.find(" ms clock, ", from: index) else { return }
    let phases = line.part(index, clock).string.split(separator: "+").compactMap { Double($0) }
    guard phases.count == 3, let processor = line.find(" ms cpu, ", from: clock) else { return }
    index = processor + 9
    guard let start = line.decimal(at: &index), line.from(index).hasPrefix("->") else { return }
    index += 2
    guard line.decimal(at: &index) != nil, line.from(index).hasPrefix("->") else { return }
    index += 2
    guard let live = line.decimal(at: &index), line.from(index).hasPrefix(" MB, ") else { return }
    index += 5
    guard let goal = line.decimal(at: &index), line.from(index).hasPrefix(" MB goal") else { return }
    log.collector = .goTrace
    log.cycles.append(
      .init(
        time: time, liveMegabytes: Double(live), beforeMegabytes: Double(start), goalMegabytes: Double(goal),
        // The first and last phase stop the world; the middle one runs beside the program.
        pauseMilliseconds: phases[0] + phases[2], processorPercent: percent,
        cause: line.find(" (forced)") != nil ? "forced" : "pace", measuresLive: true, isDistress: false))
  }

  // MARK: JVM

  private mutating func readCycle(_ message: TextView, time: Double?) {
    guard let close = message.first(0x29), close + 2 <= message.count else { return }
    let words = message.from(close + 1).trimmed
    if words.hasPrefix("Garbage Collection (") {
      log.collector = .zgc
      readSizes(words, prefix: 20, time: time, measuresLive: true)
    } else if words.hasPrefix("Major Collection (") {
      log.collector = .zgcGenerational
      readSizes(words, prefix: 18, time: time, measuresLive: true)
    } else if words.hasPrefix("Minor Collection (") {
      log.collector = .zgcGenerational
      readSizes(words, prefix: 18, time: time, measuresLive: false)
    } else if let pause = words.find("Pause ") {
      if pause > 3 { return }  // "y: Pause …" at most
      readPause(words.from(pause), time: time)
    }
  }

  /// `Warmup) 182M(95%)->30M(16%) 0.007s`, from behind the "(" of the cause.
  private mutating func readSizes(_ words: TextView, prefix: Int, time: Double?, measuresLive: Bool) {
    let rest = words.from(prefix)
    guard let close = rest.first(0x29), let arrow = rest.find(")->", from: close + 1) else { return }
    var index = close + 2
    guard index < rest.count, let before = Self.megabytes(rest, at: &index) else { return }
    index = arrow + 3
    guard let after = Self.megabytes(rest, at: &index) else { return }
    let cause = rest.part(0, close).string
    log.cycles.append(
      .init(
        time: time, liveMegabytes: after, beforeMegabytes: before, cause: cause, measuresLive: measuresLive,
        isDistress: cause.contains("Stall")))
  }

  /// G1 `Pause Young (Mixed) (G1 Evacuation Pause) 118M->19M(192M) 3.903ms`, ZGC `Pause Mark End 0.005ms`.
  private mutating func readPause(_ words: TextView, time: Double?) {
    guard words.hasSuffix("ms") else { return }
    var start = words.count - 2
    while start > 0, isDigit(words[start - 1]) || words[start - 1] == 0x2e { start -= 1 }
    var index = start
    guard let milliseconds = Self.number(words, at: &index) else { return }
    guard let arrow = words.find("->") else {
      if log.pauses.count < GCLog.cyclesMax { log.pauses.append(.microseconds(Int64(milliseconds * 1000))) }
      return
    }
    log.collector = .g1
    var from = arrow
    while from > 0, words[from - 1] != 0x20 { from -= 1 }
    index = from
    guard let before = Self.megabytes(words, at: &index) else { return }
    index = arrow + 2
    guard let after = Self.megabytes(words, at: &index) else { return }
    if index < words.count, words[index] == 0x28 {
      index += 1
      log.heapLimitMegabytes = log.heapLimitMegabytes ?? Self.megabytes(words, at: &index)
    }
    let cause = words.part(0, from).trimmed.string
    let isFull = cause.hasPrefix("Pause Full")
    log.cycles.append(
      .init(
        time: time, liveMegabytes: after, beforeMegabytes: before, pauseMilliseconds: milliseconds, cause: cause,
        measuresLive: isFull || cause.contains("(Mixed)") || cause.hasPrefix("Pause Remark"),
        isDistress: isFull || cause.contains("Evacuation Failure") || cause.contains("To-space exhausted")))
  }

  /// `main) 4.602ms`
  private mutating func readStall(_ words: TextView, time: Double?) {
    guard let close = words.first(0x29), log.stalls.count < GCLog.cyclesMax else { return }
    var index = close + 2
    guard index < words.count, let milliseconds = Self.number(words, at: &index) else { return }
    log.stalls.append(.init(time: time, thread: words.part(0, close).string, milliseconds: milliseconds))
  }

  // MARK: Numbers

  /// "[0.259s]" or "[41ms]", the last such decorator; nil without one.
  private static func time(_ decorators: TextView) -> Double? {
    var result: Double?
    var start = 0
    while let open = decorators.first(0x5b, from: start), let close = decorators.first(0x5d, from: open) {
      let word = decorators.part(open + 1, close)
      var index = 0
      if let value = number(word, at: &index) {
        if word.from(index).equals("s") { result = value }
        if word.from(index).equals("ms") { result = value / 1000 }
      }
      start = close + 1
    }
    return result
  }

  private static func number(_ text: TextView, at index: inout Int) -> Double? {
    guard let whole = text.decimal(at: &index), whole < 1 << 53 else { return nil }
    guard index < text.count, text[index] == 0x2e else { return Double(whole) }
    index += 1
    let start = index
    guard let fraction = text.decimal(at: &index), fraction < 1 << 53 else { return Double(whole) }
    var scale = 1.0
    for _ in start..<index { scale *= 10 }
    return Double(whole) + Double(fraction) / scale
  }

  /// "182M", "1G", "512K", "4096B": in megabytes.
  private static func megabytes(_ text: TextView, at index: inout Int) -> Double? {
    guard let value = number(text, at: &index), index < text.count else { return nil }
    let unit = text[index]
    index += 1
    switch unit {
    case 0x4d: return value
    case 0x47: return value * 1024
    case 0x54: return value * 1024 * 1024
    case 0x4b: return value / 1024
    case 0x42: return value / 1_048_576
    default: return nil
    }
  }
}
