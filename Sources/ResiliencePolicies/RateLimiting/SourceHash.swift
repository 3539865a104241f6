/// The key of a source: 128 bits of a keyed hash of what makes the source.
///
/// Tables of sources keep this and not the source itself: entries have one size, whoever reads the memory learns no
/// addresses or tokens, and, since the key is drawn when the process starts, nobody can choose sources that fall into
/// one place or pass for another's. Two of a million sources are the same with a chance of about one in 10^27.
public struct SourceKey: Sendable, Hashable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// SipHash-2-4 with an output of 128 bits: a pseudorandom function made for short inputs under a secret key.
///
/// Swift's `Hasher` yields 64 bits of SipHash-1-3 and promises no more than a good hash table; for a value that stands
/// for a source the wider and stronger variant costs some 20 ns for an address.
/// Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; the 128-bit variant from the authors' code
/// (https://github.com/veorq/SipHash).
public struct SourceHash: Sendable {
  /// The secret.
  public struct Secret: Sendable {
    var first: UInt64
    var second: UInt64

    public init(_ first: UInt64, _ second: UInt64) {
      self.first = first
      self.second = second
    }
  }

  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64
  private var length: UInt64 = 0

  public init(_ secret: Secret) {
    v0 = secret.first ^ 0x736f_6d65_7073_6575
    v1 = secret.second ^ 0x646f_7261_6e64_6f6d ^ 0xee
    v2 = secret.first ^ 0x6c79_6765_6e65_7261
    v3 = secret.second ^ 0x7465_6462_7974_6573
  }

  /// Takes eight bytes, little-endian.
  public mutating func take(_ word: UInt64) {
    length &+= 8
    compress(word)
  }

  /// Takes the rest of the input and gives the hash.
  public consuming func finish(_ bytes: UnsafeRawBufferPointer) -> SourceKey {
    var index = 0
    while index &+ 8 <= bytes.count {
      compress(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index &+= 8
    }
    var last = (length &+ UInt64(truncatingIfNeeded: bytes.count)) << 56
    var shift: UInt64 = 0
    while index < bytes.count {
      last |= UInt64(bytes[index]) << shift
      shift &+= 8
      index &+= 1
    }
    return close(last)
  }

  /// Gives the hash of the words taken so far.
  public consuming func finish() -> SourceKey {
    close(length << 56)
  }

  private consuming func close(_ last: UInt64) -> SourceKey {
    compress(last)
    v2 ^= 0xee
    for _ in 0..<4 { round() }
    let low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    for _ in 0..<4 { round() }
    return SourceKey(high: v0 ^ v1 ^ v2 ^ v3, low: low)
  }

  private mutating func compress(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v1 = (v1 << 13 | v1 >> 51) ^ v0
    v0 = v0 << 32 | v0 >> 32
    v2 &+= v3
    v3 = (v3 << 16 | v3 >> 48) ^ v2
    v0 &+= v3
    v3 = (v3 << 21 | v3 >> 43) ^ v0
    v2 &+= v1
    v1 = (v1 << 17 | v1 >> 47) ^ v2
    v2 = v2 << 32 | v2 >> 32
  }
}
