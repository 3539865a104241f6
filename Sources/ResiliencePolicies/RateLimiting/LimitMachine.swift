/// One step of a limit: the state of a source and the time in, the decision and the new state out.
///
/// Time is an argument in nanoseconds of any clock that does not run backwards for long: event loops look at theirs at
/// different moments, so a time before the last one counts as the last one. That can only make the limit stricter.
extension LimitQuota {
  /// Decides about one request and notes it.
  @inline(__always)
  public func decide(_ state: inout LimitState, now: UInt64) -> LimitDecision {
    guard average > 0 else { return unlimited }
    switch algorithm {
    case .tokenBucket, .leakyBucket: return decideBucket(&state, now: now)
    case .slidingWindow: return decideSliding(&state, now: now)
    case .fixedWindow: return decideFixed(&state, now: now)
    }
  }

  /// Whether a source with this state is like one that was never seen, so that forgetting it changes nothing.
  public func isForgettable(_ state: LimitState, now: UInt64) -> Bool {
    let elapsed = now > state.since ? now - state.since : 0
    switch algorithm {
    case .tokenBucket, .leakyBucket: return owed(state, elapsed: elapsed) == 0
    case .slidingWindow:
      let whole = elapsed / periodNanoseconds
      return whole >= 2 || whole == 1 && state.count & 0xFFFF_FFFF == 0 || state.count == 0
    case .fixedWindow: return elapsed >= periodNanoseconds || state.count == 0
    }
  }

  /// The state under other numbers of the same algorithm: what a source has used stays used.
  public func convert(_ state: LimitState, to quota: LimitQuota) -> LimitState {
    guard algorithm == .tokenBucket || algorithm == .leakyBucket else { return state }
    guard unitsPerRequest != quota.unitsPerRequest || quota.freeUnits < freeUnits else { return state }
    var converted = state
    let owed = UInt128(state.count) * UInt128(quota.unitsPerRequest) / UInt128(unitsPerRequest)
    converted.count = UInt64(clamping: min(owed, UInt128(quota.freeUnits + quota.waitUnits)))
    return converted
  }

  private var unlimited: LimitDecision {
    LimitDecision(
      .pass, waitNanoseconds: 0, remaining: .max, resetNanoseconds: 0, average: 0, windowSeconds: windowSeconds)
  }

  // MARK: Buckets

  /// A token bucket and a leaky bucket are one machine. What a source owes grows by one request with each that passes
  /// and shrinks with time; a token bucket lets it owe `burst` before it makes anybody wait, a leaky bucket one, and
  /// it makes `burst` wait. State is a debt and not a number of tokens, so that a source never seen is zero.
  private func decideBucket(_ state: inout LimitState, now: UInt64) -> LimitDecision {
    let elapsed = now > state.since ? now - state.since : 0
    let before = owed(state, elapsed: elapsed)
    let after = before + unitsPerRequest
    if after > freeUnits {
      let over = after - freeUnits
      guard over <= waitUnits else {
        // A token bucket has a token then; a leaky one a place in the queue, which is what it promises.
        let missing = algorithm == .leakyBucket ? over - waitUnits : over
        return decision(.refuse, wait: nanoseconds(missing), owed: before)
      }
      state.count = after
      state.since = max(now, state.since)
      return decision(.wait, wait: nanoseconds(over), owed: after)
    }
    state.count = after
    state.since = max(now, state.since)
    return decision(.pass, wait: 0, owed: after)
  }

  private func owed(_ state: LimitState, elapsed: UInt64) -> UInt64 {
    let (paid, overflow) = elapsed.multipliedReportingOverflow(by: unitsPerNanosecond)
    return overflow || paid >= state.count ? 0 : state.count - paid
  }

  private func nanoseconds(_ units: UInt64) -> UInt64 {
    units / unitsPerNanosecond + (units % unitsPerNanosecond > 0 ? 1 : 0)
  }

  private func decision(_ verdict: LimitDecision.Verdict, wait: UInt64, owed: UInt64) -> LimitDecision {
    let room = algorithm == .leakyBucket ? freeUnits + waitUnits : freeUnits
    let remaining = owed < room ? (room - owed) / unitsPerRequest : 0
    return LimitDecision(
      verdict, waitNanoseconds: wait, remaining: verdict == .refuse ? 0 : remaining,
      resetNanoseconds: nanoseconds(owed), average: average, windowSeconds: windowSeconds)
  }

  // MARK: Windows

  /// The window begins with a source's first request, not with the clock's minute: otherwise all sources that were
  /// refused come back in the same moment.
  private func decideFixed(_ state: inout LimitState, now: UInt64) -> LimitDecision {
    var elapsed = now > state.since ? now - state.since : 0
    if elapsed >= periodNanoseconds || state.count == 0 {
      state.count = 0
      state.since = now
      elapsed = 0
    }
    let left = periodNanoseconds - elapsed
    guard state.count < average else {
      return LimitDecision(
        .refuse, waitNanoseconds: left, remaining: 0, resetNanoseconds: left, average: average,
        windowSeconds: windowSeconds)
    }
    state.count += 1
    return LimitDecision(
      .pass, waitNanoseconds: 0, remaining: average - state.count, resetNanoseconds: left, average: average,
      windowSeconds: windowSeconds)
  }

  /// A log of all times would be exact and cost eight bytes a request: a source could choose how much memory it
  /// takes. So there are two counts, this window's and the one's before, and the one before counts by the part of it
  /// that still lies inside the last period, rounded up. It is exact where the requests of a window came evenly; when
  /// they came in one moment the limit is too strict or too lenient by what moved inside that one window, and never
  /// lets through more than `average` in a window of its own.
  private func decideSliding(_ state: inout LimitState, now: UInt64) -> LimitDecision {
    var elapsed = now > state.since ? now - state.since : 0
    var previous = state.count >> 32
    var current = state.count & 0xFFFF_FFFF
    if state.count == 0 {
      state.since = now
      elapsed = 0
    } else if elapsed >= periodNanoseconds {
      previous = elapsed - periodNanoseconds < periodNanoseconds ? current : 0
      current = 0
      state.since = previous > 0 ? state.since + periodNanoseconds : now
      elapsed = previous > 0 ? elapsed - periodNanoseconds : 0
    }
    let left = periodNanoseconds - elapsed
    let used = current + weighted(previous, left)
    let reset = current > 0 ? left + periodNanoseconds : left
    guard used < average else {
      state.count = previous << 32 | current
      return LimitDecision(
        .refuse, waitNanoseconds: waitSliding(previous, current, left), remaining: 0, resetNanoseconds: reset,
        average: average, windowSeconds: windowSeconds)
    }
    state.count = previous << 32 | (current + 1)
    return LimitDecision(
      .pass, waitNanoseconds: 0, remaining: average - used - 1, resetNanoseconds: left + periodNanoseconds,
      average: average, windowSeconds: windowSeconds)
  }

  /// The part of `count` requests, spread evenly over a window, that fell into its last `left` nanoseconds; rounded up.
  private func weighted(_ count: UInt64, _ left: UInt64) -> UInt64 {
    guard count > 0 else { return 0 }
    // The quotient is at most `count`, since `left` is at most a period: the division cannot overflow.
    let (quotient, remainder) = periodNanoseconds.dividingFullWidth(count.multipliedFullWidth(by: left))
    return quotient + (remainder > 0 ? 1 : 0)
  }

  /// How long until one more passes, if nobody else comes.
  private func waitSliding(_ previous: UInt64, _ current: UInt64, _ left: UInt64) -> UInt64 {
    let period = UInt128(periodNanoseconds)
    // `count` of a window may weigh `room`: then this much of the period is left.
    func leftWhen(_ count: UInt64, weighs room: UInt64) -> UInt64 {
      count <= room ? periodNanoseconds : UInt64(clamping: UInt128(room) * period / UInt128(count))
    }
    if current < average { return left - min(left, leftWhen(previous, weighs: average - current - 1)) }
    return left + (periodNanoseconds - leftWhen(current, weighs: average - 1))
  }
}
