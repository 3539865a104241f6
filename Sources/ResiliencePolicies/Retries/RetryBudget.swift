import Synchronization

/// How many requests of a service may be tried again.
///
/// The problem: retries multiply the load of a service just when it has too much (three tries on three layers are 27
/// requests for one). The rule: as in Finagle and linkerd2-proxy, every request deposits a share of a try, every try
/// takes a whole one, and a floor comes in by time, so that a service with one request a minute may retry at all.
/// What is not used is kept for ten seconds' worth and no longer. So over any while at most `ratio` of the requests
/// plus the floor are tried again, whatever breaks.
///
/// Shared by all event loops: one relaxed add a request, one compare-and-swap a try. Why not a counter a loop: the
/// floor would be one a loop. Unit inside: thousandths of a try.
public final class RetryBudget: Sendable {
  private let deposit: Int64
  private let floorPerSecond: Int64
  private let balanceMax: Int64
  private let balance: Atomic<Int64>
  private let filledAt: Atomic<UInt64>

  private static let whole: Int64 = 1000
  private static let keptSeconds: Int64 = 10
  /// The floor comes in portions of this much time.
  private static let fillNanoseconds: UInt64 = 50_000_000
  /// A service so busy that ten seconds of it would be more than this is not limited by what is kept.
  private static let balanceCeiling: Int64 = 1_000_000 * whole

  /// - Parameters:
  ///   - ratio: tries for each request, 0 to 1 and more.
  ///   - floor: tries a second that are always there.
  public init(ratio: Double, floor: Int, now: UInt64 = 0) {
    deposit = Int64((min(max(ratio, 0), 10) * Double(Self.whole)).rounded())
    floorPerSecond = Int64(min(max(0, floor), 1_000_000)) * Self.whole
    balanceMax = Self.balanceCeiling
    balance = Atomic(floorPerSecond)
    filledAt = Atomic(now)
  }

  /// A request (not a try) has begun.
  public func requestBegan(now: UInt64) {
    balance.wrappingAdd(deposit, ordering: .relaxed)
    // Deposits have to age while nobody takes, or all that a quiet hour brought would be there at once.
    if now > filledAt.load(ordering: .relaxed) &+ Self.fillNanoseconds { fill(now) }
  }

  /// Takes a try; false when there is none left.
  public func take(now: UInt64) -> Bool {
    fill(now)
    var seen = balance.load(ordering: .relaxed)
    while seen >= Self.whole {
      let (done, found) = balance.compareExchange(expected: seen, desired: seen - Self.whole, ordering: .relaxed)
      if done { return true }
      seen = found
    }
    return false
  }

  /// Tries that could be taken now.
  public func available(now: UInt64) -> Int {
    fill(now)
    return Int(max(0, balance.load(ordering: .relaxed)) / Self.whole)
  }

  /// Adds the floor of the time since the last look, and takes away what is too old to be kept: a tenth of the
  /// balance above one second's floor for each second.
  private func fill(_ now: UInt64) {
    let last = filledAt.load(ordering: .relaxed)
    guard now > last, now &- last >= Self.fillNanoseconds else { return }
    guard filledAt.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged else { return }
    let milliseconds = Int64(min((now &- last) / 1_000_000, UInt64(Self.keptSeconds) * 1000))
    var seen = balance.load(ordering: .relaxed)
    while true {
      let old = min(max(0, seen), balanceMax)
      let above = max(0, old - floorPerSecond)
      // What deposits brought goes in ten seconds; the floor never rises over one second's.
      let kept = above - above * milliseconds / (Self.keptSeconds * 1000)
      let floor = min(floorPerSecond, min(old, floorPerSecond) + floorPerSecond * milliseconds / 1000)
      let (done, found) = balance.compareExchange(expected: seen, desired: kept + floor, ordering: .relaxed)
      if done { return }
      seen = found
    }
  }
}
