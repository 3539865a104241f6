/// Base64 with the alphabet for URLs and without padding (RFC 4648 section 5, RFC 7515 section 2), read strictly.
///
/// A token has one spelling only. White space, padding, the other alphabet and bits that stand for nothing are refused,
/// or one signed token would have several texts, and what is remembered of a text (see `TokenMemory`) could be got
/// round by another spelling. The table is a constant text, because a lazily made array costs a check at each use.
public enum Base64URL {
  /// The six bits of a character, plus 0x30, so that the table is ASCII; `~` where there are none.
  private static var digits: StaticString {
    """
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~n~~defghijklm~~~~~~\
    ~0123456789:;<=>?@ABCDEFGHI~~~~o~JKLMNOPQRSTUVWXYZ[\\]^_`abc~~~~~\
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    """
  }

  /// How many bytes a text of `count` characters stands for; nil where no text has that length.
  @inlinable
  public static func decodedCount(_ count: Int) -> Int? {
    switch count & 3 {
    case 0: count / 4 * 3
    case 2: count / 4 * 3 + 1
    case 3: count / 4 * 3 + 2
    default: nil
    }
  }

  /// Decodes into `target`, which has room for `decodedCount`.
  ///
  /// - Returns: the number of bytes, or nil where the text is not the one canonical spelling.
  public static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
    guard let count = decodedCount(text.count), count <= target.count else { return nil }
    let digits = Self.digits.utf8Start
    var faults: UInt32 = 0
    var read = 0
    var written = 0
    @inline(__always) func digit(_ offset: Int) -> UInt32 { UInt32(digits[Int(text[read &+ offset])] &- 0x30) }
    while read &+ 4 <= text.count {
      let (a, b, c, d) = (digit(0), digit(1), digit(2), digit(3))
      faults |= a | b | c | d
      let bits = a << 18 | b << 12 | c << 6 | d
      target[written] = UInt8(truncatingIfNeeded: bits >> 16)
      target[written &+ 1] = UInt8(truncatingIfNeeded: bits >> 8)
      target[written &+ 2] = UInt8(truncatingIfNeeded: bits)
      read &+= 4
      written &+= 3
    }
    switch text.count &- read {
    case 2:
      let (a, b) = (digit(0), digit(1))
      faults |= a | b | (b & 0xF) << 6
      target[written] = UInt8(truncatingIfNeeded: a << 2 | b >> 4)
    case 3:
      let (a, b, c) = (digit(0), digit(1), digit(2))
      faults |= a | b | c | (c & 0x3) << 6
      target[written] = UInt8(truncatingIfNeeded: a << 2 | b >> 4)
      target[written &+ 1] = UInt8(truncatingIfNeeded: b << 4 | c >> 2)
    default: break
    }
    return faults < 64 ? count : nil
  }

  /// The bytes of a text; nil where it is not canonical.
  public static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    guard let count = decodedCount(text.count) else { return nil }
    var isWhole = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      isWhole = decode(text, into: UnsafeMutableRawBufferPointer(buffer)) == count
      initialized = isWhole ? count : 0
    }
    return isWhole ? bytes : nil
  }
}
