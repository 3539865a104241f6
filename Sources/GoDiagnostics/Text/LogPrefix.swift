/// What a log pipeline wrote before every line, learnt from one example.
///
/// Containers rarely hand over the bytes a Go process wrote. Kubernetes writes
/// `2026-11-21T05:42:02.026123456Z stderr F `, journald `Nov 21 05:42:02 host server[123]: `, compose
/// `server-1  | `, others `[ TRACE ] `. A list of known forms is never complete, so the form is learnt: the
/// first line that holds a goroutine header behind something shows what the something looks like.
/// In it a run of digits stands for any run of digits, blanks for any blanks, everything else for
/// itself. A line that does not match belongs to another writer and is left as it is: with its prefix on
/// it can be no part of a stack. The price: a prefix whose words change from line to line (levels, host
/// names of several machines) is followed for the words of the example only.
struct LogPrefix: Equatable {
  private enum Piece: Equatable {
    case digits
    case blanks
    case byte(UInt8)
    /// Kubernetes' "F" (full) or "P" (the line goes on in the next record).
    case completeness
  }

  private let pieces: [Piece]

  /// A longer prefix is refused: nothing known comes near it, and learning costs time for each line.
  static let bytesMax = 256

  /// Learns from the bytes before a header; nil when they cannot be a prefix (they end in a word that
  /// would make "xgoroutine").
  init?(_ example: TextView) {
    guard !example.isEmpty, example.count <= Self.bytesMax else { return nil }
    let end = example[example.count &- 1]
    guard isBlank(end) || end == 0x3a || end == 0x7c || end == 0x5d || end == 0x3e else { return nil }
    // Indentation alone is how the runtime sets off the lines of a panic value (Go 1.23 and later).
    guard !example.trimmed.isEmpty else { return nil }
    var pieces: [Piece] = []
    var index = 0
    while index < example.count {
      let byte = example[index]
      if isDigit(byte) {
        while index < example.count, isDigit(example[index]) { index &+= 1 }
        pieces.append(.digits)
      } else if byte == 0x20 || byte == 0x09 {
        while index < example.count, example[index] == 0x20 || example[index] == 0x09 { index &+= 1 }
        pieces.append(.blanks)
      } else {
        pieces.append(.byte(byte))
        index &+= 1
      }
    }
    if pieces.count > 3, pieces.last == .blanks, pieces[pieces.count - 3] == .blanks,
      pieces[pieces.count - 2] == .byte(0x46) || pieces[pieces.count - 2] == .byte(0x50),
      example.find(" stdout ") != nil || example.find(" stderr ") != nil
    {
      pieces[pieces.count - 2] = .completeness
    }
    self.pieces = pieces
  }

  /// How many bytes of `line` the prefix takes, and whether the record holds the whole line; nil when
  /// the line is of another form. The last blank of a prefix is one blank: what follows it may be the
  /// tab of a position.
  func match(_ line: TextView) -> (count: Int, isComplete: Bool)? {
    var index = 0
    var isComplete = true
    for (number, piece) in pieces.enumerated() {
      switch piece {
      case .digits:
        let start = index
        while index < line.count, isDigit(line[index]) { index &+= 1 }
        guard index > start else { return nil }
      case .blanks:
        // Pipelines trim lines, so the blank before an empty line may be missing.
        if number == pieces.count - 1, index == line.count { break }
        guard index < line.count, line[index] == 0x20 || line[index] == 0x09 else { return nil }
        index &+= 1
        guard number < pieces.count - 1 else { break }
        while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index &+= 1 }
      case .byte(let byte):
        guard index < line.count, line[index] == byte else { return nil }
        index &+= 1
      case .completeness:
        guard index < line.count, line[index] == 0x46 || line[index] == 0x50 else { return nil }
        isComplete = line[index] == 0x46
        index &+= 1
      }
    }
    return (index, isComplete)
  }

  /// The prefix of a line that is a header behind something; nil when it is none.
  static func learn(from line: TextView) -> LogPrefix? {
    var start = 1
    while start < min(line.count, bytesMax), let at = line.find("goroutine ", from: start), at <= bytesMax {
      var end = line.count
      while end > at, isBlank(line[end &- 1]) { end &-= 1 }
      if GoroutineHeader(line.part(at, end)) != nil { return LogPrefix(line.part(0, at)) }
      start = at &+ 1
    }
    return nil
  }
}
