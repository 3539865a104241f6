/// The lexical part of TOML 1.0: keys, strings, numbers, dates, comments.
///
/// The bytes are UTF-8 without control characters but tab and line ends; `SourceText` has seen to that.
struct TOMLScanner {
  /// What stops the reader.
  struct Problem: Error {
    var offset: Int
    var what: String
    var expected: String?
  }

  private let bytes: [UInt8]
  private(set) var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  mutating func advance() { offset += 1 }

  /// Goes past a byte when it comes next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    offset += 1
    return true
  }

  /// Goes past spaces, tabs, and with `lines` also line ends and comments.
  mutating func skipBlank(lines: Bool) {
    while let byte = peek {
      if byte == 0x20 || byte == 0x09 {
        offset += 1
      } else if lines, byte == 0x0a || byte == 0x0d && starts(with: [0x0d, 0x0a]) {
        offset += 1
      } else if lines, byte == UInt8(ascii: "#") {
        skipComment()
      } else {
        return
      }
    }
  }

  /// Goes past what may follow a value: blanks, a comment, the end of the line.
  mutating func endOfLine() throws {
    skipBlank(lines: false)
    if peek == UInt8(ascii: "#") { skipComment() }
    if peek == nil || take(0x0a) { return }
    if starts(with: [0x0d, 0x0a]) {
      offset += 2
      return
    }
    throw Problem(offset: offset, what: "something follows the value", expected: "the end of the line")
  }

  /// Goes past blanks and then a character.
  mutating func expect(_ character: Character) throws {
    skipBlank(lines: false)
    try expectNow(character)
  }

  /// Goes past a character that must come next.
  mutating func expectNow(_ character: Character) throws {
    guard let byte = character.asciiValue, take(byte) else {
      throw Problem(offset: offset, what: "\(found) stands here", expected: "\"\(character)\"")
    }
  }

  // MARK: - Keys

  mutating func key() throws -> String {
    switch peek {
    case UInt8(ascii: "\""):
      if starts(with: [0x22, 0x22, 0x22]) {
        throw Problem(offset: offset, what: "a key is a multi-line text", expected: "a key")
      }
      return try basicString()
    case UInt8(ascii: "'"):
      if starts(with: [0x27, 0x27, 0x27]) {
        throw Problem(offset: offset, what: "a key is a multi-line text", expected: "a key")
      }
      return try literalString()
    default:
      let start = offset
      while let byte = peek, Self.isBare(byte) { offset += 1 }
      guard offset > start else {
        throw Problem(offset: offset, what: "\(found) stands here", expected: "a key")
      }
      return String(decoding: bytes[start..<offset], as: UTF8.self)
    }
  }

  // MARK: - Values

  /// A value that is no list and no table.
  mutating func scalar() throws -> ConfigurationNode.Scalar {
    switch peek {
    case UInt8(ascii: "\""):
      if starts(with: [0x22, 0x22, 0x22]) { return .init(try multiLineBasicString(), style: .block) }
      return .init(try basicString(), style: .quoted)
    case UInt8(ascii: "'"):
      if starts(with: [0x27, 0x27, 0x27]) { return .init(try multiLineLiteralString(), style: .block) }
      return .init(try literalString(), style: .quoted)
    default:
      return .init(try bareValue(), style: .plain)
    }
  }

  private mutating func bareValue() throws -> String {
    let start = offset
    while let byte = peek,
      Self.isBare(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
    {
      offset += 1
    }
    // A date and a time may have one space in between.
    if offset - start == 10, bytes[start + 4] == UInt8(ascii: "-"), peek == 0x20, offset + 1 < bytes.count,
      Self.isDigit(bytes[offset + 1])
    {
      offset += 1
      while let byte = peek,
        Self.isBare(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
      {
        offset += 1
      }
    }
    guard offset > start else {
      throw Problem(offset: start, what: "\(found) stands here", expected: "a value")
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    guard let value = TOMLNumber.value(text) else {
      throw Problem(
        offset: start, what: "\(Decoding.quote(text)) is no value",
        expected: "a number, true, false, a date, or a text in quotes")
    }
    return value
  }

  // MARK: - Texts

  private mutating func basicString() throws -> String {
    let start = offset
    offset += 1
    var result: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"):
        offset += 1
        try escape(into: &result)
      case 0x0a, 0x0d:
        throw Problem(offset: start, what: "a text has no end", expected: "\" on the same line")
      default:
        result.append(byte)
        offset += 1
      }
    }
    throw Problem(offset: start, what: "a text has no end", expected: "\" on the same line")
  }

  private mutating func literalString() throws -> String {
    let start = offset
    offset += 1
    while let byte = peek, byte != 0x0a, byte != 0x0d {
      offset += 1
      if byte == UInt8(ascii: "'") { return String(decoding: bytes[(start + 1)..<(offset - 1)], as: UTF8.self) }
    }
    throw Problem(offset: start, what: "a text has no end", expected: "' on the same line")
  }

  private mutating func multiLineBasicString() throws -> String {
    let start = offset
    offset += 3
    try skipFirstNewline()
    var result: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\"") where starts(with: [0x22, 0x22, 0x22]):
        return finish(&result, quote: byte)
      case UInt8(ascii: "\\"):
        offset += 1
        if try !lineContinuation() { try escape(into: &result) }
      case 0x0d:
        try carriageReturn()
        result.append(0x0a)
      default:
        result.append(byte)
        offset += 1
      }
    }
    throw Problem(offset: start, what: "a text has no end", expected: "\"\"\"")
  }

  private mutating func multiLineLiteralString() throws -> String {
    let start = offset
    offset += 3
    try skipFirstNewline()
    var result: [UInt8] = []
    while let byte = peek {
      if byte == UInt8(ascii: "'"), starts(with: [0x27, 0x27, 0x27]) { return finish(&result, quote: byte) }
      if byte == 0x0d {
        try carriageReturn()
        result.append(0x0a)
      } else {
        result.append(byte)
        offset += 1
      }
    }
    throw Problem(offset: start, what: "a text has no end", expected: "'''")
  }

  /// Up to two quotes may stand before the three that end the text.
  private mutating func finish(_ result: inout [UInt8], quote: UInt8) -> String {
    offset += 3
    for _ in 0..<2 where take(quote) { result.append(quote) }
    return String(decoding: result, as: UTF8.self)
  }

  private mutating func skipFirstNewline() throws {
    if peek == 0x0d { try carriageReturn() } else { _ = take(0x0a) }
  }

  private mutating func carriageReturn() throws {
    guard starts(with: [0x0d, 0x0a]) else {
      throw Problem(offset: offset, what: "a carriage return stands alone", expected: "a line end")
    }
    offset += 2
  }

  /// A backslash at the end of a line takes all white space up to the next text away.
  private mutating func lineContinuation() throws -> Bool {
    var ahead = offset
    while ahead < bytes.count, bytes[ahead] == 0x20 || bytes[ahead] == 0x09 { ahead += 1 }
    guard ahead < bytes.count, bytes[ahead] == 0x0a || bytes[ahead] == 0x0d else { return false }
    offset = ahead
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
      if byte == 0x0d { try carriageReturn() } else { offset += 1 }
    }
    return true
  }

  private mutating func escape(into result: inout [UInt8]) throws {
    let start = offset - 1
    let expected = "one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX; or the text in single quotes"
    guard let byte = peek else { throw Problem(offset: start, what: "a backslash ends the file", expected: expected) }
    offset += 1
    switch byte {
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "n"): result.append(0x0a)
    case UInt8(ascii: "f"): result.append(0x0c)
    case UInt8(ascii: "r"): result.append(0x0d)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): result.append(byte)
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = byte == UInt8(ascii: "u") ? 4 : 8
      let digits = bytes[offset...].prefix(count)
      guard digits.count == count, digits.allSatisfy(Self.isHexadecimal),
        let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16), let scalar = Unicode.Scalar(value)
      else { throw Problem(offset: start, what: "an escape names no character", expected: expected) }
      offset += count
      result.append(contentsOf: String(Character(scalar)).utf8)
    default:
      throw Problem(offset: start, what: "an unknown escape stands here", expected: expected)
    }
  }

  // MARK: - Bytes

  private mutating func skipComment() {
    while let byte = peek, byte != 0x0a, byte != 0x0d { offset += 1 }
  }

  private func starts(with prefix: [UInt8]) -> Bool { bytes[offset...].starts(with: prefix) }

  /// The next character in words.
  private var found: String {
    switch peek {
    case nil: "the end of the file"
    case 0x0a, 0x0d: "the end of the line"
    case let byte? where byte < 0x80: "\"\(Character(Unicode.Scalar(byte)))\""
    default: "a letter outside ASCII"
    }
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "-")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
