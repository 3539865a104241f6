import NIOCore

/// Writes heads in HTTP/1.1's form into a buffer: the one place where the gateway's own bytes are made.
///
/// Hop-by-hop fields end here, because they are left out here whatever a middleware did. Framing fields are
/// written from what the exchange knows, never copied, so a message leaves with exactly one statement about
/// its length. Cost: one pass over the field table, one reservation.
enum HeadWriter {
  @inline(__always)
  static func write(_ bytes: UnsafeRawBufferPointer, to out: UnsafeMutableRawPointer, _ at: inout Int) {
    guard let source = bytes.baseAddress else { return }
    out.advanced(by: at).copyMemory(from: source, byteCount: bytes.count)
    at &+= bytes.count
  }

  @inline(__always)
  static func write(_ text: StaticString, to out: UnsafeMutableRawPointer, _ at: inout Int) {
    out.advanced(by: at).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    at &+= text.utf8CodeUnitCount
  }

  /// Upper bound of what `writeFields` puts out.
  static func fieldBytes(_ head: MessageHead) -> Int {
    var total = 0
    for index in 0..<head.fieldCount {
      total += Int(head.fieldBase[index].name.length) + Int(head.fieldBase[index].value.length) + 4
    }
    return total
  }

  /// Writes the fields that pass this hop, except those in `settled`, which the caller writes itself.
  @inline(__always)
  static func writeFields(_ head: MessageHead, to out: UnsafeMutableRawPointer, _ at: inout Int) {
    var index = 0
    let count = head.fieldCount
    while index < count {
      let field = head.fieldBase[index]
      index += 1
      if !field.passesHop { continue }
      write(head.bytes(field.name), to: out, &at)
      out.storeBytes(of: 0x203A, toByteOffset: at, as: UInt16.self)
      at &+= 2
      write(head.bytes(field.value), to: out, &at)
      out.storeBytes(of: 0x0A0D, toByteOffset: at, as: UInt16.self)
      at &+= 2
    }
  }

  /// Decimal digits of `number`.
  @inline(__always)
  static func write(_ number: UInt64, to out: UnsafeMutableRawPointer, _ at: inout Int) {
    var digits = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    rest = number
    var index = at + digits
    repeat {
      index -= 1
      out.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) &+ 0x30, toByteOffset: index, as: UInt8.self)
      rest /= 10
    } while rest > 0
    at &+= digits
  }

  /// Content-Length or Transfer-Encoding, as the body's framing asks.
  @inline(__always)
  static func writeFraming(_ framing: BodyFraming, to out: UnsafeMutableRawPointer, _ at: inout Int) {
    switch framing {
    case .length(let length):
      write("Content-Length: ", to: out, &at)
      write(length, to: out, &at)
      write("\r\n", to: out, &at)
    case .chunked:
      write("Transfer-Encoding: chunked\r\n", to: out, &at)
    case .none, .untilClose:
      break
    }
  }
}

extension ByteBuffer {
  /// The size line of a chunk: hexadecimal length and CR LF.
  mutating func writeChunkHeader(_ count: Int) {
    reserveCapacity(minimumWritableBytes: 20)
    writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { pointer in
      var digits = 1
      var rest = count >> 4
      while rest > 0 {
        rest >>= 4
        digits += 1
      }
      rest = count
      var index = digits
      while index > 0 {
        index -= 1
        let nibble = UInt8(truncatingIfNeeded: rest & 0xF)
        pointer[index] = nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x57
        rest >>= 4
      }
      pointer[digits] = 0x0D
      pointer[digits + 1] = 0x0A
      return digits + 2
    }
  }
}
