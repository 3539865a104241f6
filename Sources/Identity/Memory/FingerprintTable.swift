import Synchronization

/// Values by fingerprint, for a while: a table of fixed size in stripes with a short lock each.
///
/// A fingerprint has one place, a set of eight slots, which it shares with others. When all are taken the one that
/// would be forgotten first goes. So memory is bounded without a list of uses or a sweep, and a lock is held for eight
/// comparisons. A stripe's slots are made when its first value comes: most middlewares see few tokens. Values differ in
/// size, so a stripe has a bound of bytes too; over it those go that would be forgotten first, which costs a look at
/// all of the stripe's slots.
final class FingerprintTable<Value: Sendable>: Sendable {
  private struct Slot {
    var print = TokenFingerprint(high: 0, low: 0)
    var generation: UInt64 = 0
    /// Of the clock that only goes forward.
    var until: Int64 = .min
    var value: Value?
  }

  private struct Slots: Sendable {
    var all: [Slot] = []
    /// Of all values.
    var bytes = 0
  }

  private final class Stripe: Sendable {
    let slots = Mutex(Slots())
  }

  private let stripes: [Stripe]
  private let setsOfStripe: Int
  private let bytesOfStripeMax: Int
  private let size: @Sendable (Value) -> Int
  private static var ways: Int { 8 }
  private static var stripeCount: Int { 64 }

  /// - Parameters:
  ///   - capacity: rounded up to 512 times a power of two.
  ///   - bytesMax: of all values together.
  ///   - size: bytes of a value.
  init(capacity: Int, bytesMax: Int = .max, size: @escaping @Sendable (Value) -> Int = { _ in 0 }) {
    bytesOfStripeMax = bytesMax / Self.stripeCount
    self.size = size
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
      guard !slots.all.isEmpty else { return nil }
      for index in start..<(start &+ Self.ways) where slots.all[index].print == print {
        guard slots.all[index].until > now, slots.all[index].generation == generation else { return nil }
        return slots.all[index].value
      }
      return nil
    }
  }

  func remember(_ value: Value, _ print: TokenFingerprint, generation: UInt64, until: Int64, now: Int64) {
    let start = first(print)
    let bytes = size(value)
    guard bytes <= bytesOfStripeMax else { return }
    stripe(print).slots.withLock { slots in
      if slots.all.isEmpty { slots.all = Array(repeating: Slot(), count: setsOfStripe * Self.ways) }
      var victim = start
      for index in start..<(start &+ Self.ways) {
        if slots.all[index].print == print {
          victim = index
          break
        }
        if slots.all[index].until < slots.all[victim].until { victim = index }
      }
      clear(victim, &slots)
      while slots.bytes > bytesOfStripeMax - bytes { clear(oldest(slots.all), &slots) }
      slots.all[victim] = Slot(print: print, generation: generation, until: until, value: value)
      slots.bytes += bytes
    }
  }

  private func clear(_ index: Int, _ slots: inout Slots) {
    if let value = slots.all[index].value { slots.bytes -= size(value) }
    slots.all[index] = Slot()
  }

  /// The value that would be forgotten first.
  private func oldest(_ slots: [Slot]) -> Int {
    var oldest = 0
    for index in slots.indices where slots[index].value != nil {
      if slots[oldest].value == nil || slots[index].until < slots[oldest].until { oldest = index }
    }
    return oldest
  }

  /// Bytes of all values, also of those that are forgotten and still there.
  var bytes: Int { stripes.reduce(0) { $0 + $1.slots.withLock { $0.bytes } } }

  /// Values that are not forgotten yet.
  func count(now: Int64) -> Int {
    stripes.reduce(0) { sum, stripe in
      sum + stripe.slots.withLock { slots in slots.all.count { $0.value != nil && $0.until > now } }
    }
  }
}
