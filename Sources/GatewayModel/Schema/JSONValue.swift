/// JSON that keeps the order of keys and writes itself: enough for a schema, without Foundation.
package enum JSONValue: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  case string(String)
  case integer(Int)
  case boolean(Bool)
  case null
  case array([JSONValue])
  case object([(String, JSONValue)])

  package init(stringLiteral text: String) { self = .string(text) }
  package init(integerLiteral number: Int) { self = .integer(number) }
  package init(booleanLiteral value: Bool) { self = .boolean(value) }

  /// The value with two spaces a level; lists of plain values on one line.
  package func text(indent: Int = 0) -> String {
    let space = String(repeating: "  ", count: indent)
    switch self {
    case .string(let text): return Self.quote(text)
    case .integer(let number): return "\(number)"
    case .boolean(let value): return "\(value)"
    case .null: return "null"
    case .array(let values):
      let isPlain = values.allSatisfy { value in
        switch value {
        case .array, .object: false
        default: true
        }
      }
      if isPlain { return "[" + values.map { $0.text() }.joined(separator: ", ") + "]" }
      return "[\n" + values.map { "\(space)  \($0.text(indent: indent + 1))" }.joined(separator: ",\n") + "\n\(space)]"
    case .object(let members):
      if members.isEmpty { return "{}" }
      let lines = members.map { "\(space)  \(Self.quote($0.0)): \($0.1.text(indent: indent + 1))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(space)}"
    }
  }

  private static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case let scalar where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
