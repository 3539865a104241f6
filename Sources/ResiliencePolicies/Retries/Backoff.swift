/// The pauses between tries.
///
/// Traefik's series: the first is `initialInterval`, the last of `attempts` is twice that, in equal factors between.
/// Each is drawn from the whole of it ("full jitter", Brooker 2015), so that clients that failed together do not come
/// back together. The draw has sixteen steps, since deadlines of one length share a timer queue.
///
/// Source: Traefik v3 pkg/middlewares/retry, newBackOff.
public struct Backoff: Sendable, Equatable {
  private static let steps: UInt64 = 16

  /// Upper ends, by number of tries made.
  private let intervals: [UInt64]

  public init(initialNanoseconds: UInt64, attempts: Int) {
    let count = min(max(attempts - 1, 0), 64)
    var factor = 1.0
    // The factor that makes the last of them twice the first.
    let step = count > 0 ? Self.root(of: 2, count) : 1
    intervals = (0..<count).map { _ in
      defer { factor *= step }
      return UInt64(Double(initialNanoseconds) * factor)
    }
  }

  /// The pause before the next try.
  /// - Parameters:
  ///   - tries: tries made so far, 1 or more.
  ///   - random: any number; equal chances for all.
  public func pause(after tries: Int, random: UInt64) -> UInt64 {
    guard tries >= 1, !intervals.isEmpty else { return 0 }
    let most = intervals[min(tries, intervals.count) - 1]
    return most / Self.steps * (random % Self.steps + 1)
  }

  /// The `n`-th root by bisection: there is no Foundation here.
  private static func root(of value: Double, _ n: Int) -> Double {
    var (low, high) = (1.0, value)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      var power = 1.0
      for _ in 0..<n { power *= middle }
      if power < value { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}
