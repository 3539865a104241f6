/// A word of the rule language, with its place in the text.
///
/// Words are Go's, since Traefik reads rules as Go expressions: text in backquotes is taken as it stands (carriage
/// returns dropped), text in double quotes knows Go's escapes.
struct RuleToken: Equatable {
  enum Kind: Equatable {
    /// A matcher's or a label's name.
    case name(String)
    /// Text; `isVerbatim` when offsets in it are offsets in the rule, so that mistakes inside can be placed.
    case text(String, isVerbatim: Bool)
    case leftParenthesis, rightParenthesis, leftBracket, rightBracket, comma
    case and, or, not, equal, notEqual, like
    case end
  }

  let kind: Kind
  /// In bytes of the rule's UTF-8.
  let offset: Int
  let length: Int

  /// True for what can be written as a label's name without quotes.
  static func isIdentifier(_ name: String) -> Bool {
    guard let first = name.utf8.first, isNameStart(first) else { return false }
    return name.utf8.allSatisfy(isNamePart)
  }

  static func isNameStart(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || (byte | 0x20) &- 0x61 < 26 }

  /// Labels are often named like `device.hash` or `cdn-node`.
  static func isNamePart(_ byte: UInt8) -> Bool {
    isNameStart(byte) || byte &- 0x30 < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
  }

  /// Writes text so that reading it gives the text again: in backquotes when that is possible.
  static func quoted(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "`") && $0 != 0x7F }) { return "`\(text)`" }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          result += scalar.value < 0x10 ? "\\x0" : "\\x"
          result += String(scalar.value, radix: 16)
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// Cuts a rule into words, one at a time.
struct RuleScanner {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  private var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }

  private func byte(ahead: Int) -> UInt8 { position + ahead < bytes.count ? bytes[position + ahead] : 0 }

  private mutating func take(_ kind: RuleToken.Kind, _ length: Int) -> RuleToken {
    defer { position += length }
    return RuleToken(kind: kind, offset: position, length: length)
  }

  mutating func next() throws(ExpressionMistake) -> RuleToken {
    while position < bytes.count, Self.isBlank(bytes[position]) { position += 1 }
    guard position < bytes.count else { return RuleToken(kind: .end, offset: bytes.count, length: 0) }
    switch byte {
    case UInt8(ascii: "("): return take(.leftParenthesis, 1)
    case UInt8(ascii: ")"): return take(.rightParenthesis, 1)
    case UInt8(ascii: "["): return take(.leftBracket, 1)
    case UInt8(ascii: "]"): return take(.rightBracket, 1)
    case UInt8(ascii: ","): return take(.comma, 1)
    case UInt8(ascii: "`"): return try rawText()
    case UInt8(ascii: "\""): return try escapedText()
    case UInt8(ascii: "&"): return try operation(.and, second: UInt8(ascii: "&"), "&&")
    case UInt8(ascii: "|"): return try operation(.or, second: UInt8(ascii: "|"), "||")
    case UInt8(ascii: "="):
      if byte(ahead: 1) == UInt8(ascii: "~") { return take(.like, 2) }
      return try operation(.equal, second: UInt8(ascii: "="), "==")
    case UInt8(ascii: "!"):
      if byte(ahead: 1) == UInt8(ascii: "~") {
        throw mistake(2, "unknown operator !~", "a negated comparison in parentheses: !(name =~ `expression`)")
      }
      return byte(ahead: 1) == UInt8(ascii: "=") ? take(.notEqual, 2) : take(.not, 1)
    case let first where RuleToken.isNameStart(first):
      var end = position
      while end < bytes.count && RuleToken.isNamePart(bytes[end]) { end += 1 }
      return take(.name(String(decoding: bytes[position..<end], as: UTF8.self)), end - position)
    default: throw strangeCharacter()
    }
  }

  private func mistake(
    _ length: Int, _ what: String, _ expected: String, _ suggestion: String? = nil
  ) -> ExpressionMistake {
    ExpressionMistake(offset: position, length: length, what: what, expected: expected, suggestion: suggestion)
  }

  private mutating func operation(
    _ kind: RuleToken.Kind, second: UInt8, _ text: String
  ) throws(ExpressionMistake) -> RuleToken {
    guard byte(ahead: 1) == second else {
      throw mistake(1, "unknown operator \(text.prefix(1))", text, text)
    }
    return take(kind, 2)
  }

  private func strangeCharacter() -> ExpressionMistake {
    if byte == UInt8(ascii: "'") {
      return mistake(1, "text in single quotes", "text in backquotes or double quotes", "`…`")
    }
    let rest = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
    let character = rest.first.map(String.init) ?? ""
    let curly = ["\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}"].contains(character)
    return mistake(
      character.utf8.count, "unexpected character \(character)",
      curly ? "a backquote or a plain double quote" : "a matcher such as Host(`example.com`)", curly ? "`…`" : nil)
  }

  private mutating func rawText() throws(ExpressionMistake) -> RuleToken {
    guard let close = bytes[(position + 1)...].firstIndex(of: UInt8(ascii: "`")) else {
      throw mistake(bytes.count - position, "text without an end", "a closing backquote")
    }
    let content = bytes[(position + 1)..<close]
    let hasReturns = content.contains(0x0D)
    let text = String(decoding: hasReturns ? content.filter { $0 != 0x0D }[...] : content, as: UTF8.self)
    return take(.text(text, isVerbatim: !hasReturns), close + 1 - position)
  }

  private mutating func escapedText() throws(ExpressionMistake) -> RuleToken {
    var content: [UInt8] = []
    var isVerbatim = true
    var index = position + 1
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      if bytes[index] == 0x0A { break }
      guard bytes[index] == UInt8(ascii: "\\") else {
        content.append(bytes[index])
        index += 1
        continue
      }
      isVerbatim = false
      guard let length = unescape(at: index, into: &content) else {
        let shown = min(2, bytes.count - index)
        throw ExpressionMistake(
          offset: index, length: shown, what: "unknown escape in double quotes",
          expected: "one of \\\\ \\\" \\n \\r \\t \\xNN \\uNNNN, or text in backquotes, where nothing is escaped")
      }
      index += length
    }
    guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
      throw mistake(index - position, "text without an end", "a closing double quote")
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw mistake(index + 1 - position, "text that is not UTF-8", "escapes that make UTF-8, such as \\u00e9")
    }
    return take(.text(text, isVerbatim: isVerbatim), index + 1 - position)
  }

  /// Reads one of Go's escapes; returns its length.
  private func unescape(at index: Int, into content: inout [UInt8]) -> Int? {
    guard index + 1 < bytes.count else { return nil }
    let simple: [UInt8: UInt8] = [
      0x61: 0x07, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x76: 0x0B, 0x5C: 0x5C, 0x22: 0x22,
    ]
    let letter = bytes[index + 1]
    if let byte = simple[letter] {
      content.append(byte)
      return 2
    }
    let shapes: [UInt8: Int] = [UInt8(ascii: "x"): 2, UInt8(ascii: "u"): 4, UInt8(ascii: "U"): 8]
    if let digits = shapes[letter] {
      guard let value = number(at: index + 2, digits: digits, radix: 16) else { return nil }
      if digits == 2 {
        content.append(UInt8(truncatingIfNeeded: value))
      } else {
        guard let scalar = Unicode.Scalar(value) else { return nil }
        content.append(contentsOf: Array(String(Character(scalar)).utf8))
      }
      return 2 + digits
    }
    guard let value = number(at: index + 1, digits: 3, radix: 8), value < 256 else { return nil }
    content.append(UInt8(truncatingIfNeeded: value))
    return 4
  }

  private func number(at index: Int, digits: Int, radix: UInt32) -> UInt32? {
    guard index + digits <= bytes.count else { return nil }
    var value: UInt32 = 0
    for byte in bytes[index..<(index + digits)] {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x37
      case 0x61...0x66: digit = byte - 0x57
      default: return nil
      }
      guard UInt32(digit) < radix else { return nil }
      // At most eight hexadecimal digits: the product fits.
      value = value &* radix &+ UInt32(digit)
    }
    return value
  }
}
