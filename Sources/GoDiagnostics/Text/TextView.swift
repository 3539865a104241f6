#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Bytes somebody else keeps alive, read in place.
///
/// Text dumps reach gigabytes, so the parsers of this target look at bytes where they lie and make a
/// String only for what a report prints. A view is two words and trivially copied: no reference
/// counting in the loops. It is valid for the call it is given to and must not be stored.
/// Every access is checked: a parser that computes a wrong offset from hostile input stops the
/// program instead of reading beyond the input.
struct TextView {
  let base: UnsafeRawPointer
  let count: Int

  init(base: UnsafeRawPointer, count: Int) {
    self.base = base
    self.count = count
  }

  /// A view of all bytes of `buffer`; of nothing when it is empty.
  init(_ buffer: UnsafeRawBufferPointer) {
    // An empty buffer may have no address. Any address does for zero bytes: none is ever read.
    self.base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
    self.count = buffer.count
  }

  var isEmpty: Bool { count == 0 }

  @inline(__always)
  subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// The bytes from `start` up to, not including, `end`.
  @inline(__always)
  func part(_ start: Int, _ end: Int) -> TextView {
    precondition(start >= 0 && start <= end && end <= count)
    return TextView(base: base + start, count: end &- start)
  }

  @inline(__always)
  func from(_ start: Int) -> TextView { part(start, count) }

  var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// The bytes as text; what is not UTF-8 becomes U+FFFD.
  var string: String { String(decoding: buffer, as: UTF8.self) }

  /// Where `byte` first stands at or after `start`.
  @inline(__always)
  func first(_ byte: UInt8, from start: Int = 0) -> Int? {
    guard start < count, let hit = memchr(base + start, Int32(byte), count &- start) else { return nil }
    return UnsafeRawPointer(hit) - base
  }

  /// Where `byte` last stands.
  @inline(__always)
  func last(_ byte: UInt8) -> Int? {
    var index = count &- 1
    while index >= 0 {
      if base.load(fromByteOffset: index, as: UInt8.self) == byte { return index }
      index &-= 1
    }
    return nil
  }

  @inline(__always)
  func hasPrefix(_ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    return count >= length && memcmp(base, word.utf8Start, length) == 0
  }

  @inline(__always)
  func hasSuffix(_ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    return count >= length && memcmp(base + (count &- length), word.utf8Start, length) == 0
  }

  /// Where `word` first stands at or after `start`.
  func find(_ word: StaticString, from start: Int = 0) -> Int? {
    let length = word.utf8CodeUnitCount
    guard length > 0, count >= length else { return nil }
    let head = word.utf8Start.pointee
    var index = start
    while index <= count &- length {
      guard let hit = memchr(base + index, Int32(head), count &- length &+ 1 &- index) else { return nil }
      index = UnsafeRawPointer(hit) - base
      if memcmp(base + index, word.utf8Start, length) == 0 { return index }
      index &+= 1
    }
    return nil
  }

  func equals(_ word: StaticString) -> Bool { count == word.utf8CodeUnitCount && hasPrefix(word) }

  /// The decimal number that begins at `index`, which moves behind it; nil without a digit or above 2⁶³−1.
  @inline(__always)
  func decimal(at index: inout Int) -> Int? {
    var value = 0
    let start = index
    while index < count {
      let digit = Int(self[index]) &- 48
      guard digit >= 0, digit <= 9 else { break }
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(digit)
      guard !tooLarge, !overflow else { return nil }
      value = sum
      index &+= 1
    }
    return index > start ? value : nil
  }

  /// The hexadecimal number that begins at `index` (after "0x"), which moves behind it.
  func hexadecimal(at index: inout Int) -> UInt64? {
    var value: UInt64 = 0
    let start = index
    while index < count, let digit = hexDigit(self[index]) {
      guard index &- start < 16 else { return nil }
      value = value << 4 | UInt64(digit)
      index &+= 1
    }
    return index > start ? value : nil
  }

  /// Without white space at both ends.
  var trimmed: TextView {
    var start = 0
    var end = count
    while start < end, isBlank(self[start]) { start &+= 1 }
    while end > start, isBlank(self[end &- 1]) { end &-= 1 }
    return part(start, end)
  }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

@inline(__always)
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

@inline(__always)
func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 48...57: return byte &- 48
  case 97...102: return byte &- 87
  case 65...70: return byte &- 55
  default: return nil
  }
}
