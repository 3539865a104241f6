/// Takes terminals' and pipelines' decoration off lines: colours, carriage returns, Docker's JSON
/// records, strings of structured logs, a learnt prefix.
///
/// Most dumps need none of it, so the reader runs without a cleaner until it sees a reason, and the
/// cleaner copies line by line: it is the slow path and may be.
struct LineCleaner {
  var prefix: LogPrefix?
  /// Stacks stand within strings of structured logs: "stack":"goroutine 1 [running]:\nmain.main()\n\t…".
  var takesEmbedded = false

  /// Appends `line` (without line feed), cleaned, to `output`, with its line feed if it has one.
  func clean(_ line: TextView, into output: inout [UInt8]) {
    var line = line
    if line.count > 0, line[line.count &- 1] == 0x0d { line = line.part(0, line.count &- 1) }
    if line.hasPrefix("{\"log\":\""), let endsLine = unescape(line.from(8), into: &output) {
      if endsLine { output.append(0x0a) }
      return
    }
    if takesEmbedded, let at = Self.embedded(line), unescape(line.from(at), into: &output) != nil {
      // The empty line ends the goroutine, whatever the next record is.
      output.append(contentsOf: [0x0a, 0x0a])
      return
    }
    if line.first(0x1b) != nil {
      var plain: [UInt8] = []
      plain.reserveCapacity(line.count)
      stripEscapes(line, into: &plain)
      plain.withUnsafeBytes { stripPrefix(TextView($0), into: &output) }
    } else {
      stripPrefix(line, into: &output)
    }
  }

  /// Where a header stands in a string with escapes; nil where none does.
  static func embedded(_ line: TextView) -> Int? {
    var start = 1
    while let at = line.find("goroutine ", from: start) {
      guard let end = line.find("]:\\n", from: at) else { return nil }
      if GoroutineHeader(line.part(at, end + 2)) != nil { return at }
      start = at + 1
    }
    return nil
  }

  private func stripPrefix(_ line: TextView, into output: inout [UInt8]) {
    guard let match = prefix?.match(line) else {
      output.append(contentsOf: line.buffer)
      output.append(0x0a)
      return
    }
    output.append(contentsOf: line.from(match.count).buffer)
    if match.isComplete { output.append(0x0a) }
  }

  /// ECMA-48: CSI sequences `ESC [ … final`, and two-byte escapes.
  private func stripEscapes(_ line: TextView, into output: inout [UInt8]) {
    var index = 0
    while index < line.count {
      guard line[index] == 0x1b else {
        output.append(line[index])
        index &+= 1
        continue
      }
      index &+= 1
      guard index < line.count else { return }
      let isSequence = line[index] == 0x5b
      index &+= 1
      guard isSequence else { continue }
      while index < line.count, !(0x40...0x7e).contains(line[index]) { index &+= 1 }
      index &+= 1
    }
  }

  /// The string of `{"log":"…\n","stream":…}` up to its closing quote. Says whether it ended in a
  /// line feed (which is not appended); nil when it never closes.
  private func unescape(_ text: TextView, into output: inout [UInt8]) -> Bool? {
    let start = output.count
    var index = 0
    while index < text.count {
      let byte = text[index]
      index &+= 1
      if byte == 0x22 {
        guard output.count > start, output.last == 0x0a else { return false }
        output.removeLast()
        return true
      }
      guard byte == 0x5c else {
        output.append(byte)
        continue
      }
      guard index < text.count else { break }
      let escape = text[index]
      index &+= 1
      switch escape {
      case 0x6e: output.append(0x0a)
      case 0x74: output.append(0x09)
      case 0x72: break
      case 0x75:
        let end = min(index &+ 4, text.count)
        var digits = 0
        let scalar = text.part(index, end).hexadecimal(at: &digits) ?? 0xfffd
        let unicode = Unicode.Scalar(UInt32(scalar)) ?? "\u{fffd}"
        if unicode != "\u{1b}" { output.append(contentsOf: Array(String(Character(unicode)).utf8)) }
        index = end
      default: output.append(escape)
      }
    }
    output.removeSubrange(start...)
    return nil
  }
}
