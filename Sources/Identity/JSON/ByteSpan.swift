/// A run of bytes inside a token's or a key set's text.
///
/// Thirty-two bits do: no text that is read here is larger than a megabyte.
@frozen
public struct ByteSpan: Equatable, Sendable {
  public var offset: UInt32
  public var length: UInt32

  @inlinable
  public init(_ offset: Int, _ length: Int) {
    self.offset = UInt32(truncatingIfNeeded: offset)
    self.length = UInt32(truncatingIfNeeded: length)
  }

  @inlinable public static var empty: ByteSpan { ByteSpan(0, 0) }
  @inlinable public var start: Int { Int(offset) }
  @inlinable public var count: Int { Int(length) }

  /// The bytes themselves, inside the text they are of.
  @inlinable
  public func bytes(of text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: text[start..<(start + count)])
  }
}

/// Compares runs of bytes.
@inlinable
public func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  var index = 0
  while index < left.count {
    if left[index] != right[index] { return false }
    index &+= 1
  }
  return true
}

/// Compares with a text of ours.
@inlinable
public func areEqual(_ left: UnsafeRawBufferPointer, _ right: StaticString) -> Bool {
  areEqual(left, UnsafeRawBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
}

/// Compares with an array.
@inlinable
public func areEqual(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
  right.withUnsafeBytes { areEqual(left, $0) }
}
