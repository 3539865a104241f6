#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// What a generator needs to know of a head: status, framing, whether the connection stays, and watched fields.
struct ResponseHead {
  private(set) var status = 0
  private(set) var contentLength: Int?
  private(set) var isChunked = false
  private(set) var keepsConnection = true
  private(set) var watches: UInt64 = 0

  /// Reads a head that ends in an empty line. Nil when it is right.
  mutating func read(_ bytes: UnsafeRawBufferPointer, watching: [HeaderWatch]) -> MalformedAnswer? {
    guard let base = bytes.baseAddress, statusLine(bytes) else { return .statusLine }
    var start = 0
    var isFirst = true
    while let found = memchr(base + start, 0x0a, bytes.count - start) {
      let end = base.distance(to: UnsafeRawPointer(found))
      // A bare LF is no end of a line here.
      guard end > start, bytes[end - 1] == 0x0d else { return .fieldLine }
      let line = UnsafeRawBufferPointer(rebasing: bytes[start..<(end - 1)])
      start = end + 1
      if isFirst {
        isFirst = false
      } else if line.isEmpty {
        return isChunked && contentLength != nil ? .framingTwice : nil
      } else if let mistake = field(line, watching) {
        return mistake
      }
    }
    return .fieldLine
  }

  /// `HTTP/1.1 200 OK`: version, one blank, three digits, then a blank or the end.
  private mutating func statusLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 14, HeadBytes.starts(bytes, with: "HTTP/1."), bytes[8] == 0x20 else { return false }
    guard bytes[7] == 0x31 || bytes[7] == 0x30, bytes[12] == 0x20 || bytes[12] == 0x0d else { return false }
    if bytes[7] == 0x30 { keepsConnection = false }
    for index in 9..<12 {
      guard bytes[index] >= 0x30, bytes[index] <= 0x39 else { return false }
      status = status * 10 + Int(bytes[index] - 0x30)
    }
    return status >= 100
  }

  private mutating func field(_ line: UnsafeRawBufferPointer, _ watching: [HeaderWatch]) -> MalformedAnswer? {
    guard let base = line.baseAddress, let found = memchr(base, 0x3a, line.count) else { return .fieldLine }
    let colon = base.distance(to: UnsafeRawPointer(found))
    guard colon > 0, RequestTemplate.isToken(line[0]), RequestTemplate.isToken(line[colon - 1]) else {
      return .fieldLine
    }
    let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
    let value = HeadBytes.trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
    for (index, watch) in watching.enumerated() where HeadBytes.equal(name, lowercased: watch.name) {
      if let wanted = watch.value, !value.elementsEqual(wanted) { continue }
      watches |= 1 << UInt64(index)
    }
    // The first letter and the length decide for most fields that they are none of these.
    switch (name[0] | 0x20, name.count) {
    case (UInt8(ascii: "c"), 14) where HeadBytes.equal(name, "content-length"):
      guard let length = HeadBytes.decimal(value), contentLength == nil || contentLength == length else {
        return .contentLength
      }
      contentLength = length
    case (UInt8(ascii: "t"), 17) where HeadBytes.equal(name, "transfer-encoding"):
      guard !isChunked, HeadBytes.equal(value, "chunked") else { return .transferEncoding }
      isChunked = true
    case (UInt8(ascii: "c"), 10) where HeadBytes.equal(name, "connection"):
      if HeadBytes.list(value, holds: "close") { keepsConnection = false }
      if HeadBytes.list(value, holds: "keep-alive") { keepsConnection = true }
    default: break
    }
    return nil
  }
}

/// Questions about bytes of a head.
enum HeadBytes {
  /// The offset behind the empty line that ends a head, looking for it from `start`; nil when there is none.
  static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var index = start
    while index + 4 <= bytes.count, let found = memchr(base + index, 0x0d, bytes.count - index) {
      index = base.distance(to: UnsafeRawPointer(found))
      guard index + 4 <= bytes.count else { return nil }
      if bytes[index + 1] == 0x0a, bytes[index + 2] == 0x0d, bytes[index + 3] == 0x0a { return index + 4 }
      index += 1
    }
    return nil
  }

  static func starts(_ bytes: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
    guard let base = bytes.baseAddress, bytes.count >= text.utf8CodeUnitCount else { return false }
    return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  /// Whether bytes are a text of lower case letters, whatever their own case.
  static func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    equal(bytes, lowercased: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  static func equal(_ bytes: UnsafeRawBufferPointer, lowercased other: some RandomAccessCollection<UInt8>) -> Bool {
    guard bytes.count == other.count else { return false }
    for (left, right) in zip(bytes, other) {
      let lower = left >= 0x41 && left <= 0x5a ? left | 0x20 : left
      if lower != right { return false }
    }
    return true
  }

  /// Without blanks and tabs around it.
  static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var start = 0
    var end = bytes.count
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  /// A number of digits only, at most 18 of them.
  static func decimal(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
    var value = 0
    for byte in bytes {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    return value
  }

  /// Whether a list with commas has this member.
  static func list(_ bytes: UnsafeRawBufferPointer, holds member: StaticString) -> Bool {
    var start = 0
    for index in 0...bytes.count where index == bytes.count || bytes[index] == 0x2c {
      if equal(trimmed(UnsafeRawBufferPointer(rebasing: bytes[start..<index])), member) { return true }
      start = index + 1
    }
    return false
  }
}
