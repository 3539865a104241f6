/// A pprof profile in protocol buffers (debug=0), read into groups.
///
/// Two passes over the inflated bytes: the first indexes strings, functions and locations, which
/// samples refer to by number and which may stand anywhere; the second takes the samples. A sample is
/// a stack with a count. Stacks are told apart by their location numbers, hashed in place: a million
/// samples that differ in labels are a few hundred stacks, and only those are built. References that
/// lead nowhere leave their frame out.
///
/// Source: https://github.com/google/pprof/blob/main/proto/profile.proto
public struct PprofProfile {
  /// Why a profile cannot be used.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    case damaged(offset: Int)
    /// Not a goroutine profile: the unit of its samples.
    case otherKind(String)

    public var description: String {
      switch self {
      case .damaged(let offset): "the profile is damaged at byte \(offset)"
      case .otherKind(let kind): "the profile counts \(kind), not goroutines"
      }
    }
  }

  private struct Location {
    var address: UInt64
    /// Function number and line, innermost inlined call first.
    var lines: [(function: UInt64, line: Int)]
  }

  private let bytes: TextView
  private var strings: [(start: Int, count: Int)] = []
  private var functions: [UInt64: (name: UInt64, file: UInt64)] = [:]
  private var locations: [UInt64: Location] = [:]
  private var sampleType: UInt64 = 0
  private var frames: [UInt64: [Goroutine.Frame]] = [:]

  /// Reads `buffer`, adding its goroutines to `grouper`.
  /// - Throws: `Failure`.
  public static func read(_ buffer: UnsafeRawBufferPointer, into grouper: inout GoroutineGrouper) throws(Failure) {
    var profile = PprofProfile(bytes: TextView(buffer))
    try profile.index()
    let kind = profile.string(profile.sampleType)
    guard kind.isEmpty || kind.hasPrefix("goroutine") else { throw .otherKind(kind) }
    try profile.samples(into: &grouper, leaked: kind == "goroutineleak")
  }

  private init(bytes: TextView) { self.bytes = bytes }

  private mutating func index() throws(Failure) {
    var reader = WireReader(bytes)
    while let field = reader.field() {
      guard case .bytes(let part) = field.value else { continue }
      switch field.number {
      case 1 where sampleType == 0: sampleType = Self.number(part, field: 1)
      case 4: indexLocation(part)
      case 5: indexFunction(part)
      case 6: strings.append((part.base - bytes.base, part.count))
      default: break
      }
    }
    guard reader.isAtEnd else { throw .damaged(offset: reader.index) }
  }

  private static func number(_ message: TextView, field wanted: UInt64) -> UInt64 {
    var reader = WireReader(message)
    while let field = reader.field() {
      if field.number == wanted, case .number(let value) = field.value { return value }
    }
    return 0
  }

  private mutating func indexFunction(_ message: TextView) {
    var reader = WireReader(message)
    var id: UInt64 = 0
    var name: UInt64 = 0
    var file: UInt64 = 0
    while let field = reader.field() {
      guard case .number(let value) = field.value else { continue }
      switch field.number {
      case 1: id = value
      case 2: name = value
      case 4: file = value
      default: break
      }
    }
    functions[id] = (name, file)
  }

  private mutating func indexLocation(_ message: TextView) {
    var reader = WireReader(message)
    var id: UInt64 = 0
    var location = Location(address: 0, lines: [])
    while let field = reader.field() {
      switch (field.number, field.value) {
      case (1, .number(let value)): id = value
      case (3, .number(let value)): location.address = value
      case (4, .bytes(let line)) where location.lines.count < 64:
        location.lines.append((Self.number(line, field: 1), Int(truncatingIfNeeded: Self.number(line, field: 2))))
      default: break
      }
    }
    locations[id] = location
  }

  private func string(_ index: UInt64) -> String {
    guard index < UInt64(strings.count) else { return "" }
    let place = strings[Int(index)]
    return bytes.part(place.start, place.start + place.count).string
  }

  private mutating func samples(into grouper: inout GoroutineGrouper, leaked: Bool) throws(Failure) {
    // With a filter each sample is judged with its own labels; without, only the first of a stack is built.
    var known: [UInt64: Int] = [:]
    var reader = WireReader(bytes)
    while let field = reader.field() {
      guard field.number == 2, case .bytes(let message) = field.value else { continue }
      var hash = SignatureHash()
      var count = 0
      var labels: [TextView] = []
      var sample = WireReader(message)
      while let part = sample.field() {
        switch (part.number, part.value) {
        case (1, .bytes(let packed)): hash.add(packed.buffer)
        case (1, .number(let id)): hash.add(number: id)
        case (2, .bytes(let packed)):
          var values = WireReader(packed)
          count = Int(clamping: values.varint() ?? 0)
        case (2, .number(let value)): count = Int(clamping: value)
        case (3, .bytes(let label)) where labels.count < 32: labels.append(label)
        default: break
        }
      }
      guard count > 0 else { continue }
      if let group = known[hash.value] {
        grouper.add(to: group, members: count) { labels.map { self.label($0) } }
        continue
      }
      var goroutine = goroutine(message, leaked: leaked)
      goroutine.labels = labels.map { self.label($0) }
      if let group = grouper.add(goroutine, members: count) { known[hash.value] = group }
    }
    guard reader.isAtEnd else { throw .damaged(offset: reader.index) }
  }

  private func label(_ message: TextView) -> Goroutine.Label {
    .init(key: string(Self.number(message, field: 1)), value: string(Self.number(message, field: 2)))
  }

  private mutating func goroutine(_ message: TextView, leaked: Bool) -> Goroutine {
    var stack: [Goroutine.Frame] = []
    var sample = WireReader(message)
    while let part = sample.field(), stack.count < GoroutineBuilder.framesMax {
      switch (part.number, part.value) {
      case (1, .bytes(let packed)):
        var ids = WireReader(packed)
        while !ids.isAtEnd, let id = ids.varint(), stack.count < GoroutineBuilder.framesMax {
          stack += self.frames(of: id)
        }
      case (1, .number(let id)): stack += self.frames(of: id)
      default: break
      }
    }
    return ProfileStack.goroutine(stack, leaked: leaked)
  }

  private mutating func frames(of id: UInt64) -> [Goroutine.Frame] {
    if let known = frames[id] { return known }
    guard let location = locations[id] else { return [] }
    let built = location.lines.enumerated().map { number, line -> Goroutine.Frame in
      let function = functions[line.function]
      return .init(
        function: function.map { string($0.name) } ?? "", file: function.map { string($0.file) } ?? "",
        line: line.line, pc: location.address, inlined: number < location.lines.count - 1)
    }
    frames[id] = built
    return built
  }
}

/// A stack of a profile as a goroutine.
enum ProfileStack {
  /// The state is derived; then the frames that tracebacks hide are taken off (how the runtime parked
  /// the goroutine, and goexit), so that one leak looks the same in a profile and in a traceback.
  static func goroutine(_ stack: [Goroutine.Frame], leaked: Bool) -> Goroutine {
    let state = WaitState.derived(stack)
    let start = stack.firstIndex { !GoPackage.isRuntime($0.function) } ?? 0
    var end = stack.count
    while end > start, GoPackage.isRuntime(stack[end - 1].function) { end -= 1 }
    // The runtime's own goroutines have nothing else.
    let frames = start == end ? stack : Array(stack[start..<end])
    return Goroutine(id: nil, state: state, leaked: leaked, frames: frames)
  }
}
