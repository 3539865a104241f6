import Synchronization

/// Sources that a shared limit has refused, and until when: nobody asks the store about them before.
///
/// The problem: a flood is where a limit is needed, and each of its requests would be a question to the store whose
/// answer is known: a refused source cannot pass before the time it was told, whatever other gateways do, because
/// they can only take what it waits for. The rule: remember that time. A flood of one source costs the store about
/// one question for each request that passes.
///
/// Bound: as `LimitTable`, 32 bytes a place. Who is pushed out is asked about again.
public final class BlockedSources: Sendable {
  private final class Stripe: Sendable {
    let slots: Mutex<SourceSlots>

    init(slots: Int) { self.slots = Mutex(SourceSlots(count: slots)) }
  }

  private static let stripeCount = 16
  private let stripes: [Stripe]

  /// - Parameter sourcesMax: how many sources are remembered at least.
  public init(sourcesMax: Int) {
    var slots = SourceSlots.setSize
    while slots * Self.stripeCount < sourcesMax + sourcesMax / 2 { slots *= 2 }
    let each = slots
    stripes = (0..<Self.stripeCount).map { _ in Stripe(slots: each) }
  }

  /// Until when the source is refused, in nanoseconds; nil when it may be asked about.
  public func end(_ key: SourceKey, now: UInt64) -> UInt64? {
    stripe(key).slots.withLock { slots in
      guard let end = slots.find(key)?.pointee.since, end > now else { return nil }
      return end
    }
  }

  /// Remembers that the source is refused until `end`.
  public func block(_ key: SourceKey, until end: UInt64, now: UInt64) {
    stripe(key).slots.withLock { slots in
      slots.place(key) { $0.since <= now }.pointee.since = end
    }
  }

  /// Forgets everybody, because the limit is another one now.
  public func removeAll() {
    for stripe in stripes { stripe.slots.withLock { $0.removeAll() } }
  }

  private func stripe(_ key: SourceKey) -> Stripe {
    stripes[Int(truncatingIfNeeded: key.low) & (Self.stripeCount - 1)]
  }
}
