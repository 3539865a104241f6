import Synchronization

/// Where a signature is checked: on the event loop, on the thread pool, or not at all for now.
///
/// The problem: a check takes a tenth of a millisecond, during which a loop serves nobody else. Sending each to
/// another thread costs a copy, two wake-ups and on one core gains nothing, since the same core does the work. But a
/// thousand clients that reconnect, or a flood of forged tokens that are all different, would hold a loop up for as
/// long as they come. The rule: in every hundredth of a second the loops may do `hereMax` checks themselves, a fifth
/// of one loop's time; what is more goes to the pool, whose queue is bounded, and beyond that the client is asked to
/// come again. Slow algorithms always go to the pool. Cost: one atomic addition a check. Bound: `queuedMax`.
public final class CheckPlaces: Sendable {
  /// Where a signature may be checked: on this loop, on the pool, or not now.
  public enum Place: Sendable { case here, elsewhere, nowhere }

  /// The number of the hundredth in the upper bits, the checks in it in the lower sixteen.
  private let window = Atomic<UInt64>(0)
  private let queued = Atomic<Int>(0)
  private let hereMax: UInt64
  private let queuedMax: Int

  public init(hereMax: Int = 20, queuedMax: Int = 256) {
    self.hereMax = UInt64(hereMax)
    self.queuedMax = queuedMax
  }

  /// - Parameter now: nanoseconds of a clock that never goes back.
  /// - Returns: with `elsewhere`, a place of the queue that `done` gives back.
  public func place(isQuick: Bool, now: UInt64) -> Place {
    if isQuick, hereMax > 0, takesWindow(now / 10_000_000) { return .here }
    guard queued.add(1, ordering: .relaxed).newValue <= queuedMax else {
      queued.subtract(1, ordering: .relaxed)
      return .nowhere
    }
    return .elsewhere
  }

  /// A check that was `elsewhere` is over.
  public func done() { queued.subtract(1, ordering: .relaxed) }

  private func takesWindow(_ number: UInt64) -> Bool {
    var seen = window.load(ordering: .relaxed)
    while true {
      // Another loop's clock may be a little ahead: its hundredth counts.
      let isNew = seen >> 16 < number & 0xFFFF_FFFF_FFFF
      guard isNew || seen & 0xFFFF < hereMax else { return false }
      let wanted = isNew ? number << 16 | 1 : seen + 1
      let (exchanged, original) = window.weakCompareExchange(expected: seen, desired: wanted, ordering: .relaxed)
      if exchanged { return true }
      seen = original
    }
  }
}
