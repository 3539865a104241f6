import GatewayModel

/// Hostile bytes made harmless for a log line.
///
/// A line is what a reader takes for one request, so no byte of a client may end it, close a quote or move a terminal's
/// cursor. JSON: RFC 8259 section 7, and what is not well-formed UTF-8 becomes U+FFFD, one a byte. Common Log Format:
/// `\xHH` for controls, quotes, backslashes and everything above ASCII, as Apache httpd and nginx write them.
enum LogText {
  @inline(__always)
  static func append(_ text: StaticString, to line: inout LineBuffer) { line.append(text) }

  static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

  /// The inside of a JSON string.
  static func appendJSON(_ text: UnsafeRawBufferPointer, to line: inout LineBuffer) {
    var index = 0
    var plainStart = 0
    func flush(_ line: inout LineBuffer) {
      if plainStart < index { line.append(contentsOf: text[plainStart..<index]) }
    }
    while index < text.count {
      let byte = text[index]
      if byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c {
        index += 1
        continue
      }
      let width = byte < 0x80 ? 0 : utf8Width(text, at: index)
      // U+2028 and U+2029 end a line for JavaScript; U+0085 and the other C1 controls do for some terminals.
      let isLineSeparator = width == 3 && byte == 0xe2 && text[index + 1] == 0x80 && text[index + 2] & 0xfe == 0xa8
      let isControl = width == 2 && byte == 0xc2 && text[index + 1] < 0xa0
      if width > 0 && !isLineSeparator && !isControl {
        index += width
        continue
      }
      flush(&line)
      if width > 0 {
        appendEscape(isControl ? UInt16(text[index + 1]) : 0x2000 | UInt16(text[index + 2] & 0x3f), to: &line)
        index += width
      } else {
        appendJSON(byte, to: &line)
        index += 1
      }
      plainStart = index
    }
    flush(&line)
  }

  private static func appendJSON(_ byte: UInt8, to line: inout LineBuffer) {
    switch byte {
    case 0x22: append("\\\"", to: &line)
    case 0x5c: append("\\\\", to: &line)
    case 0x0a: append("\\n", to: &line)
    case 0x0d: append("\\r", to: &line)
    case 0x09: append("\\t", to: &line)
    case 0x80...: append("\u{FFFD}", to: &line)
    default: appendEscape(UInt16(byte), to: &line)
    }
  }

  private static func appendEscape(_ unit: UInt16, to line: inout LineBuffer) {
    append("\\u", to: &line)
    line.append(hexDigit(UInt8(unit >> 12 & 0xf)))
    line.append(hexDigit(UInt8(unit >> 8 & 0xf)))
    line.append(hexDigit(UInt8(unit >> 4 & 0xf)))
    line.append(hexDigit(UInt8(unit & 0xf)))
  }

  /// Text of a Common Log Format line; `isQuoted` when quotes stand around it, else spaces are escaped too.
  static func appendCommon(_ text: UnsafeRawBufferPointer, isQuoted: Bool, to line: inout LineBuffer) {
    for byte in text {
      if byte < 0x20 || byte >= 0x7f || byte == 0x22 || byte == 0x5c || (byte == 0x20 && !isQuoted) {
        append("\\x", to: &line)
        line.append(hexDigit(byte >> 4))
        line.append(hexDigit(byte & 0xf))
      } else {
        line.append(byte)
      }
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

  /// The length of the well-formed sequence of two to four bytes at `index`, or 0 (Unicode, table 3-7).
  static func utf8Width(_ text: UnsafeRawBufferPointer, at index: Int) -> Int {
    func continues(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
      index + offset < text.count && range.contains(text[index + offset])
    }
    switch text[index] {
    case 0xc2...0xdf: return continues(1) ? 2 : 0
    case 0xe0: return continues(1, 0xa0...0xbf) && continues(2) ? 3 : 0
    case 0xed: return continues(1, 0x80...0x9f) && continues(2) ? 3 : 0
    case 0xe1...0xef: return continues(1) && continues(2) ? 3 : 0
    case 0xf0: return continues(1, 0x90...0xbf) && continues(2) && continues(3) ? 4 : 0
    case 0xf1...0xf3: return continues(1) && continues(2) && continues(3) ? 4 : 0
    case 0xf4: return continues(1, 0x80...0x8f) && continues(2) && continues(3) ? 4 : 0
    default: return 0
    }
  }

  // MARK: Numbers

  /// Decimal digits, without a String.
  static func append(_ number: UInt64, to line: inout LineBuffer) {
    if number < 10 { return line.append(0x30 + UInt8(number)) }
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
      var rest = number
      var start = 20
      repeat {
        start &-= 1
        digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      line.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[start..<20]))
    }
  }

  /// At least `width` digits, with zeros in front.
  static func append(_ number: UInt64, width: Int, to line: inout LineBuffer) {
    var limit: UInt64 = 10
    for _ in 1..<max(width, 2) where width > 1 {
      if number < limit { line.append(0x30) }
      limit &*= 10
    }
    append(number, to: &line)
  }
}

extension LogText {
  /// An address as `IPAddress.description` writes it, without a String for IPv4, which is nearly all of them.
  static func append(_ address: IPAddress, isBracketed: Bool, to line: inout LineBuffer) {
    guard let bits = address.ipv4 else {
      if isBracketed { line.append(UInt8(ascii: "[")) }
      line.append(contentsOf: Array(address.description.utf8))
      if isBracketed { line.append(UInt8(ascii: "]")) }
      return
    }
    append(UInt64(bits >> 24), to: &line)
    line.append(UInt8(ascii: "."))
    append(UInt64(bits >> 16 & 0xff), to: &line)
    line.append(UInt8(ascii: "."))
    append(UInt64(bits >> 8 & 0xff), to: &line)
    line.append(UInt8(ascii: "."))
    append(UInt64(bits & 0xff), to: &line)
  }
}
