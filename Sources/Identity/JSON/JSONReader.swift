/// Reads JSON into the entries of a `JSONIndex`: a descent, one function a kind of value, bounded by the limits.
struct JSONReader {
  let limits: JSONIndex.Limits
  private(set) var entries: [JSONIndex.Entry] = []
  /// Strings without their escapes; spans to them begin at the text's end.
  private(set) var unescaped: [UInt8] = []
  private var text = UnsafeRawBufferPointer(start: nil, count: 0)
  private var position = 0

  init(limits: JSONIndex.Limits) {
    self.limits = limits
  }

  mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONMistake) {
    text = bytes
    entries.reserveCapacity(min(limits.entries, 24))
    defer { text = UnsafeRawBufferPointer(start: nil, count: 0) }
    skipSpace()
    _ = try value(name: .empty, depth: 0)
    skipSpace()
    guard position == text.count else { throw unexpected() }
  }

  private func unexpected() -> JSONMistake { JSONMistake(.unexpected, at: position) }
  private var byte: UInt8 { position < text.count ? text[position] : 0 }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position &+= 1
      default: return
      }
    }
  }

  /// Reads a value and returns the number of its entry.
  private mutating func value(name: ByteSpan, depth: Int) throws(JSONMistake) -> Int {
    guard depth <= limits.depth else { throw JSONMistake(.tooDeep, at: position) }
    guard entries.count < limits.entries else { throw JSONMistake(.tooMany, at: position) }
    let index = entries.count
    var entry = JSONIndex.Entry()
    entry.name = name
    entries.append(entry)
    let start = position
    switch byte {
    case UInt8(ascii: "\""):
      entries[index].kind = .string
      entries[index].value = try string()
      return index
    case UInt8(ascii: "{"):
      entries[index].kind = .object
      try object(index, depth: depth)
    case UInt8(ascii: "["):
      entries[index].kind = .array
      try array(index, depth: depth)
    case UInt8(ascii: "t"):
      entries[index].kind = .yes
      try literal("true")
    case UInt8(ascii: "f"):
      entries[index].kind = .no
      try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default:
      entries[index].kind = .number
      try number()
    }
    entries[index].value = ByteSpan(start, position - start)
    return index
  }

  private mutating func object(_ parent: Int, depth: Int) throws(JSONMistake) {
    position &+= 1
    skipSpace()
    if byte == UInt8(ascii: "}") {
      position &+= 1
      return
    }
    var last = -1
    repeat {
      let at = position
      guard byte == UInt8(ascii: "\"") else { throw unexpected() }
      let name = try string()
      guard !isTaken(name, in: parent) else { throw JSONMistake(.duplicateName, at: at) }
      skipSpace()
      guard byte == UInt8(ascii: ":") else { throw unexpected() }
      position &+= 1
      skipSpace()
      let index = try value(name: name, depth: depth + 1)
      link(index, after: &last, parent)
    } while try goesOn(until: UInt8(ascii: "}"))
  }

  private mutating func array(_ parent: Int, depth: Int) throws(JSONMistake) {
    position &+= 1
    skipSpace()
    if byte == UInt8(ascii: "]") {
      position &+= 1
      return
    }
    var last = -1
    repeat {
      let index = try value(name: .empty, depth: depth + 1)
      link(index, after: &last, parent)
    } while try goesOn(until: UInt8(ascii: "]"))
  }

  /// Goes past the comma before another value, or past the end.
  private mutating func goesOn(until end: UInt8) throws(JSONMistake) -> Bool {
    skipSpace()
    let found = byte
    guard found == UInt8(ascii: ",") || found == end else { throw unexpected() }
    position &+= 1
    if found == end { return false }
    skipSpace()
    return true
  }

  private mutating func link(_ index: Int, after last: inout Int, _ parent: Int) {
    if last < 0 { entries[parent].first = Int32(index) } else { entries[last].next = Int32(index) }
    last = index
  }

  private func isTaken(_ name: ByteSpan, in parent: Int) -> Bool {
    unescaped.withUnsafeBytes { unescaped in
      func bytes(_ span: ByteSpan) -> UnsafeRawBufferPointer {
        // What was unescaped stands behind the text.
        if span.start < text.count { return span.bytes(of: text) }
        return ByteSpan(span.start - text.count, span.count).bytes(of: unescaped)
      }
      let wanted = bytes(name)
      var index = Int(entries[parent].first)
      while index >= 0 {
        if areEqual(bytes(entries[index].name), wanted) { return true }
        index = Int(entries[index].next)
      }
      return false
    }
  }

  private mutating func literal(_ word: StaticString) throws(JSONMistake) {
    let end = position + word.utf8CodeUnitCount
    guard end <= text.count, areEqual(UnsafeRawBufferPointer(rebasing: text[position..<end]), word) else {
      throw unexpected()
    }
    position = end
  }

  // MARK: Numbers

  private mutating func digits() throws(JSONMistake) {
    guard byte &- 0x30 < 10 else { throw unexpected() }
    while byte &- 0x30 < 10 { position &+= 1 }
  }

  private mutating func number() throws(JSONMistake) {
    if byte == UInt8(ascii: "-") { position &+= 1 }
    if byte == UInt8(ascii: "0") { position &+= 1 } else { try digits() }
    if byte == UInt8(ascii: ".") {
      position &+= 1
      try digits()
    }
    if byte | 0x20 == UInt8(ascii: "e") {
      position &+= 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position &+= 1 }
      try digits()
    }
  }

  // MARK: Strings

  /// Reads a string; the span is what it means.
  private mutating func string() throws(JSONMistake) -> ByteSpan {
    position &+= 1
    let start = position
    var hasEscapes = false
    while true {
      guard position < text.count else { throw unexpected() }
      let byte = text[position]
      if byte == UInt8(ascii: "\"") { break }
      if byte < 0x20 { throw unexpected() }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        position &+= 2
      } else if byte < 0x80 {
        position &+= 1
      } else {
        let length = UTF8Text.sequenceLength(text, at: position)
        guard length > 0 else { throw JSONMistake(.notText, at: position) }
        position &+= length
      }
    }
    let end = position
    position &+= 1
    return hasEscapes ? try unescape(start, end) : ByteSpan(start, end - start)
  }

  private mutating func unescape(_ start: Int, _ end: Int) throws(JSONMistake) -> ByteSpan {
    let mark = unescaped.count
    var index = start
    while index < end {
      let byte = text[index]
      guard byte == UInt8(ascii: "\\") else {
        unescaped.append(byte)
        index &+= 1
        continue
      }
      guard index + 1 < end else { throw JSONMistake(.unexpected, at: index) }
      let escape = text[index + 1]
      index &+= 2
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(escape)
      case UInt8(ascii: "b"): unescaped.append(0x08)
      case UInt8(ascii: "f"): unescaped.append(0x0C)
      case UInt8(ascii: "n"): unescaped.append(0x0A)
      case UInt8(ascii: "r"): unescaped.append(0x0D)
      case UInt8(ascii: "t"): unescaped.append(0x09)
      case UInt8(ascii: "u"): try unicode(&index, end)
      default: throw JSONMistake(.unexpected, at: index - 1)
      }
    }
    return ByteSpan(text.count + mark, unescaped.count - mark)
  }

  /// `\uXXXX`, with its other half where it is a surrogate; half a pair is no text.
  private mutating func unicode(_ index: inout Int, _ end: Int) throws(JSONMistake) {
    var value = try hexadecimal(&index, end)
    if value & 0xFC00 == 0xD800 {
      guard index + 1 < end, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u") else {
        throw JSONMistake(.notText, at: index)
      }
      index &+= 2
      let low = try hexadecimal(&index, end)
      guard low & 0xFC00 == 0xDC00 else { throw JSONMistake(.notText, at: index) }
      value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
    }
    guard let scalar = Unicode.Scalar(value) else { throw JSONMistake(.notText, at: index) }
    unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private func hexadecimal(_ index: inout Int, _ end: Int) throws(JSONMistake) -> UInt32 {
    guard index + 4 <= end else { throw JSONMistake(.unexpected, at: index) }
    var value: UInt32 = 0
    for offset in 0..<4 {
      let byte = text[index + offset]
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte &- 0x30
      case 0x41...0x46: digit = byte &- 0x37
      case 0x61...0x66: digit = byte &- 0x57
      default: throw JSONMistake(.unexpected, at: index + offset)
      }
      value = value << 4 | UInt32(digit)
    }
    index &+= 4
    return value
  }
}

/// The grammar of UTF-8 (RFC 3629 section 4).
enum UTF8Text {
  /// The length of the sequence of several bytes that begins there; 0 where none does.
  static func sequenceLength(_ text: UnsafeRawBufferPointer, at index: Int) -> Int {
    func byte(_ offset: Int) -> UInt8 { index + offset < text.count ? text[index + offset] : 0 }
    func isRest(_ offset: Int) -> Bool { byte(offset) & 0xC0 == 0x80 }
    switch text[index] {
    case 0xC2...0xDF: return isRest(1) ? 2 : 0
    case 0xE0: return byte(1) >= 0xA0 && isRest(1) && isRest(2) ? 3 : 0
    case 0xED: return byte(1) <= 0x9F && isRest(1) && isRest(2) ? 3 : 0
    case 0xE1...0xEF: return isRest(1) && isRest(2) ? 3 : 0
    case 0xF0: return byte(1) >= 0x90 && isRest(1) && isRest(2) && isRest(3) ? 4 : 0
    case 0xF4: return byte(1) <= 0x8F && isRest(1) && isRest(2) && isRest(3) ? 4 : 0
    case 0xF1...0xF3: return isRest(1) && isRest(2) && isRest(3) ? 4 : 0
    default: return 0
    }
  }
}
