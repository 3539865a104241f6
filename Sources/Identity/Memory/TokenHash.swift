/// What a token is remembered by: a keyed hash of all its bytes.
@frozen
public struct TokenFingerprint: Hashable, Sendable {
  public var high: UInt64
  public var low: UInt64

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012), under a key that only this process has.
///
/// The problem: to find a token again one compares all its bytes or a hash of them; keeping the bytes keeps
/// credentials in memory, and a hash that anybody can compute lets an attacker look for a second token with the same
/// one at home. The rule: a hash under a random key whose values never leave the process, so that guessing is the only
/// attack, at 2^-128 a try. Why not HMAC: a third of a microsecond here against two there. Its cost: about one and a
/// half cycles a byte.
public struct TokenHash: Sendable {
  let key: (UInt64, UInt64)

  /// A key of its own for every memory.
  public init() {
    var random = SystemRandomNumberGenerator()
    key = (random.next(), random.next())
  }

  init(key: (UInt64, UInt64)) {
    self.key = key
  }

  /// Two bytes sequences have the same fingerprint only by chance, which nobody without the secret can steer.
  public func fingerprint(_ bytes: UnsafeRawBufferPointer) -> TokenFingerprint {
    var state = State(key)
    let whole = bytes.count & ~7
    var index = 0
    while index < whole {
      state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index &+= 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    var shift: UInt64 = 0
    while index < bytes.count {
      last |= UInt64(bytes[index]) << shift
      shift &+= 8
      index &+= 1
    }
    state.absorb(last)
    return state.finish()
  }

  private struct State {
    var v0: UInt64
    var v1: UInt64
    var v2: UInt64
    var v3: UInt64

    init(_ key: (UInt64, UInt64)) {
      v0 = key.0 ^ 0x736f_6d65_7073_6575
      v1 = key.1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
      v2 = key.0 ^ 0x6c79_6765_6e65_7261
      v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func round() {
      v0 = v0 &+ v1
      v1 = (v1 << 13 | v1 >> 51) ^ v0
      v0 = v0 << 32 | v0 >> 32
      v2 = v2 &+ v3
      v3 = (v3 << 16 | v3 >> 48) ^ v2
      v0 = v0 &+ v3
      v3 = (v3 << 21 | v3 >> 43) ^ v0
      v2 = v2 &+ v1
      v1 = (v1 << 17 | v1 >> 47) ^ v2
      v2 = v2 << 32 | v2 >> 32
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func finish() -> TokenFingerprint {
      v2 ^= 0xee
      for _ in 0..<4 { round() }
      let first = v0 ^ v1 ^ v2 ^ v3
      v1 ^= 0xdd
      for _ in 0..<4 { round() }
      return TokenFingerprint(high: first, low: v0 ^ v1 ^ v2 ^ v3)
    }
  }
}
