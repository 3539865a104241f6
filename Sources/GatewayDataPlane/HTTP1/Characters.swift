/// Byte classes of RFC 9110 and RFC 3986, and comparisons over raw bytes.
///
/// A class is two constants, a bit for each ASCII character: the parser asks for every byte of every name, and
/// a lazily made table would cost a check of its own at each use.
@frozen
public struct ByteClass: Sendable {
  @usableFromInline let low: UInt64
  @usableFromInline let high: UInt64

  @inlinable
  init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Whether the byte is of this class.
  @inlinable
  public func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 128 && word & (1 << UInt64(byte & 63)) != 0
  }

  /// RFC 9110 section 5.6.2: `tchar`.
  @inlinable public static var token: ByteClass { ByteClass(low: 0x3ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe) }
  /// Characters of a registered name or an IPv4 address; no comma, no percent-encoding, no user information.
  @inlinable public static var hostName: ByteClass {
    ByteClass(low: 0x2bff_6fd2_0000_0000, high: 0x47ff_fffe_87ff_fffe)
  }
  /// RFC 3986 section 2.3.
  @inlinable public static var unreserved: ByteClass {
    ByteClass(low: 0x3ff_6000_0000_0000, high: 0x47ff_fffe_87ff_fffe)
  }
  /// RFC 3986 section 2.2, and `%` itself: decoding one of these would change how a path is split.
  @inlinable public static var reserved: ByteClass { ByteClass(low: 0xac00_9ffa_0000_0000, high: 0x2800_0001) }
}

/// The byte in lower case; ASCII letters only.
@inlinable
public func lowercased(_ byte: UInt8) -> UInt8 {
  byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// Compares without regard to the case of ASCII letters.
@inlinable
public func equalIgnoringCase(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  var index = 0
  while index < left.count {
    if lowercased(left[index]) != lowercased(right[index]) { return false }
    index += 1
  }
  return true
}

/// Compares with text that is lower-case already.
@inlinable
public func equalIgnoringCase(_ left: UnsafeRawBufferPointer, _ right: StaticString) -> Bool {
  guard left.count == right.utf8CodeUnitCount else { return false }
  let other = right.utf8Start
  var index = 0
  while index < left.count {
    if lowercased(left[index]) != other[index] { return false }
    index += 1
  }
  return true
}

/// Whether a server that takes `_` for `-` takes one name for the other.
@inlinable
public func namesResemble(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  func folded(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : lowercased(byte) }
  guard left.count == right.count else { return false }
  var index = 0
  while index < left.count {
    if folded(left[index]) != folded(right[index]) { return false }
    index += 1
  }
  return true
}

/// Compares byte by byte.
@inlinable
public func equal(_ left: UnsafeRawBufferPointer, _ right: StaticString) -> Bool {
  guard left.count == right.utf8CodeUnitCount else { return false }
  let other = right.utf8Start
  var index = 0
  while index < left.count {
    if left[index] != other[index] { return false }
    index += 1
  }
  return true
}

/// The value of a hexadecimal digit, or 0xFF.
@inlinable
public func hexadecimal(_ byte: UInt8) -> UInt8 {
  if byte &- 0x30 < 10 { return byte &- 0x30 }
  let lower = byte | 0x20
  if lower &- 0x61 < 6 { return lower &- 0x61 &+ 10 }
  return 0xFF
}
