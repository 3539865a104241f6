/// What stands below a goroutine's header, given piece by piece to a visitor.
///
/// One walk serves two readers: one that only hashes (a dump of a million goroutines has a few
/// hundred signatures) and one that builds a `Goroutine` (once a signature). A frame is two lines,
///
///     main.writer(0xc0000929f0, 0x1)
///     	/srv/app/main.go:26 +0x6a fp=0xc000042fa8 sp=0xc000042f88 pc=0x46ae2e
///
/// and counts only as a pair: other writers of the same stream put lines in between, and a lone line
/// that looks like a call is not a frame. The block ends at an empty line, at the next header, after
/// the position of "created by", or at the end of the input.
protocol StackVisitor {
  mutating func frame(function: TextView, arguments: TextView, position: SourcePosition)
  mutating func created(function: TextView, goroutine: UInt64?, position: SourcePosition)
  mutating func elided(_ frames: Int?)
  mutating func unavailable()
}

/// "\t/srv/app/main.go:26 +0x6a fp=…": the file, the line, and the rest.
struct SourcePosition {
  var file: TextView
  var line: Int
  var tail: TextView

  @inline(__always)
  init?(_ text: TextView) {
    var start = 0
    if text.hasPrefix("#011") {  // a tab as rsyslog writes it
      start = 4
    } else {
      while start < text.count, text[start] == 0x09 || text[start] == 0x20 { start &+= 1 }
    }
    guard start > 0, let colon = text.last(0x3a), colon > start else { return nil }
    var index = colon &+ 1
    guard let number = text.decimal(at: &index) else { return nil }
    guard index == text.count || text[index] == 0x20 else { return nil }
    file = text.part(start, colon)
    line = number
    tail = text.from(index)
  }

  /// The program counter, where registers are shown.
  var pc: UInt64? {
    guard let at = tail.find(" pc=0x") else { return nil }
    var index = at &+ 6
    return tail.hexadecimal(at: &index)
  }
}

enum StackBlock {
  /// How a walk ended.
  enum End: Equatable {
    /// At this offset, where the next thing begins.
    case complete(Int)
    /// The bytes ran out before the block did.
    case needsMore
  }

  private enum Pending {
    case nothing
    case call(function: TextView, arguments: TextView)
    case creation(function: TextView, goroutine: UInt64?)
  }

  /// Walks the lines of `text` from `start`, which is behind the header's line feed.
  /// - Parameter isLast: nothing follows `text`, so its end is the block's end.
  @inline(__always)
  static func walk(_ text: TextView, from start: Int, isLast: Bool, visitor: inout some StackVisitor) -> End {
    var index = start
    var pending = Pending.nothing
    while index < text.count {
      let next: Int
      var end: Int
      if let feed = text.first(0x0a, from: index) {
        end = feed
        next = feed &+ 1
      } else if isLast {
        end = text.count
        next = end
      } else {
        return .needsMore
      }
      if end > index, text[end &- 1] == 0x0d { end &-= 1 }
      if end == index { return .complete(next) }
      let line = text.part(index, end)
      let byte = line[0]
      if byte == 0x09 || byte == 0x20 || byte == 0x23 {
        if let position = SourcePosition(line) {
          switch pending {
          case .call(let function, let arguments):
            visitor.frame(function: function, arguments: arguments, position: position)
          case .creation(let function, let goroutine):
            visitor.created(function: function, goroutine: goroutine, position: position)
            return .complete(next)
          case .nothing: break
          }
          pending = .nothing
        } else if line.find("goroutine running on other thread; stack unavailable") != nil {
          visitor.unavailable()
        }
      } else if line[line.count &- 1] == 0x29, let open = line.last(0x28), open > 0, isName(line.part(0, open)) {
        pending = .call(function: line.part(0, open), arguments: line.part(open &+ 1, line.count &- 1))
      } else if byte == 0x67, GoroutineHeader(line) != nil {
        return .complete(index)
      } else if byte == 0x63, line.hasPrefix("created by ") {
        pending = creation(line.from(11))
      } else if byte == 0x2e, line.hasPrefix("...") {
        readElision(line, visitor: &visitor)
      }
      index = next
    }
    return isLast ? .complete(text.count) : .needsMore
  }

  /// No Go name holds a blank, but those the compiler makes of types: "type:.eq.struct { … }".
  @inline(__always)
  private static func isName(_ words: TextView) -> Bool {
    words.first(0x20) == nil || (words.first(0x7b) != nil && !words.hasPrefix("created by "))
  }

  /// "main.main in goroutine 1"
  private static func creation(_ words: TextView) -> Pending {
    guard let at = words.find(" in goroutine ") else { return .creation(function: words, goroutine: nil) }
    var index = at &+ 14
    let id = words.decimal(at: &index).map { UInt64($0) }
    return .creation(function: words.part(0, at), goroutine: id)
  }

  /// "...additional frames elided..." up to Go 1.20, "...11802 frames elided..." since.
  private static func readElision(_ line: TextView, visitor: inout some StackVisitor) {
    guard line.hasSuffix("frames elided...") else { return }
    var index = 3
    visitor.elided(line.decimal(at: &index))
  }
}

/// Builds the goroutine that a walk describes.
struct GoroutineBuilder: StackVisitor {
  /// A stack deeper than this in a text is cut. The runtime prints at most 100 frames a goroutine
  /// (150 with signals); more can only be interleaved or forged.
  static let framesMax = 1024

  var goroutine: Goroutine

  init(_ header: GoroutineHeader) {
    goroutine = Goroutine(
      id: header.id, state: header.state.string, waitMinutes: header.minutes, locked: header.locked,
      leaked: header.leaked, labels: header.labelPairs)
  }

  /// For "runtime stack:", which has no header.
  init(state: String) { goroutine = Goroutine(id: nil, state: state) }

  mutating func frame(function: TextView, arguments: TextView, position: SourcePosition) {
    guard goroutine.frames.count < Self.framesMax else { return }
    let inlined = arguments.equals("...")
    goroutine.frames.append(
      .init(
        function: function.string, file: position.file.string, line: position.line,
        arguments: inlined ? nil : arguments.string, pc: position.pc, inlined: inlined))
  }

  mutating func created(function: TextView, goroutine id: UInt64?, position: SourcePosition) {
    goroutine.createdBy = .init(
      function: function.string, file: position.file.string, line: position.line, goroutine: id)
  }

  mutating func elided(_ frames: Int?) { goroutine.elidedFrames = frames ?? 0 }

  mutating func unavailable() { goroutine.stackAvailable = false }

  /// A header alone proves nothing: panic values and messages contain such lines.
  var isGoroutine: Bool {
    !goroutine.frames.isEmpty || goroutine.createdBy != nil || !goroutine.stackAvailable
  }
}

/// Hashes what a walk describes, byte for byte the same as `Signature` over the built goroutine.
struct SignatureVisitor: StackVisitor {
  private(set) var hash = SignatureHash()
  private(set) var isGoroutine = false
  private var frames = 0
  private let exact: Bool
  private var stackAvailable = true

  init(_ header: GoroutineHeader, exact: Bool) {
    self.exact = exact
    hash.add(header.state.buffer)
    if header.leaked { hash.add(mark: 3) }
  }

  @inline(__always)
  mutating func frame(function: TextView, arguments: TextView, position: SourcePosition) {
    guard frames < GoroutineBuilder.framesMax else { return }
    frames &+= 1
    isGoroutine = true
    hash.add(function.buffer)
    if exact, !arguments.equals("...") { hash.add(arguments.buffer) }
    hash.add(position.file.buffer)
    hash.add(number: UInt64(truncatingIfNeeded: position.line))
  }

  @inline(__always)
  mutating func created(function: TextView, goroutine: UInt64?, position: SourcePosition) {
    isGoroutine = true
    finishStack()
    hash.add(mark: 2)
    hash.add(function.buffer)
    hash.add(position.file.buffer)
    hash.add(number: UInt64(truncatingIfNeeded: position.line))
  }

  mutating func elided(_ frames: Int?) {}

  mutating func unavailable() {
    isGoroutine = true
    stackAvailable = false
  }

  private mutating func finishStack() {
    guard !stackAvailable else { return }
    hash.add(mark: 1)
    stackAvailable = true
  }

  /// Call once, when the walk is over.
  mutating func signature() -> Signature {
    finishStack()
    return Signature(value: hash.value)
  }
}
