/// Finds goroutines in text that arrives in pieces.
///
/// A dump of a million goroutines is three gigabytes, and in practice it lies in the middle of a log.
/// The reader keeps the bytes of one unfinished goroutine and nothing else: it scans for headers,
/// walks each block once to hash it, and offers header, signature and the block's bytes to its sink,
/// which decides whether to build strings. What is not part of a goroutine is offered as a line.
///
/// Bounds: a block of more than `blockBytesMax` is cut and marked, a line outside blocks of more than
/// `lineBytesMax` is given cut. Memory is at most a block, a piece and the sink's.
protocol TracebackSink {
  /// A goroutine. `body` holds the lines behind the header; build it with `StackBlock.walk`.
  mutating func goroutine(_ header: GoroutineHeader, signature: Signature, body: TextView)
  /// A line outside goroutines, without its line feed.
  mutating func line(_ line: TextView)
  /// A prefix was learnt; lines given before carry it.
  mutating func learnt(_ cleaner: LineCleaner)
}

struct TracebackReader<Sink: TracebackSink> {
  static var blockBytesMax: Int { 8 << 20 }
  static var lineBytesMax: Int { 64 << 10 }

  var sink: Sink
  /// The input ended within a goroutine: 64 MB limits of runtime.Stack, log limits, full disks.
  private(set) var endsWithinGoroutine = false
  private let exact: Bool
  private var pending: [UInt8] = []
  /// Bytes of a line that is not complete, before cleaning. Used once there is a cleaner.
  private var rawTail: [UInt8] = []
  private var cleaner: LineCleaner?

  /// - Parameter exact: stacks with different arguments have different signatures.
  init(sink: Sink, exact: Bool = false) {
    self.sink = sink
    self.exact = exact
  }

  mutating func feed(_ piece: UnsafeRawBufferPointer) {
    if cleaner == nil {
      let view = TextView(piece)
      if view.first(0x1b) != nil {
        cleaner = LineCleaner()
        // The line that this piece goes on with is cleaned whole.
        rawTail = pending
        pending = []
      }
    }
    if cleaner != nil {
      appendCleaned(piece)
    } else {
      pending.append(contentsOf: piece)
    }
    scan(isLast: false)
  }

  /// The input is over.
  mutating func finish() {
    if !rawTail.isEmpty, let cleaner {
      let tail = rawTail
      rawTail = []
      tail.withUnsafeBytes { cleaner.clean(TextView($0), into: &pending) }
    }
    scan(isLast: true)
    pending = []
  }

  private mutating func appendCleaned(_ piece: UnsafeRawBufferPointer) {
    guard let cleaner else { return }
    rawTail.append(contentsOf: piece)
    var consumed = 0
    rawTail.withUnsafeBytes { raw in
      let view = TextView(raw)
      while let feed = view.first(0x0a, from: consumed) {
        cleaner.clean(view.part(consumed, feed), into: &pending)
        consumed = feed + 1
      }
      // A line that never ends must not be kept for ever.
      if view.count - consumed > Self.blockBytesMax {
        cleaner.clean(view.from(consumed), into: &pending)
        consumed = view.count
      }
    }
    rawTail.removeSubrange(0..<consumed)
  }

  /// Consumes what is complete in `pending`. A newly learnt decoration changes the bytes ahead, so the
  /// scan starts again behind it; each decoration is learnt once.
  private mutating func scan(isLast: Bool) {
    let bytes = pending
    pending = []
    var relearn = false
    let consumed = bytes.withUnsafeBytes { raw -> Int in
      scan(TextView(raw), isLast: isLast, relearn: &relearn)
    }
    guard relearn else {
      if consumed == 0 {
        pending = bytes
      } else {
        pending.append(contentsOf: bytes[consumed...])
      }
      return
    }
    let tail = rawTail
    rawTail = []
    bytes[consumed...].withUnsafeBytes { appendCleaned($0) }
    rawTail.append(contentsOf: tail)
    if isLast, !rawTail.isEmpty, let cleaner {
      let tail = rawTail
      rawTail = []
      tail.withUnsafeBytes { cleaner.clean(TextView($0), into: &pending) }
    }
    scan(isLast: isLast)
  }

  private mutating func scan(_ text: TextView, isLast: Bool, relearn: inout Bool) -> Int {
    var index = 0
    while index < text.count {
      guard let (line, next) = line(of: text, at: index, isLast: isLast) else { return index }
      if line.count > 0, line[0] == 0x67, let header = GoroutineHeader(line) {
        switch block(header, of: text, from: next, isLast: isLast) {
        case .complete(let end):
          index = end
          continue
        case .needsMore:
          guard text.count - index > Self.blockBytesMax else { return index }
          index = cut(header, text.from(next))
          index += next
          continue
        }
      }
      if learn(from: line) {
        relearn = true
        return index
      }
      sink.line(line.count > Self.lineBytesMax ? line.part(0, Self.lineBytesMax) : line)
      index = next
    }
    return index
  }

  @inline(__always)
  private func line(of text: TextView, at index: Int, isLast: Bool) -> (TextView, Int)? {
    guard let feed = text.first(0x0a, from: index) else {
      guard isLast || text.count - index > Self.blockBytesMax else { return nil }
      return (text.from(index), text.count)
    }
    var end = feed
    if end > index, text[end &- 1] == 0x0d { end &-= 1 }
    return (text.part(index, end), feed &+ 1)
  }

  @inline(__always)
  private mutating func block(_ header: GoroutineHeader, of text: TextView, from start: Int, isLast: Bool)
    -> StackBlock.End
  {
    var visitor = SignatureVisitor(header, exact: exact)
    let end = StackBlock.walk(text, from: start, isLast: isLast, visitor: &visitor)
    guard case .complete(let offset) = end else { return end }
    if isLast, offset == text.count, text[offset &- 1] != 0x0a { endsWithinGoroutine = true }
    if visitor.isGoroutine {
      sink.goroutine(header, signature: visitor.signature(), body: text.part(start, offset))
    }
    return end
  }

  /// A block without end: what there is counts, and the rest is lines again.
  private mutating func cut(_ header: GoroutineHeader, _ body: TextView) -> Int {
    endsWithinGoroutine = true
    var visitor = SignatureVisitor(header, exact: exact)
    _ = StackBlock.walk(body, from: 0, isLast: true, visitor: &visitor)
    if visitor.isGoroutine { sink.goroutine(header, signature: visitor.signature(), body: body) }
    return body.count
  }

  private mutating func learn(from line: TextView) -> Bool {
    if cleaner == nil, line.hasPrefix("{\"log\":\"") {
      cleaner = LineCleaner()
    } else if cleaner?.prefix == nil, let prefix = LogPrefix.learn(from: line) {
      cleaner = LineCleaner(prefix: prefix, takesEmbedded: cleaner?.takesEmbedded ?? false)
    } else if cleaner?.takesEmbedded != true, LineCleaner.embedded(line) != nil {
      cleaner = LineCleaner(prefix: cleaner?.prefix, takesEmbedded: true)
    } else {
      return false
    }
    if let cleaner { sink.learnt(cleaner) }
    return true
  }
}
