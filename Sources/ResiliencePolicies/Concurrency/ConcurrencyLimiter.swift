import Synchronization

/// At most so many requests of a service at once, over all event loops, where "so many" is learned.
///
/// The count is exact: it is one number that a request raises by compare-and-swap only while it is under the limit.
/// The limit is worked out once a window by whoever ends a request then (`ConcurrencyGradient`); asking for it is a
/// load. Latencies are added in stripes, one a loop.
public final class ConcurrencyLimiter: Sendable {
  private let inFlight = Atomic<Int>(0)
  private let peak = Atomic<Int>(0)
  private let limit: Atomic<Int>
  private let windowEnd: Atomic<UInt64>
  private let window: UInt64
  private let gradient: Mutex<ConcurrencyGradient>
  private let stripes: [ConcurrencyStripe]

  public init(
    initial: Int, limits: ClosedRange<Int>, tolerance: Double, windowNanoseconds: UInt64, stripes: Int = 8,
    now: UInt64 = 0
  ) {
    let gradient = ConcurrencyGradient(initial: initial, limits: limits, tolerance: tolerance)
    limit = Atomic(gradient.current)
    self.gradient = Mutex(gradient)
    window = max(1, windowNanoseconds)
    windowEnd = Atomic(now &+ window)
    self.stripes = (0..<max(1, stripes)).map { _ in ConcurrencyStripe() }
  }

  /// The limit now.
  public var limitNow: Int { limit.load(ordering: .relaxed) }
  /// Requests that have a place.
  public var inFlightNow: Int { inFlight.load(ordering: .relaxed) }
  /// The service's time to answer at its best, in nanoseconds, as learned; 0: not yet.
  public var bestNanoseconds: UInt64 { gradient.withLock { UInt64($0.best) } }

  /// Takes a place; false when there is none. Whoever has one gives it back by `finish`, once.
  ///
  /// - Parameter anyway: takes it even over the limit, for shadow mode; the result still says whether there was one.
  public func take(anyway: Bool = false) -> Bool {
    var seen = inFlight.load(ordering: .relaxed)
    while true {
      let most = limit.load(ordering: .relaxed)
      let isFree = seen < most
      guard isFree || anyway else {
        raisePeak(seen)
        return false
      }
      let (done, found) = inFlight.compareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
      if done {
        raisePeak(seen + 1)
        return isFree
      }
      seen = found
    }
  }

  private func raisePeak(_ value: Int) {
    // Mostly the peak of the window is there already and this is one load.
    if peak.load(ordering: .relaxed) < value { peak.max(value, ordering: .relaxed) }
  }

  /// Gives a place back.
  ///
  /// - Parameter latencyNanoseconds: time to the response's head; nil when none came or it says nothing (the client
  ///   went, the gateway refused).
  public func finish(latencyNanoseconds: UInt64?, stripe: Int, now: UInt64) {
    inFlight.wrappingSubtract(1, ordering: .relaxed)
    if let latencyNanoseconds { stripes[stripe % stripes.count].add(latencyNanoseconds) }
    let end = windowEnd.load(ordering: .relaxed)
    guard now >= end,
      windowEnd.compareExchange(expected: end, desired: now &+ window, ordering: .relaxed).exchanged
    else { return }
    var all = LatencyHistogram()
    for stripe in stripes { stripe.take(into: &all) }
    let most = peak.exchange(inFlight.load(ordering: .relaxed), ordering: .relaxed)
    gradient.withLock { gradient in
      gradient.windowEnded(all, inFlightMax: most)
      limit.store(gradient.current, ordering: .relaxed)
    }
  }
}

/// The latencies of one event loop in the running window.
private final class ConcurrencyStripe: Sendable {
  private let histogram = Mutex(LatencyHistogram())

  func add(_ nanoseconds: UInt64) { histogram.withLock { $0.add(nanoseconds: nanoseconds) } }

  func take(into all: inout LatencyHistogram) {
    histogram.withLock { histogram in
      all.add(histogram)
      histogram.clear()
    }
  }
}
