// Fields of protocol buffers, written and read one level deep.
//
// The services that the gateway speaks have a dozen messages of two or three fields together: a page of code instead of
// generated files and a compiler for them. What a field means is its caller's; a field that is not known is passed
// over, as the format asks. Whatever bytes come, reading ends and reads nothing beyond them.
//
// Source: https://protobuf.dev/programming-guides/encoding/.

/// The bytes are no protocol buffer.
public struct MalformedProtobuf: Error, Equatable {
  public init() {}
}

/// Writes fields of a protocol buffer.
public struct ProtobufWriter {
  /// The message so far.
  public private(set) var out: [UInt8] = []

  public init() {}

  /// A varint: numbers, flags, enumerations.
  public mutating func number(_ field: UInt64, _ value: UInt64) {
    varint(field << 3)
    varint(value)
  }

  /// A field of bytes, of text in UTF-8, or of a message.
  public mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
    varint(field << 3 | 2)
    varint(UInt64(value.count))
    out += value
  }

  /// A field of text; proto3 does not write the empty text.
  public mutating func text(_ field: UInt64, _ value: String) {
    if !value.isEmpty { bytes(field, Array(value.utf8)) }
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    out.append(UInt8(rest))
  }
}

/// Reads fields of a protocol buffer.
public enum ProtobufReader {
  /// A field's value as the wire tells it.
  public enum Value {
    case number(UInt64)
    case bytes([UInt8])
    /// Eight or four bytes of fixed width, which none of our messages has.
    case fixed
  }

  /// Calls `body` with the number and the value of each field, in their order.
  ///
  /// - Throws: `MalformedProtobuf`, from the bytes or from `body`.
  public static func fields(
    _ message: [UInt8], _ body: (UInt64, Value) throws(MalformedProtobuf) -> Void
  ) throws(MalformedProtobuf) {
    var at = 0
    while at < message.count {
      let tag = try varint(message, &at)
      let value: Value
      switch tag & 7 {
      case 0: value = .number(try varint(message, &at))
      case 2:
        let length = try varint(message, &at)
        guard length <= UInt64(message.count - at) else { throw MalformedProtobuf() }
        value = .bytes(Array(message[at..<(at + Int(length))]))
        at += Int(length)
      case 1, 5:
        at += tag & 7 == 1 ? 8 : 4
        guard at <= message.count else { throw MalformedProtobuf() }
        value = .fixed
      default: throw MalformedProtobuf()
      }
      try body(tag >> 3, value)
    }
  }

  private static func varint(_ message: [UInt8], _ at: inout Int) throws(MalformedProtobuf) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < message.count, shift < 64 {
      let byte = message[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw MalformedProtobuf()
  }
}
