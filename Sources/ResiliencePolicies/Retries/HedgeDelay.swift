import Synchronization

/// How long to wait for an answer before a second server is asked.
///
/// The problem: the slowest hundredth of requests is slow by accident (a pause, a full queue) and a second server
/// would have answered long ago; but a second request for each is twice the load. The rule (Dean and Barroso, "The Tail
/// at Scale"): wait until a percentile of what was observed has passed, so that only the rest is asked twice.
/// Observed are times to the response's head over the last 30 to 40 seconds; until there are 50 of them nothing is
/// hedged. The percentile is worked out once a second by whoever comes first; asking is one load.
///
/// Bound: four histograms for each of eight stripes. Delays are rounded up to a sixteenth of their power of two, so
/// that there are few different timers.
public final class HedgeDelay: Sendable {
  private let percentile: Double
  private let fixed: UInt64
  private let stripes: [HedgeStripe]
  private let current: Atomic<UInt64>
  private let due = Atomic<UInt64>(0)

  public static let observationsMin: UInt64 = 50
  private static let period: UInt64 = 1_000_000_000

  /// - Parameter fixedNanoseconds: the delay whatever is observed; 0: by percentile.
  public init(percentile: Double, fixedNanoseconds: UInt64, stripes: Int = 8) {
    self.percentile = percentile
    fixed = fixedNanoseconds
    current = Atomic(fixedNanoseconds)
    self.stripes = fixedNanoseconds > 0 ? [] : (0..<max(1, stripes)).map { _ in HedgeStripe() }
  }

  /// Nanoseconds to wait; 0: do not hedge.
  public var nanoseconds: UInt64 { current.load(ordering: .relaxed) }

  /// A server sent a response's head after so long.
  public func observed(_ nanoseconds: UInt64, stripe: Int, now: UInt64) {
    guard !stripes.isEmpty else { return }
    stripes[stripe % stripes.count].add(nanoseconds, now)
    let next = due.load(ordering: .relaxed)
    guard now >= next,
      due.compareExchange(expected: next, desired: now &+ Self.period, ordering: .relaxed).exchanged
    else { return }
    var all = LatencyHistogram()
    for stripe in stripes { stripe.merge(into: &all, now) }
    guard all.count >= Self.observationsMin else { return current.store(0, ordering: .relaxed) }
    current.store(Self.rounded(all.latency(atQuantile: percentile)), ordering: .relaxed)
  }

  static func rounded(_ nanoseconds: UInt64) -> UInt64 {
    guard nanoseconds > 16 else { return max(1, nanoseconds) }
    let unit = UInt64(1) << UInt64(63 - nanoseconds.leadingZeroBitCount - 4)
    return (nanoseconds + unit - 1) / unit * unit
  }
}

/// The observations of one event loop.
private final class HedgeStripe: Sendable {
  private let window = Mutex(LatencyWindow(pieces: 4, of: 10_000_000_000))

  func add(_ nanoseconds: UInt64, _ now: UInt64) { window.withLock { $0.add(nanoseconds: nanoseconds, now: now) } }
  func merge(into all: inout LatencyHistogram, _ now: UInt64) { window.withLock { $0.merge(into: &all, now: now) } }
}
