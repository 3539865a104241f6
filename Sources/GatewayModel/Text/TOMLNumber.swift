/// TOML's bare values: numbers, truth values, dates and times.
enum TOMLNumber {
  /// The value in a plain form (`0x1F` becomes `31`, `1_000` becomes `1000`), or nil when the text is no value.
  static func value(_ text: String) -> String? {
    if text == "true" || text == "false" { return text }
    if let integer = integer(text) { return "\(integer)" }
    if isFloat(text) { return text.filter { $0 != "_" } }
    return isDateOrTime(text) ? text : nil
  }

  private static func integer(_ text: String) -> Int64? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
      let digits = text.dropFirst(2)
      guard separatorsAreInside(digits), digits.first != "+", digits.first != "-" else { return nil }
      return Int64(digits.filter { $0 != "_" }, radix: radix)
    }
    var digits = text[...]
    if digits.first == "+" || digits.first == "-" { digits = digits.dropFirst() }
    guard isDecimal(digits) else { return nil }
    return Int64(text.filter { $0 != "_" })
  }

  /// Digits with single underscores between them and no leading zero.
  private static func isDecimal(_ digits: Substring) -> Bool {
    isDigits(digits) && (digits.count == 1 || digits.first != "0")
  }

  private static func isDigits(_ digits: Substring) -> Bool {
    separatorsAreInside(digits) && digits.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
  }

  private static func separatorsAreInside(_ digits: Substring) -> Bool {
    !digits.isEmpty && digits.first != "_" && digits.last != "_" && !digits.contains("__")
  }

  private static func isFloat(_ text: String) -> Bool {
    var rest = text[...]
    if rest.first == "+" || rest.first == "-" { rest = rest.dropFirst() }
    if rest == "inf" || rest == "nan" { return true }
    guard rest.contains(where: { $0 == "." || $0 == "e" || $0 == "E" }) else { return false }
    if let mark = rest.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      var exponent = rest[rest.index(after: mark)...]
      if exponent.first == "+" || exponent.first == "-" { exponent = exponent.dropFirst() }
      guard isDigits(exponent) else { return false }
      rest = rest[..<mark]
    }
    guard let point = rest.firstIndex(of: ".") else { return isDecimal(rest) }
    return isDecimal(rest[..<point]) && isDigits(rest[rest.index(after: point)...])
  }

  private static func isDateOrTime(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    if bytes.count >= 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") {
      guard isDate(bytes[..<10]) else { return false }
      guard bytes.count > 10 else { return true }
      guard "Tt ".utf8.contains(bytes[10]) else { return false }
      return isTime(bytes[11...], zone: true)
    }
    return isTime(bytes[...], zone: false)
  }

  private static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
    let start = bytes.startIndex
    guard let year = number(bytes[start..<(start + 4)]), let month = number(bytes[(start + 5)..<(start + 7)]),
      let day = number(bytes[(start + 8)..<(start + 10)]), (1...12).contains(month)
    else { return false }
    let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
    let days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...days[month - 1]).contains(day)
  }

  private static func isTime(_ text: ArraySlice<UInt8>, zone: Bool) -> Bool {
    var bytes = text
    guard bytes.count >= 8, isClock(bytes.prefix(5)), bytes[bytes.startIndex + 5] == UInt8(ascii: ":"),
      let second = number(bytes[(bytes.startIndex + 6)..<(bytes.startIndex + 8)]), second < 60
    else { return false }
    bytes = bytes.dropFirst(8)
    if bytes.first == UInt8(ascii: ".") {
      let fraction = bytes.dropFirst().prefix { (0x30...0x39).contains($0) }
      guard !fraction.isEmpty else { return false }
      bytes = bytes.dropFirst(fraction.count + 1)
    }
    guard zone, !bytes.isEmpty else { return bytes.isEmpty }
    if bytes.count == 1 { return bytes.first == UInt8(ascii: "Z") || bytes.first == UInt8(ascii: "z") }
    let sign = bytes.first
    return (sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")) && bytes.count == 6 && isClock(bytes.dropFirst())
  }

  /// `hh:mm`.
  private static func isClock(_ bytes: ArraySlice<UInt8>) -> Bool {
    let start = bytes.startIndex
    guard bytes.count == 5, bytes[start + 2] == UInt8(ascii: ":"), let hour = number(bytes[start..<(start + 2)]),
      let minute = number(bytes[(start + 3)..<(start + 5)])
    else { return false }
    return hour < 24 && minute < 60
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
