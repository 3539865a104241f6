public import GatewayModel

/// A circuit breaker's configuration in the units of its machine.
public struct BreakerSettings: Sendable, Equatable {
  /// By which of two rules it opens and closes; times in nanoseconds.
  public enum Form: Sendable, Equatable {
    /// sony/gobreaker's rules.
    case counts(
      maxRequests: UInt64, interval: UInt64, timeout: UInt64, consecutiveFailures: UInt64?, failureRatio: Double?)
    /// Traefik's, which are vulcand/oxy's.
    case expression(BreakerProgram, checkPeriod: UInt64, fallbackDuration: UInt64, recoveryDuration: UInt64)
  }

  public var form: Form
  public var minimumRequests: UInt64

  public init(_ configuration: CircuitBreaker) {
    minimumRequests = UInt64(max(0, configuration.minimumRequests))
    if let expression = configuration.expression {
      form = .expression(
        BreakerProgram(expression), checkPeriod: configuration.checkPeriod.nanosecondsUnsigned,
        fallbackDuration: configuration.fallbackDuration.nanosecondsUnsigned,
        recoveryDuration: configuration.recoveryDuration.nanosecondsUnsigned)
      return
    }
    var consecutive = configuration.consecutiveFailures
    // gobreaker's ReadyToTrip when nobody gives one: more than five failures in a row.
    if consecutive == nil, configuration.failureRatio == nil { consecutive = 6 }
    // gobreaker takes 0 for its own defaults.
    let timeout = configuration.timeout <= .zero ? Duration.seconds(60) : configuration.timeout
    form = .counts(
      maxRequests: UInt64(max(1, configuration.maxRequests)), interval: configuration.interval.nanosecondsUnsigned,
      timeout: timeout.nanosecondsUnsigned, consecutiveFailures: consecutive.map { UInt64(max(1, $0)) },
      failureRatio: configuration.failureRatio)
  }

  var program: BreakerProgram? {
    if case .expression(let program, _, _, _) = form { program } else { nil }
  }
}

/// An expression with what has to be counted for it.
public struct BreakerProgram: Sendable, Equatable {
  public let expression: BreakerExpression
  /// Ranges of statuses that are counted, each once; the end is not included.
  let ranges: [Range<UInt16>]
  let needsLatency: Bool

  public init(_ expression: BreakerExpression) {
    self.expression = expression
    var ranges: [Range<UInt16>] = []
    var needsLatency = false
    for metric in expression.metrics {
      switch metric {
      case .latencyAtQuantileMS: needsLatency = true
      case .responseCodeRatio(let from, let to, let dividedByFrom, let dividedByTo):
        for range in [from..<to, dividedByFrom..<dividedByTo] where !ranges.contains(range) { ranges.append(range) }
      case .networkErrorRatio, .requestCount: break
      }
    }
    self.ranges = ranges
    self.needsLatency = needsLatency
  }

  /// Whether the breaker should open.
  func holds(_ sums: borrowing BreakerSums) -> Bool { holds(expression, sums) }

  private func holds(_ expression: BreakerExpression, _ sums: borrowing BreakerSums) -> Bool {
    switch expression {
    case .all(let parts):
      for part in parts where !holds(part, sums) { return false }
      return true
    case .any(let parts):
      for part in parts where holds(part, sums) { return true }
      return false
    case .compare(let metric, let comparison, let number): return comparison.holds(value(metric, sums), number)
    }
  }

  private func value(_ metric: BreakerMetric, _ sums: borrowing BreakerSums) -> Double {
    switch metric {
    case .networkErrorRatio:
      return sums.finished == 0 ? 0 : Double(sums.networkErrors) / Double(sums.finished)
    case .latencyAtQuantileMS(let quantile):
      return Double(sums.latencies.latency(atQuantile: quantile) / 1_000_000)
    case .responseCodeRatio(let from, let to, let dividedByFrom, let dividedByTo):
      let divisor = sums.count(dividedByFrom..<dividedByTo, of: ranges)
      return divisor == 0 ? 0 : Double(sums.count(from..<to, of: ranges)) / Double(divisor)
    case .requestCount: return Double(sums.finished)
    }
  }
}

extension Duration {
  /// Whole nanoseconds, not negative and not over 292 years.
  var nanosecondsUnsigned: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    return UInt64(clamping: min(seconds, 9_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}
