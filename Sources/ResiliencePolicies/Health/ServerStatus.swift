public import Synchronization

/// Whether one server of one service may be chosen: one word that every shard reads, and the reasons behind it.
///
/// The problem: probes run on one loop, ejections are decided on any shard, and a balancer asks about every server
/// for every request. The rule: the word holds the time until which the server must not be chosen, `.max` while
/// probes say it is down, so a balancer does one relaxed load and one comparison, and an ejection ends by itself
/// without a timer. Reasons change rarely and under a lock; who changes one writes the word anew.
///
/// Relaxed is enough: nothing else is published with the word, and a shard that sees it a moment later has only sent
/// one more request to a server that was thought well.
public final class ServerStatus: Sendable {
  private struct Reasons {
    var isProbedDown = false
    var ejectedUntil: UInt64 = 0
  }

  @usableFromInline let unusableUntil = Atomic<UInt64>(0)
  private let reasons = Mutex(Reasons())
  /// Counts since the last sweep, and failures without a success in between.
  let requests = Atomic<UInt64>(0)
  let failures = Atomic<UInt64>(0)
  let consecutive = Atomic<UInt32>(0)

  public init() {}

  /// Whether the server may be chosen. One relaxed load.
  ///
  /// - Parameter now: nanoseconds of the loop's clock; a look that is some milliseconds old will do.
  @inlinable
  public func isUsable(_ now: UInt64) -> Bool { unusableUntil.load(ordering: .relaxed) <= now }

  /// What the probes say. A server that a probe found well is no longer held back until further notice (`.max`).
  public func probed(isUp: Bool) {
    change { reasons in
      reasons.isProbedDown = !isUp
      if isUp && reasons.ejectedUntil == .max { reasons.ejectedUntil = 0 }
    }
  }

  /// Keeps the server from being chosen until `time`; `.max`: until a probe finds it well.
  public func eject(until time: UInt64) {
    change { $0.ejectedUntil = time }
  }

  private func change(_ body: (inout Reasons) -> Void) {
    reasons.withLock { reasons in
      body(&reasons)
      unusableUntil.store(reasons.isProbedDown ? .max : reasons.ejectedUntil, ordering: .relaxed)
    }
  }
}
