import Synchronization

/// Values by fingerprint, for a while: a table of fixed size in stripes with a short lock each.
///
/// A fingerprint has one place, a set of eight slots, which it shares with others. When all are taken the one that
/// would be forgotten first goes. So memory is bounded without a list of uses or a sweep, and a lock is held for eight
/// comparisons. A stripe's slots are made when its first value comes: most middlewares see few tokens.
final class FingerprintTable<Value: Sendable>: Sendable {
  private struct Slot {
    var print = TokenFingerprint(high: 0, low: 0)
    var generation: UInt64 = 0
    /// Of the clock that only goes forward.
    var until: Int64 = .min
    var value: Value?
  }

  private final class Stripe: Sendable {
    let slots = Mutex<[Slot]>([])
  }

  private let stripes: [Stripe]
  private let setsOfStripe: Int
  private static var ways: Int { 8 }
  private static var stripeCount: Int { 64 }

  /// - Parameter capacity: rounded up to 512 times a power of two.
  init(capacity: Int) {
    var sets = 1
    while sets * Self.ways * Self.stripeCount < capacity { sets *= 2 }
    setsOfStripe = sets
    stripes = (0..<Self.stripeCount).map { _ in Stripe() }
  }

  var capacity: Int { setsOfStripe * Self.ways * Self.stripeCount }

  private func stripe(_ print: TokenFingerprint) -> Stripe {
    stripes[Int(truncatingIfNeeded: print.low >> 32) & (Self.stripeCount &- 1)]
  }

  private func first(_ print: TokenFingerprint) -> Int {
    Int(truncatingIfNeeded: print.low & 0xFFFF_FFFF) & (setsOfStripe &- 1) &* Self.ways
  }

  func value(_ print: TokenFingerprint, generation: UInt64, now: Int64) -> Value? {
    let start = first(print)
    return stripe(print).slots.withLock { slots in
      guard !slots.isEmpty else { return nil }
      for index in start..<(start &+ Self.ways) where slots[index].print == print {
        guard slots[index].until > now, slots[index].generation == generation else { return nil }
        return slots[index].value
      }
      return nil
    }
  }

  func remember(_ value: Value, _ print: TokenFingerprint, generation: UInt64, until: Int64, now: Int64) {
    let start = first(print)
    stripe(print).slots.withLock { slots in
      if slots.isEmpty { slots = Array(repeating: Slot(), count: setsOfStripe * Self.ways) }
      var victim = start
      for index in start..<(start &+ Self.ways) {
        if slots[index].print == print {
          victim = index
          break
        }
        if slots[index].until < slots[victim].until { victim = index }
      }
      slots[victim] = Slot(print: print, generation: generation, until: until, value: value)
    }
  }

  /// Values that are not forgotten yet.
  func count(now: Int64) -> Int {
    stripes.reduce(0) { sum, stripe in
      sum + stripe.slots.withLock { slots in slots.count { $0.value != nil && $0.until > now } }
    }
  }
}
