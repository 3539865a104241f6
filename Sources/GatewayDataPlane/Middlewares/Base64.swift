/// Base64 with padding (RFC 4648 section 4), read strictly: no white space, no stray bits.
enum Base64 {
  /// The bytes, nil where the text is not canonical.
  static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(text.count / 4 * 3)
    var index = 0
    while index < text.count {
      let isLast = index + 4 == text.count
      let padding = !isLast ? 0 : text[index + 3] != 0x3D ? 0 : text[index + 2] != 0x3D ? 1 : 2
      var bits: UInt32 = 0
      for offset in 0..<4 {
        var value: UInt8 = 0
        if offset < 4 - padding {
          guard let digit = digit(text[index + offset]) else { return nil }
          value = digit
        }
        bits = bits << 6 | UInt32(value)
      }
      if padding == 1 && bits & 0xFF != 0 || padding == 2 && bits & 0xFFFF != 0 { return nil }
      result.append(UInt8(truncatingIfNeeded: bits >> 16))
      if padding < 2 { result.append(UInt8(truncatingIfNeeded: bits >> 8)) }
      if padding < 1 { result.append(UInt8(truncatingIfNeeded: bits)) }
      index += 4
    }
    return result
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte &- 0x41
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- 0x61 &+ 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- 0x30 &+ 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
