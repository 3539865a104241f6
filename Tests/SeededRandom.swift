// One file for all tests: a link to it stands in each target that needs it.

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// SplitMix64: a generator whose whole state is one number, so that a failure is replayed from the number it printed.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &self) }

  mutating func chance(_ one: Int, in many: Int) -> Bool { below(many) < one }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// The seed of a run: `SLUICE_SEED` replays one.
enum TestSeed {
  private static let given = getenv("SLUICE_SEED").flatMap { UInt64(String(cString: $0)) }

  static let isReplay = given != nil

  /// For what must hold for every seed: another one each time.
  static let value: UInt64 = given ?? UInt64.random(in: 0...UInt64.max)

  /// For what holds for nearly every seed, such as a share that chance gives: the same each time.
  static let fixed: UInt64 = given ?? 0x5EED
}
