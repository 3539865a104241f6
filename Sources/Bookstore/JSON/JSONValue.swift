/// A JSON value (RFC 8259) with its members in order.
///
/// Whole numbers stay whole: amounts of money and counts never pass through a binary fraction.
enum JSONValue: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  struct Member: Hashable, Sendable {
    let name: String
    let value: JSONValue
  }

  case null
  case boolean(Bool)
  case integer(Int64)
  /// A number with a fraction, an exponent, or too large for `integer`.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  init(stringLiteral text: String) { self = .string(text) }
  init(integerLiteral value: Int64) { self = .integer(value) }
  init(booleanLiteral value: Bool) { self = .boolean(value) }
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member(name: $0.0, value: $0.1) })
  }

  /// An object of the members that have a value.
  static func members(_ members: [(String, JSONValue?)]) -> JSONValue {
    .object(members.compactMap { name, value in value.map { Member(name: name, value: $0) } })
  }

  static func integer(_ value: Int) -> JSONValue { .integer(Int64(value)) }
  static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

  /// The member of that name; nil when this is no object or has none.
  subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  var text: String? { if case .string(let text) = self { text } else { nil } }
  var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  /// The whole number this is; `1.0` is one too (JSON Schema's "integer"). Nil for everything else.
  var whole: Int? {
    switch self {
    case .integer(let value): Int(exactly: value)
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// On one line, UTF-8.
  var bytes: [UInt8] {
    var result: [UInt8] = []
    write(to: &result)
    return result
  }

  /// The same as text.
  var written: String { String(decoding: bytes, as: UTF8.self) }

  private func write(to result: inout [UInt8]) {
    switch self {
    case .null: result += "null".utf8
    case .boolean(let value): result += (value ? "true" : "false").utf8
    case .integer(let value): result += String(value).utf8
    case .number(let value): result += (value.isFinite ? "\(value)" : "null").utf8
    case .string(let text): Self.write(text, to: &result)
    case .array(let values):
      result.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { result.append(UInt8(ascii: ",")) }
        value.write(to: &result)
      }
      result.append(UInt8(ascii: "]"))
    case .object(let members):
      result.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { result.append(UInt8(ascii: ",")) }
        Self.write(member.name, to: &result)
        result.append(UInt8(ascii: ":"))
        member.value.write(to: &result)
      }
      result.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to result: inout [UInt8]) {
    result.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): result += #"\""#.utf8
      case UInt8(ascii: "\\"): result += #"\\"#.utf8
      case UInt8(ascii: "\n"): result += #"\n"#.utf8
      // Controls have to be escaped; the angle bracket need not, but an answer may end up in a page.
      case ..<0x20, 0x7f, UInt8(ascii: "<"):
        let digits = String(byte, radix: 16)
        result += (#"\u00"# + (digits.utf8.count == 1 ? "0" : "") + digits).utf8
      default: result.append(byte)
      }
    }
    result.append(UInt8(ascii: "\""))
  }
}
