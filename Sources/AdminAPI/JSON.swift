/// A JSON value that writes itself, members in the order given, on one line.
///
/// Answers are made of a dozen shapes that are Traefik's, not ours: a value built where the shape is decided is shorter
/// than types with coding keys for each, and what is nil is simply left out.
enum JSON: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  case string(String)
  case integer(Int64)
  case number(Double)
  case boolean(Bool)
  case array([JSON])
  case object([(String, JSON?)])

  init(stringLiteral text: String) { self = .string(text) }
  init(integerLiteral number: Int64) { self = .integer(number) }
  init(booleanLiteral value: Bool) { self = .boolean(value) }

  static func integer(_ value: some BinaryInteger) -> JSON { .integer(Int64(clamping: value)) }
  static func strings(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
  /// Nil for an empty list, as Go's `omitempty` has it.
  static func strings(orNothing values: [String]) -> JSON? { values.isEmpty ? nil : strings(values) }
  static func string(orNothing value: String?) -> JSON? { value.flatMap { $0.isEmpty ? nil : .string($0) } }
  /// Nil for false, as Go's `omitempty` has it.
  static func boolean(orNothing value: Bool) -> JSON? { value ? .boolean(true) : nil }

  /// The value with further members; only for objects.
  func adding(_ members: [(String, JSON?)]) -> JSON {
    guard case .object(let own) = self else { return self }
    return .object(own + members)
  }

  var bytes: [UInt8] {
    var result: [UInt8] = []
    write(to: &result)
    return result
  }

  private func write(to result: inout [UInt8]) {
    switch self {
    case .string(let text): Self.write(text, to: &result)
    case .integer(let value): result.append(contentsOf: String(value).utf8)
    case .number(let value): result.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    case .boolean(let value): result.append(contentsOf: (value ? "true" : "false").utf8)
    case .array(let values):
      result.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { result.append(UInt8(ascii: ",")) }
        value.write(to: &result)
      }
      result.append(UInt8(ascii: "]"))
    case .object(let members):
      result.append(UInt8(ascii: "{"))
      var isFirst = true
      for case (let name, let value?) in members {
        if !isFirst { result.append(UInt8(ascii: ",")) }
        isFirst = false
        Self.write(name, to: &result)
        result.append(UInt8(ascii: ":"))
        value.write(to: &result)
      }
      result.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to result: inout [UInt8]) {
    result.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): result.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): result.append(contentsOf: "\\\\".utf8)
      case UInt8(ascii: "\n"): result.append(contentsOf: "\\n".utf8)
      case ..<0x20, 0x7f:
        let digits = String(byte, radix: 16)
        result.append(contentsOf: ("\\u00" + (digits.utf8.count == 1 ? "0" : "") + digits).utf8)
      // Not that anybody should, but an answer may end up in a page.
      case UInt8(ascii: "<"): result.append(contentsOf: "\\u003c".utf8)
      case UInt8(ascii: ">"): result.append(contentsOf: "\\u003e".utf8)
      case UInt8(ascii: "&"): result.append(contentsOf: "\\u0026".utf8)
      default: result.append(byte)
      }
    }
    result.append(UInt8(ascii: "\""))
  }
}
