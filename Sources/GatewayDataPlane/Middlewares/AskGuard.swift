import Atomics

/// Keeps a service that is asked about requests, and the gateway, from each other's troubles: `forwardAuth`, `opa`.
///
/// The problem: when the service that decides is slow, every request waits for it, and the more wait the slower it
/// gets. The rule: at most `runningMax` questions at once; after `failuresMax` failures in a row none for
/// `restNanoseconds`, then one, whose answer closes the breaker or opens it again. It is one for all shards, since
/// there is one service. A failure is that no answer came, or that the service said it is overloaded; an answer that
/// cannot be used is none, or a client who finds a question that the service chokes on could shut the door for
/// everybody. Why not a rate of failures: what is left is the service's own fault, so a row of five is telling enough.
/// Cost: two relaxed atomics a question.
final class AskGuard: Sendable {
  static let runningMax = 1024
  static let failuresMax = 5
  static let restNanoseconds: UInt64 = 5_000_000_000

  private let running = ManagedAtomic<Int>(0)
  private let failures = ManagedAtomic<Int>(0)
  /// When the breaker lets the next question through; 0 while it is closed.
  private let opensUntil = ManagedAtomic<UInt64>(0)

  /// Whether a question may be asked now; it then ends with `ended`.
  func begins(now: UInt64) -> Bool {
    let until = opensUntil.load(ordering: .relaxed)
    if until > 0 {
      guard now >= until else { return false }
      // One asks; for the others the rest begins anew.
      let (isMine, _) = opensUntil.compareExchange(
        expected: until, desired: now + Self.restNanoseconds, ordering: .relaxed)
      guard isMine else { return false }
    }
    guard running.wrappingIncrementThenLoad(ordering: .relaxed) <= Self.runningMax else {
      running.wrappingDecrement(ordering: .relaxed)
      return false
    }
    return true
  }

  /// - Parameter isFailure: no answer came, or the service said that it is overloaded.
  func ended(isFailure: Bool, now: UInt64) {
    running.wrappingDecrement(ordering: .relaxed)
    guard isFailure else {
      failures.store(0, ordering: .relaxed)
      opensUntil.store(0, ordering: .relaxed)
      return
    }
    if failures.wrappingIncrementThenLoad(ordering: .relaxed) >= Self.failuresMax {
      opensUntil.store(now + Self.restNanoseconds, ordering: .relaxed)
    }
  }

  /// A question that was given up: neither good nor bad. If it was the one that should try, the next one may at once:
  /// whoever asks and leaves must not keep the breaker open.
  func abandoned(now: UInt64) {
    running.wrappingDecrement(ordering: .relaxed)
    let until = opensUntil.load(ordering: .relaxed)
    if until > now { _ = opensUntil.compareExchange(expected: until, desired: now, ordering: .relaxed) }
  }
}

/// A middleware that asks a service before it decides. A question ends with its exchange.
protocol AskingMiddleware: Middleware {
  var guardian: AskGuard { get }
}

extension AskingMiddleware {
  var actsOnEnd: Bool { true }

  func ended(_ exchange: Exchange) {
    guard let asked = exchange.subrequest, asked.end == nil else { return }
    exchange.subrequest = nil
    asked.abandon()
    guardian.abandoned(now: exchange.shard.coarseNow)
  }
}
