/// When a row of probes notices that a server has died.
///
/// The rule: `threshold` probes in a row must fail. One probe runs at a time, so two begin `interval` apart, or as long
/// as one takes when that is longer (Kubernetes' prober keeps one tick, which makes the same). What happens between
/// two probes is chance, so there are two answers: at best a probe begins at the moment of death, at worst one had just
/// passed.
public struct ProbeSchedule: Sendable, Equatable {
  public var interval: Duration
  /// How long a probe waits that is not answered.
  public var timeout: Duration
  /// Failures in a row that count.
  public var threshold: Int

  public init(interval: Duration, timeout: Duration, threshold: Int) {
    self.interval = interval
    self.timeout = timeout
    self.threshold = max(threshold, 1)
  }

  /// How a server dies.
  public enum Death: Sendable {
    /// It accepts and never answers: each probe takes its whole timeout.
    case hangs
    /// Its port is closed: each probe fails at once.
    case refuses
  }

  /// From the death to the last of the failures.
  public func detection(of death: Death) -> Span {
    let one = death == .hangs ? timeout : .zero
    let spacing = max(interval, one)
    let best = spacing * (threshold - 1) + one
    return Span(best: best, worst: best + interval)
  }

  /// The worst case for a server that hangs, as a sum: `3 × 5s + 2s`.
  var sum: String {
    guard timeout > interval else { return "\(threshold) × \(interval.spelled) + \(timeout.spelled)" }
    return "\(interval.spelled) + \(threshold) × \(timeout.spelled)"
  }

  /// When the probes begin that fail, at worst: for pictures.
  func failingStarts(_ death: Death) -> [Duration] {
    let spacing = max(interval, death == .hangs ? timeout : .zero)
    return (0..<min(threshold, 1000)).map { interval + spacing * $0 }
  }
}

/// The earliest and the latest time of something.
public struct Span: Sendable, Hashable {
  public var best: Duration
  public var worst: Duration

  public init(best: Duration, worst: Duration) {
    self.best = best
    self.worst = worst
  }

  static func + (left: Span, right: Span) -> Span {
    Span(best: left.best + right.best, worst: left.worst + right.worst)
  }
}
