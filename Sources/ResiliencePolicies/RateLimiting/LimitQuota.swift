/// How a limit counts.
public enum LimitAlgorithm: UInt8, Sendable, CaseIterable {
  /// `burst` requests at once, `average` a period in the long run. A request that comes less than half an interval
  /// (at most half a second) too early waits for its turn, as in Traefik.
  case tokenBucket
  /// One request an interval, never two at once: those between wait in a queue of `burst`, others are refused.
  case leakyBucket
  /// `average` requests in any period, by weighting the count of the period before.
  case slidingWindow
  /// `average` requests in a period that begins with a source's first request.
  case fixedWindow
}

/// How much one source may do: the numbers of a limit, checked and in the units that the machines compute with.
///
/// Rates such as 3 a second have no whole number of nanoseconds a request, and a limiter that rounds drifts. So the
/// buckets count in a unit of their own: with `average` requests a `period`, one request is `period / g` units and one
/// nanosecond gives back `average / g`, where g is their greatest common divisor. Everything below is exact in whole
/// numbers. The price is a bound: a bucket that holds `burst` requests must fit into 62 bits, which `init` checks.
public struct LimitQuota: Sendable, Equatable {
  /// Why numbers are no limit.
  public enum Mistake: Error, Sendable, Equatable {
    case averageOutOfRange
    case periodOutOfRange
    case burstOutOfRange
    /// `burst` requests at this rate would take longer than the machines can count.
    case burstTooLargeForRate
  }

  /// Requests a period at most.
  public static let averageMax: UInt64 = 1_000_000_000
  public static let burstMax: UInt64 = 1_000_000_000
  /// A microsecond to a year.
  public static let periodNanoseconds: ClosedRange<UInt64> = 1_000...31_622_400_000_000_000
  /// Traefik's bound on the wait of a token bucket.
  static let smoothingNanosecondsMax: UInt64 = 500_000_000

  public let algorithm: LimitAlgorithm
  /// Requests a period; 0 for no limit.
  public let average: UInt64
  public let periodNanoseconds: UInt64
  public let burst: UInt64
  /// The period in seconds, rounded up: `w` of `RateLimit-Policy`.
  public let windowSeconds: UInt32

  let unitsPerRequest: UInt64
  let unitsPerNanosecond: UInt64
  /// What a source may owe and still pass at once.
  let freeUnits: UInt64
  /// What it may owe beyond that and pass after a wait.
  let waitUnits: UInt64

  /// - Parameters:
  ///   - average: requests a period; 0 means that nothing is limited.
  ///   - burst: requests at once (token bucket) or places in the queue (leaky bucket); windows do not look at it. 0
  ///     counts as 1, as in Traefik.
  public init(
    _ algorithm: LimitAlgorithm, average: UInt64, periodNanoseconds: UInt64, burst: UInt64
  ) throws(Mistake) {
    guard average <= Self.averageMax else { throw .averageOutOfRange }
    guard Self.periodNanoseconds.contains(periodNanoseconds) else { throw .periodOutOfRange }
    guard burst <= Self.burstMax else { throw .burstOutOfRange }
    self.algorithm = algorithm
    self.average = average
    self.periodNanoseconds = periodNanoseconds
    self.burst = max(burst, 1)
    windowSeconds = UInt32(clamping: (periodNanoseconds + 999_999_999) / 1_000_000_000)
    let divisor = Self.greatestCommonDivisor(max(average, 1), periodNanoseconds)
    unitsPerRequest = periodNanoseconds / divisor
    unitsPerNanosecond = max(average, 1) / divisor
    let (units, overflow) = unitsPerRequest.multipliedReportingOverflow(by: self.burst + 1)
    let isBucket = algorithm == .tokenBucket || algorithm == .leakyBucket
    guard !isBucket || average == 0 || !overflow && units < 1 << 62 else { throw .burstTooLargeForRate }
    switch algorithm {
    case .leakyBucket:
      freeUnits = unitsPerRequest
      waitUnits = overflow ? 0 : units - unitsPerRequest
    case .tokenBucket, .slidingWindow, .fixedWindow:
      freeUnits = overflow ? 0 : units - unitsPerRequest
      let (smoothing, tooLong) = Self.smoothingNanosecondsMax.multipliedReportingOverflow(by: unitsPerNanosecond)
      waitUnits = min(unitsPerRequest / 2, tooLong ? .max : smoothing)
    }
  }

  /// How much too early a request of a token bucket may come and wait: in nanoseconds.
  public var smoothingNanoseconds: UInt64 {
    algorithm == .tokenBucket && average > 0 ? waitUnits / unitsPerNanosecond : 0
  }

  /// The same in requests: at most a half.
  public var smoothingRequests: Double { Double(waitUnits) / Double(unitsPerRequest) }

  /// Whether there is a limit at all.
  public var isLimited: Bool { average > 0 }

  private static func greatestCommonDivisor(_ one: UInt64, _ other: UInt64) -> UInt64 {
    var (larger, smaller) = (one, other)
    while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
    return larger
  }
}

/// What is remembered of one source: two words whose meaning is the algorithm's. Zero is a source never seen.
///
/// Buckets: what the source owes, in units, and when that was worked out. Windows: the counts and when the window
/// began.
public struct LimitState: Sendable, Equatable {
  var count: UInt64 = 0
  var since: UInt64 = 0

  public init() {}
}

/// What a limit says to one request.
public struct LimitDecision: Sendable, Equatable {
  /// Whether the request passes.
  public enum Verdict: UInt8, Sendable {
    case pass
    /// It passes after `waitNanoseconds`; its place is taken.
    case wait
    /// It does not pass; another try has a chance after `waitNanoseconds`.
    case refuse
  }

  public var verdict: Verdict
  public var waitNanoseconds: UInt64
  /// Requests of this source that would pass now (leaky bucket: or wait).
  public var remaining: UInt64
  /// Until the source has its whole quota again.
  public var resetNanoseconds: UInt64
  /// The numbers that were in force.
  public var average: UInt64
  public var windowSeconds: UInt32

  public init(
    _ verdict: Verdict, waitNanoseconds: UInt64, remaining: UInt64, resetNanoseconds: UInt64, average: UInt64,
    windowSeconds: UInt32
  ) {
    self.verdict = verdict
    self.waitNanoseconds = waitNanoseconds
    self.remaining = remaining
    self.resetNanoseconds = resetNanoseconds
    self.average = average
    self.windowSeconds = windowSeconds
  }

  /// `Retry-After`: whole seconds, rounded up, at least one.
  public var retryAfterSeconds: Int32 { Int32(clamping: max(Self.secondsRoundedUp(waitNanoseconds), 1)) }
  /// `t` of the `RateLimit` field.
  public var resetSeconds: UInt64 { Self.secondsRoundedUp(resetNanoseconds) }

  private static func secondsRoundedUp(_ nanoseconds: UInt64) -> UInt64 {
    nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0)
  }
}
