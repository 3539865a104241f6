/// A stream of pseudo-random numbers that costs a few instructions and can be replayed: SplitMix64.
///
/// Policies take chance as an argument. On a shard it comes from one of these, seeded when the shard starts; in a test
/// from one with the test's seed. It is no secret: do not make identifiers or keys of it.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
@frozen
public struct RandomStream: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  @inlinable
  public init(seed: UInt64) { state = seed }

  /// The next number of the stream.
  @inlinable
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return RandomStream.mix(state)
  }

  /// A number below `bound`, which must be positive. Lemire's multiplication without the rejection step: for the few
  /// thousand members a service has, the bias is below one in 10¹⁵.
  @inlinable
  public mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(truncatingIfNeeded: bound)).high)
  }

  /// Spreads the bits of a number: every bit of the result depends on every bit of the argument.
  @inlinable
  public static func mix(_ number: UInt64) -> UInt64 {
    var z = number
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}
