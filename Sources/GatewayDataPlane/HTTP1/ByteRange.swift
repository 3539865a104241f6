/// A run of bytes inside a `MessageHead`'s arena.
///
/// Heads are kept as one run of bytes with ranges into it, because a proxy looks at most fields once and
/// copies them on: a `String` a field would cost an allocation and a UTF-8 check each. Thirty-two bits do,
/// since no head is larger than the configured limit (kilobytes).
@frozen
public struct ByteRange: Equatable, Sendable {
  public var offset: UInt32
  public var length: UInt32

  @inlinable
  public init(offset: Int, length: Int) {
    self.offset = UInt32(truncatingIfNeeded: offset)
    self.length = UInt32(truncatingIfNeeded: length)
  }

  @inlinable public static var empty: ByteRange { ByteRange(offset: 0, length: 0) }
  @inlinable public var isEmpty: Bool { length == 0 }
  @inlinable public var start: Int { Int(offset) }
  @inlinable public var end: Int { Int(offset) + Int(length) }
  @inlinable public var count: Int { Int(length) }
}
