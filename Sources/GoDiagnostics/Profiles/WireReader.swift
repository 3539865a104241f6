/// Reads protocol buffers' wire format in place: varints, and fields with a length.
///
/// Only what profiles need, and nothing trusted: a varint of more than ten bytes, a length beyond the
/// end, an unknown wire type end the reading with nil.
struct WireReader {
  private let bytes: TextView
  private(set) var index = 0

  enum Value {
    case number(UInt64)
    case bytes(TextView)
    /// A fixed 32- or 64-bit value, skipped.
    case fixed
  }

  init(_ bytes: TextView) { self.bytes = bytes }

  var isAtEnd: Bool { index >= bytes.count }

  @inline(__always)
  mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while index < bytes.count, shift < 70 {
      let byte = bytes[index]
      index &+= 1
      if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
      if byte < 0x80 { return value }
      shift &+= 7
    }
    return nil
  }

  /// The next field; nil at the end and at damage (then `isAtEnd` is false).
  @inline(__always)
  mutating func field() -> (number: UInt64, value: Value)? {
    let start = index
    guard let key = varint() else { return damaged(start) }
    switch key & 7 {
    case 0:
      guard let value = varint() else { return damaged(start) }
      return (key >> 3, .number(value))
    case 2:
      guard let length = varint(), length <= UInt64(bytes.count &- index) else { return damaged(start) }
      let part = bytes.part(index, index &+ Int(length))
      index &+= Int(length)
      return (key >> 3, .bytes(part))
    case 1, 5:
      let size = key & 7 == 1 ? 8 : 4
      guard size <= bytes.count &- index else { return damaged(start) }
      index &+= size
      return (key >> 3, .fixed)
    default:
      return damaged(start)
    }
  }

  private mutating func damaged(_ start: Int) -> (number: UInt64, value: Value)? {
    index = start
    return nil
  }
}
