/// A date and time in a log line: "2026-11-21T05:42:02.026Z", "2026-11-21 05:42:02,026+01:00".
enum LogTime {
  private static let shape = Array("0000-00-00T00:00:00".utf8)

  /// The first one in the first 64 bytes, as ISO 8601; nil without one.
  static func find(_ line: String) -> String? {
    let bytes = Array(line.utf8.prefix(128))
    guard bytes.count >= shape.count else { return nil }
    for start in 0...min(64, bytes.count - shape.count) where matches(bytes, at: start) {
      var end = start + shape.count
      if end + 1 < bytes.count, bytes[end] == 0x2e || bytes[end] == 0x2c, isDigit(bytes[end + 1]) {
        end += 1
        while end < bytes.count, isDigit(bytes[end]) { end += 1 }
      }
      let isZone: (UInt8) -> Bool = { isDigit($0) || $0 == 0x3a || $0 == 0x2b || $0 == 0x2d || $0 == 0x5a }
      while end < bytes.count, end - start < 40, isZone(bytes[end]) { end += 1 }
      var word = bytes[start..<end]
      word[start + 10] = 0x54
      return String(decoding: word, as: UTF8.self).replacing(",", with: ".")
    }
    return nil
  }

  private static func matches(_ bytes: [UInt8], at start: Int) -> Bool {
    for (offset, wanted) in shape.enumerated() {
      let byte = bytes[start + offset]
      let fits = wanted == 0x30 ? isDigit(byte) : wanted == 0x54 ? byte == 0x54 || byte == 0x20 : byte == wanted
      guard fits else { return false }
    }
    return true
  }
}
