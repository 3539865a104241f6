import Synchronization

/// When a shard's loop last turned: written by the loop once a second, read by whoever asks whether it hangs.
///
/// The asker must not wait for the loop it asks about, so the loop leaves its mark instead.
final class ShardPulse: Sendable {
  private let turnedAt = Atomic<UInt64>(0)

  /// - Parameter now: nanoseconds of the loop's clock.
  func beat(_ now: UInt64) { turnedAt.store(now, ordering: .relaxed) }

  func sinceLastTurn(_ now: UInt64) -> UInt64 {
    let then = turnedAt.load(ordering: .relaxed)
    return now > then ? now - then : 0
  }
}
