/// Works out how many requests a service should have at once, from how long it takes to answer.
///
/// The problem: the right limit depends on the server, the query and the hour, and a fixed one is wrong twice a day.
/// The rule: when answers take longer than the service needs at its best, requests wait inside it, and the limit
/// shrinks by that gradient; otherwise it grows by its square root (Netflix's concurrency-limits, Envoy's
/// adaptive_concurrency).
///
/// What "at its best" is has to be learned, and the usual way, pinning the limit to a handful for a while, refuses
/// most requests every half minute. Here it is learned from live traffic: the tenth of a window's requests that were
/// fastest found the shortest queue. A lower value is believed at once, a higher one slowly, by 2 % a window, and only
/// while the limit was not reached, since then nothing waited because of us. While it is reached, a queue could be
/// taken for the service (it was overloaded when the gateway started). So every tenth such window runs with half of
/// the limit: at the balance that the gradient finds, half is about what the service works on at once, its queue is
/// empty, and what is seen then is the truth, up or down. That costs about a hundredth of what passes, and nothing as
/// long as the limit is not reached.
///
/// Bounds: the limit stays in `limits`, moves by at most half down and by its root up in a window; a window with fewer
/// than ten answers teaches nothing, and half of the limit never holds for longer than one.
struct ConcurrencyGradient {
  private enum Phase {
    /// The limit holds. Can move to `looking` after ten full windows.
    case steady(fullWindows: Int)
    /// Half of the limit holds, for one window. Can move to `steady`.
    case looking
  }

  let limits: ClosedRange<Double>
  let tolerance: Double
  private var phase = Phase.steady(fullWindows: 0)
  private var limit: Double
  /// Nanoseconds; 0 until the first window.
  private(set) var best: Double = 0

  static let answersMin: UInt64 = 10
  private static let fullWindowsMax = 10
  private static let growthFree = 1.02
  private static let growthLooking = 1.2

  init(initial: Int, limits: ClosedRange<Int>, tolerance: Double) {
    self.limits = Double(limits.lowerBound)...Double(limits.upperBound)
    self.tolerance = tolerance
    limit = min(max(Double(initial), self.limits.lowerBound), self.limits.upperBound)
  }

  /// The limit that holds now.
  var current: Int {
    switch phase {
    case .steady: Int(limit)
    case .looking: Int(max(limit / 2, limits.lowerBound))
    }
  }

  /// A window is over.
  /// - Parameters:
  ///   - latencies: times to the response's head of requests that ended in it.
  ///   - inFlightMax: the most requests there were, or would have been, at once.
  mutating func windowEnded(_ latencies: borrowing LatencyHistogram, inFlightMax: Int) {
    guard latencies.count >= Self.answersMin else {
      if case .looking = phase { phase = .steady(fullWindows: 0) }
      return
    }
    let fastest = max(1, Double(latencies.latency(atQuantile: 10)))
    let usual = max(fastest, Double(latencies.latency(atQuantile: 50)))
    switch phase {
    case .looking:
      phase = .steady(fullWindows: 0)
      best = min(fastest, best * Self.growthLooking)
    case .steady(let fullWindows):
      let isFull = inFlightMax >= current
      if best == 0 || fastest < best {
        best = fastest
      } else if !isFull {
        best = min(fastest, best * Self.growthFree)
      }
      adjust(usual, inFlightMax, isFull)
      guard isFull else { return }
      phase = fullWindows + 1 >= Self.fullWindowsMax ? .looking : .steady(fullWindows: fullWindows + 1)
    }
  }

  private mutating func adjust(_ usual: Double, _ inFlightMax: Int, _ isFull: Bool) {
    let gradient = min(1, max(0.5, tolerance * best / usual))
    // A limit that is not half used says nothing about a greater one.
    let room = gradient < 1 || isFull || Double(inFlightMax) * 2 >= limit ? limit.squareRoot() : 0
    limit = min(max(limit * gradient + room, limits.lowerBound), limits.upperBound)
  }
}
