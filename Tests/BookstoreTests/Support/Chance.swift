import Foundation

/// Random numbers that can be had again: `SLUICE_SEED=N swift test`.
struct Chance: RandomNumberGenerator {
  private var state: UInt64

  init(_ salt: UInt64 = 0) {
    state = (ProcessInfo.processInfo.environment["SLUICE_SEED"].flatMap(UInt64.init) ?? 20_240_817) &+ salt
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
