// When requests should leave. The schedule is a function, not a queue: "the n-th request leaves at t" has a closed
// form for rates that stand still, jump and climb in straight lines. Nothing is stored for a request that waits, so a
// server that stalls for a minute costs the generator no memory, and a late request still knows when it should
// have left: its latency counts from there (no coordinated omission; Gil Tene, "How NOT to Measure Latency").

/// A stretch of time in which the rate goes in a straight line from `from` to `to`, in requests a second.
public struct RatePhase: Sendable, Hashable {
  /// Requests a second at its begin and at its end; zero is a pause.
  public var from: Double
  public var to: Double
  /// How long it lasts.
  public var duration: Duration

  public init(from: Double, to: Double, duration: Duration) {
    self.from = from
    self.to = to
    self.duration = duration
  }
}

/// Arrival times of an open loop: request n (from 0) leaves when the integral of the rate reaches n.
public struct ArrivalSchedule: Sendable {
  /// More requests than this are no test: two weeks of 800,000 a second.
  public static let requestsMax = 1_000_000_000_000.0

  /// A phase with where it begins, in seconds and in requests.
  private struct Segment {
    var phase: RatePhase
    var start: Double
    var seconds: Double
    var requestsBefore: Double
    var requests: Double { (phase.from + phase.to) / 2 * seconds }
  }

  private let segments: [Segment]
  /// The whole length.
  public let duration: Duration
  /// The integral of the rate over the whole length.
  let integral: Double

  /// A schedule of phases in their order. Rates have to be finite and not negative, durations above zero.
  public init(_ phases: [RatePhase]) {
    var segments: [Segment] = []
    var start = 0.0
    var requests = 0.0
    var duration = Duration.zero
    for phase in phases {
      let segment = Segment(phase: phase, start: start, seconds: phase.duration.inSeconds, requestsBefore: requests)
      segments.append(segment)
      start += segment.seconds
      requests += segment.requests
      duration += phase.duration
    }
    self.segments = segments
    self.duration = duration
    self.integral = requests
  }

  /// A rate that stands still.
  public static func constant(_ rate: Double, for duration: Duration) -> ArrivalSchedule {
    ArrivalSchedule([RatePhase(from: rate, to: rate, duration: duration)])
  }

  /// How many requests leave in all: those with n below the integral.
  public var requests: Int { Int((integral - 1e-6).rounded(.up)) }

  /// Seconds after the start at which the integral of the rate reaches `count`; nil when it never does.
  func seconds(untilRequests count: Double) -> Double? {
    guard count < integral - 1e-6, let segment = segments.last(where: { $0.requestsBefore <= count && $0.requests > 0 })
    else { return nil }
    let missing = count - segment.requestsBefore
    guard missing > 0 else { return segment.start }
    let slope = (segment.phase.to - segment.phase.from) / segment.seconds
    // r·t + slope/2·t² = missing, in the form that is stable for slopes near zero and of either sign.
    let root = max(segment.phase.from * segment.phase.from + 2 * slope * missing, 0).squareRoot()
    return segment.start + min(2 * missing / (segment.phase.from + root), segment.seconds)
  }

  /// How many requests should have left after so many seconds.
  func requests(after seconds: Double) -> Double {
    guard seconds > 0, let segment = segments.last(where: { $0.start <= seconds }) else { return 0 }
    let inside = min(seconds - segment.start, segment.seconds)
    let slope = (segment.phase.to - segment.phase.from) / segment.seconds
    return segment.requestsBefore + segment.phase.from * inside + slope / 2 * inside * inside
  }
}

extension Duration {
  /// The duration in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
  /// The duration in whole nanoseconds; durations of more than 292 years are cut there.
  var inNanoseconds: Int64 {
    let (product, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : product.addingReportingOverflow(components.attoseconds / 1_000_000_000).partialValue
  }
}
