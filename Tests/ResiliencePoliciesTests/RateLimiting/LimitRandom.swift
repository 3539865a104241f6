#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// SplitMix64 (Steele, Lea, Flood, 2014): a failure is replayed from the seed it prints.
struct LimitRandom: RandomNumberGenerator {
  private var state: UInt64

  /// `SLUICE_SEED`, or a new one each time.
  static var seed: UInt64 {
    if let text = getenv("SLUICE_SEED"), let seed = UInt64(String(cString: text)) { return seed }
    var system = SystemRandomNumberGenerator()
    return system.next()
  }

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func key() -> (high: UInt64, low: UInt64) { (next() | 1, next()) }
}
