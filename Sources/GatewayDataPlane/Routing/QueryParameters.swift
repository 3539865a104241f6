/// Walks the parameters of a query as Go's `url.ParseQuery` takes them apart, in place.
///
/// A parameter ends at `&`; a `;` is none of a query any more (`TargetCleaning`). Names and values are compared
/// percent-decoded, with `+` for a blank; a parameter with a wrong percent-encoding, in its name or its value, is not
/// there.
struct QueryParameters {
  private let query: UnsafeRawBufferPointer
  private var position = 0

  init(_ query: UnsafeRawBufferPointer) {
    self.query = query
  }

  /// The next value, still encoded, of a parameter with this decoded name; nil when there is none left.
  mutating func nextValue(of name: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    while position < query.count {
      let start = position
      var equals = -1
      while position < query.count, query[position] != UInt8(ascii: "&") {
        if equals < 0 && query[position] == UInt8(ascii: "=") { equals = position }
        position += 1
      }
      let end = position
      position += 1
      let nameEnd = equals < 0 ? end : equals
      let value = UnsafeRawBufferPointer(rebasing: query[(equals < 0 ? end : equals + 1)..<end])
      let isNamed = Self.isDecoded(UnsafeRawBufferPointer(rebasing: query[start..<nameEnd]), equalTo: name)
      if isNamed && Self.isWellEncoded(value) { return value }
    }
    return nil
  }

  private static func isWellEncoded(_ text: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "%") {
        guard decodedByte(text, at: index) >= 0 else { return false }
        index += 2
      }
      index += 1
    }
    return true
  }

  /// The byte that the escape at `index` stands for, -1 when it is none.
  @inline(__always)
  private static func decodedByte(_ text: UnsafeRawBufferPointer, at index: Int) -> Int {
    guard index + 2 < text.count else { return -1 }
    let high = hexadecimal(text[index + 1])
    let low = hexadecimal(text[index + 2])
    return high == 0xFF || low == 0xFF ? -1 : Int(high << 4 | low)
  }

  /// Whether the text, decoded, is `wanted`; false when it cannot be decoded.
  static func isDecoded(_ text: UnsafeRawBufferPointer, equalTo wanted: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    var matched = 0
    while index < text.count {
      guard matched < wanted.count else { return false }
      var byte = text[index]
      if byte == UInt8(ascii: "%") {
        let decoded = decodedByte(text, at: index)
        guard decoded >= 0 else { return false }
        byte = UInt8(truncatingIfNeeded: decoded)
        index += 2
      } else if byte == UInt8(ascii: "+") {
        byte = 0x20
      }
      if byte != wanted[matched] { return false }
      matched += 1
      index += 1
    }
    return matched == wanted.count
  }

  /// Calls `body` with the decoded text. Text without escapes is used where it is; a kilobyte of the rest is on the
  /// stack, which bounds what a stranger can make this allocate to the query he sends.
  static func withDecoded<Result>(
    _ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return body(text) }
    return withUnsafeTemporaryAllocation(byteCount: text.count, alignment: 1) { decoded in
      var index = 0
      var count = 0
      while index < text.count {
        var byte = text[index]
        if byte == UInt8(ascii: "%") {
          byte = UInt8(truncatingIfNeeded: max(decodedByte(text, at: index), 0))
          index += 2
        } else if byte == UInt8(ascii: "+") {
          byte = 0x20
        }
        decoded[count] = byte
        count += 1
        index += 1
      }
      return body(UnsafeRawBufferPointer(rebasing: decoded[..<count]))
    }
  }
}
