/// Reads the server name out of a TLS ClientHello, without answering it.
///
/// The certificate, the versions and what is asked of the client depend on the name (SNI), and BoringSSL wants its
/// context before the first byte, so the name has to be read first. The parser takes the bytes as they came (RFC 8446
/// section 4.1.2, RFC 6066 section 3), copies nothing and believes no length: each is checked against what is there.
/// A ClientHello that spans several records is read as far as its first one.
enum ClientHello {
  enum Progress: Equatable {
    case incomplete
    /// Where the name is in the bytes; nil when the client sent none.
    case serverName(Range<Int>?)
    /// Not a TLS handshake, or malformed.
    case refused
  }

  static let bytesMax = 16 * 1024

  static func parse(_ bytes: UnsafeRawBufferPointer) -> Progress {
    guard bytes.count >= 5 else {
      return bytes.isEmpty || bytes[0] == 22 ? .incomplete : .refused
    }
    guard bytes[0] == 22, bytes[1] == 3 else { return .refused }
    let recordLength = Int(bytes[3]) << 8 | Int(bytes[4])
    guard recordLength >= 4, recordLength <= bytesMax else { return .refused }
    guard bytes.count >= 5 + recordLength else { return .incomplete }
    guard bytes[5] == 1 else { return .refused }
    let helloLength = Int(bytes[6]) << 16 | Int(bytes[7]) << 8 | Int(bytes[8])
    // A hello over several records is legal but sent by nobody whose name would be behind the first 16 KiB.
    var cursor = Cursor(bytes: bytes, position: 9, end: min(9 + helloLength, 5 + recordLength))
    guard cursor.skip(2 + 32), cursor.skipVector(lengthBytes: 1), cursor.skipVector(lengthBytes: 2),
      cursor.skipVector(lengthBytes: 1)
    else { return .refused }
    guard cursor.position < cursor.end else { return .serverName(nil) }
    guard let extensionsLength = cursor.number(2) else { return .refused }
    cursor.end = min(cursor.end, cursor.position + extensionsLength)
    while cursor.position < cursor.end {
      guard let type = cursor.number(2), let length = cursor.number(2), cursor.position + length <= cursor.end else {
        return .refused
      }
      if type == 0 {
        var names = Cursor(bytes: bytes, position: cursor.position, end: cursor.position + length)
        return hostName(&names)
      }
      cursor.position += length
    }
    return .serverName(nil)
  }

  private static func hostName(_ names: inout Cursor) -> Progress {
    guard names.number(2) != nil, let kind = names.number(1), kind == 0, let length = names.number(2),
      length > 0, length <= 255, names.position + length <= names.end
    else { return .refused }
    return .serverName(names.position..<(names.position + length))
  }

  private struct Cursor {
    let bytes: UnsafeRawBufferPointer
    var position: Int
    var end: Int

    mutating func number(_ count: Int) -> Int? {
      guard position + count <= end else { return nil }
      var value = 0
      for _ in 0..<count {
        value = value << 8 | Int(bytes[position])
        position += 1
      }
      return value
    }

    mutating func skip(_ count: Int) -> Bool {
      position += count
      return position <= end
    }

    mutating func skipVector(lengthBytes: Int) -> Bool {
      guard let length = number(lengthBytes) else { return false }
      return skip(length)
    }
  }
}
