/// Reads JSON as RFC 8259 has it and refuses everything beside it.
///
/// Not Foundation's, because bodies come from strangers: nesting is bounded before it is followed, a name that is
/// there twice is refused (two readers that pick different ones are how checks are passed by), and the mistake says
/// where it is.
struct JSONReader {
  /// What is wrong, and at which byte from zero.
  struct Mistake: Error, Hashable {
    let offset: Int
    let what: String
  }

  static let depthMax = 32

  private let bytes: [UInt8]
  private var index = 0

  /// The one value that `bytes` are.
  static func read(_ bytes: [UInt8]) throws(Mistake) -> JSONValue {
    var reader = JSONReader(bytes: bytes)
    reader.skipSpace()
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.index == bytes.count else { throw reader.mistake("something after the value") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func mistake(_ what: String) -> Mistake { Mistake(offset: index, what: what) }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { index += 1 }
  }

  private mutating func value(depth: Int) throws(Mistake) -> JSONValue {
    guard depth < Self.depthMax else { throw mistake("nested deeper than \(Self.depthMax)") }
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case .some(let byte) where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
    case .some: throw mistake("no JSON value begins so")
    case nil: throw mistake("the value is missing")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Mistake) -> JSONValue {
    let length = word.utf8CodeUnitCount
    let text = String(describing: word)
    guard index + length <= bytes.count, bytes[index..<index + length].elementsEqual(text.utf8) else {
      throw mistake("no JSON value begins so")
    }
    index += length
    return value
  }

  private mutating func object(_ depth: Int) throws(Mistake) -> JSONValue {
    index += 1
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if next == UInt8(ascii: "}") {
      index += 1
      return .object([])
    }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw mistake("expected a name in quotes") }
      let name = try string()
      guard names.insert(name).inserted else { throw mistake("the name is there twice") }
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw mistake("expected a colon") }
      index += 1
      skipSpace()
      members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
      if try closes(UInt8(ascii: "}")) { return .object(members) }
    }
  }

  private mutating func array(_ depth: Int) throws(Mistake) -> JSONValue {
    index += 1
    var elements: [JSONValue] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      index += 1
      return .array([])
    }
    while true {
      skipSpace()
      elements.append(try value(depth: depth + 1))
      if try closes(UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  /// Takes a comma (false) or the closing bracket (true).
  private mutating func closes(_ bracket: UInt8) throws(Mistake) -> Bool {
    skipSpace()
    guard let byte = next, byte == bracket || byte == UInt8(ascii: ",") else {
      throw mistake("expected a comma or the closing bracket")
    }
    index += 1
    return byte == bracket
  }

  private mutating func string() throws(Mistake) -> String {
    index += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        // Bytes that are no UTF-8 are refused, not replaced.
        guard let string = String(validating: text, as: UTF8.self) else { throw mistake("the text is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case ..<0x20: throw mistake("a control character in a text has to be escaped")
      default:
        text.append(byte)
        index += 1
      }
    }
    throw mistake("the text does not end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(Mistake) {
    index += 1
    guard let letter = next else { throw mistake("the text does not end") }
    index += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var value = try fourDigits()
      if (0xd800..<0xdc00).contains(value) {
        guard next == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") else {
          throw mistake("half a character")
        }
        index += 2
        let low = try fourDigits()
        guard (0xdc00..<0xe000).contains(low) else { throw mistake("half a character") }
        value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw mistake("half a character") }
      text += String(Character(scalar)).utf8
    default: throw mistake("no such escape")
    }
  }

  private mutating func fourDigits() throws(Mistake) -> UInt32 {
    guard index + 4 <= bytes.count else { throw mistake("expected four hexadecimal digits") }
    var value: UInt32 = 0
    for byte in bytes[index..<index + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw mistake("expected four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    index += 4
    return value
  }

  private mutating func number() throws(Mistake) -> JSONValue {
    let begin = index
    if next == UInt8(ascii: "-") { index += 1 }
    if next == UInt8(ascii: "0") { index += 1 } else { try digits() }
    var isWhole = true
    if next == UInt8(ascii: ".") {
      isWhole = false
      index += 1
      try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isWhole = false
      index += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    let text = String(decoding: bytes[begin..<index], as: UTF8.self)
    if isWhole, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw mistake("the number is too large") }
    return .number(value)
  }

  private mutating func digits() throws(Mistake) {
    guard let first = next, Self.isDigit(first) else { throw mistake("expected a digit") }
    while let byte = next, Self.isDigit(byte) { index += 1 }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
