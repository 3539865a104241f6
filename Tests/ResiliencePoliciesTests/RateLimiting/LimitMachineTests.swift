import ResiliencePolicies
import Testing

private let second: UInt64 = 1_000_000_000

/// Numbers of a limit as people write them, and odd ones.
private func quotas(_ algorithm: LimitAlgorithm, count: Int, seed: UInt64) throws -> [LimitQuota] {
  var random = SeededRandom(seed: seed)
  var quotas: [LimitQuota] = []
  while quotas.count < count {
    let average = UInt64.random(in: 1...(random.next() % 3 == 0 ? 5 : 2000), using: &random)
    let period = [second, second / 7, 60 * second, 3600 * second, UInt64.random(in: 1000...10 * second, using: &random)]
      .randomElement(using: &random) ?? second
    let burst = UInt64.random(in: 1...50, using: &random)
    quotas.append(try LimitQuota(algorithm, average: average, periodNanoseconds: period, burst: burst))
  }
  return quotas
}

/// Times of arrival around the pace of the limit: in bursts, evenly, with gaps.
private func arrivals(_ quota: LimitQuota, count: Int, _ random: inout SeededRandom) -> [UInt64] {
  var now = UInt64.random(in: 0...(1 << 50), using: &random)
  let interval = max(quota.periodNanoseconds / quota.average, 1)
  return (0..<count).map { _ in
    switch random.next() % 8 {
    case 0...2: break
    case 3...5: now += UInt64.random(in: 0...interval, using: &random)
    case 6: now += interval
    default: now += UInt64.random(in: 0...(3 * quota.periodNanoseconds), using: &random)
    }
    return now
  }
}

@Suite("limit machines")
struct LimitMachineTests {
  /// The token bucket as it is drawn in books: tokens that come, in 128-bit numbers.
  private struct Tokens {
    let quota: LimitQuota
    /// Tokens times the period.
    var tokens: Int128
    var since: UInt64

    init(_ quota: LimitQuota, now: UInt64) {
      self.quota = quota
      tokens = Int128(quota.burst) * Int128(quota.periodNanoseconds)
      since = now
    }

    /// Nanoseconds until a token is there; 0 takes it. `waitMax` is how long a taker may wait.
    mutating func take(_ now: UInt64, waitMax: Int128) -> Int128 {
      let period = Int128(quota.periodNanoseconds)
      tokens = min(Int128(quota.burst) * period, tokens + Int128(now - since) * Int128(quota.average))
      since = now
      let missing = period - tokens
      if missing <= 0 {
        tokens -= period
        return 0
      }
      let wait = (missing + Int128(quota.average) - 1) / Int128(quota.average)
      if missing <= waitMax * Int128(quota.average) { tokens -= period }
      return wait
    }
  }

  @Test("a token bucket does what the drawing says, for thousands of limits")
  func tokenBucket() throws {
    let seed = TestSeed.value
    var random = SeededRandom(seed: seed)
    for quota in try quotas(.tokenBucket, count: 2000, seed: seed) {
      var state = LimitState()
      let times = arrivals(quota, count: 60, &random)
      var model = Tokens(quota, now: times[0])
      // Half an interval, in whole units of the machine; half a second at most.
      let halfInterval = Int128(quota.periodNanoseconds) / Int128(quota.average) / 2
      let waitMax = min(halfInterval, 500_000_000)
      for now in times {
        let before = model
        let wait = model.take(now, waitMax: waitMax)
        let decision = quota.decide(&state, now: now)
        let expected: LimitDecision.Verdict = wait == 0 ? .pass : wait <= waitMax ? .wait : .refuse
        if decision.verdict != expected {
          // Where half an interval is no whole number of nanoseconds the two may differ by one of them.
          #expect(abs(wait - waitMax) <= 1, "seed \(seed): \(quota) at \(now)")
          model = before
          _ = model.take(now, waitMax: decision.verdict == .wait ? waitMax + 1 : waitMax - 1)
        } else {
          #expect(Int128(decision.waitNanoseconds) == wait, "seed \(seed): \(quota) at \(now)")
        }
      }
    }
  }

  @Test("a leaky bucket lets out one an interval, keeps its queue, and refuses the next one")
  func leakyBucket() throws {
    let seed = TestSeed.value
    var random = SeededRandom(seed: seed)
    for quota in try quotas(.leakyBucket, count: 1000, seed: seed) {
      var state = LimitState()
      var lastOut: UInt64?
      var refused = 0
      for now in arrivals(quota, count: 120, &random) {
        let decision = quota.decide(&state, now: now)
        guard decision.verdict != .refuse else {
          refused += 1
          continue
        }
        #expect(decision.verdict == (decision.waitNanoseconds == 0 ? .pass : .wait))
        let out = now + decision.waitNanoseconds
        if let lastOut {
          let gap = Int128(out - lastOut) * Int128(quota.average)
          // Departures are rounded up to whole nanoseconds, so a gap may miss one.
          #expect(gap > Int128(quota.periodNanoseconds) - Int128(quota.average), "seed \(seed): \(quota)")
        }
        lastOut = out
        let longest = UInt128(quota.burst) * UInt128(quota.periodNanoseconds) / UInt128(quota.average)
        #expect(UInt128(decision.waitNanoseconds) <= longest + 1)
      }
      #expect(refused < 120)
    }
  }

  @Test("a queue of four: one goes, four wait, the sixth is refused")
  func leakyQueue() throws {
    let quota = try LimitQuota(.leakyBucket, average: 10, periodNanoseconds: second, burst: 4)
    var state = LimitState()
    let decisions = (0..<6).map { _ in quota.decide(&state, now: 7 * second) }
    #expect(decisions.map(\.verdict) == [.pass, .wait, .wait, .wait, .wait, .refuse])
    #expect(decisions.map { $0.waitNanoseconds / 1_000_000 } == [0, 100, 200, 300, 400, 100])
    #expect(decisions.map(\.remaining) == [4, 3, 2, 1, 0, 0])
  }

  @Test("a fixed window lets through the average and begins with the first request")
  func fixedWindow() throws {
    let quota = try LimitQuota(.fixedWindow, average: 3, periodNanoseconds: second, burst: 1)
    var state = LimitState()
    let start = 5 * second / 2
    let times = [start, start + 1, start + 2, start + 3, start + second - 1, start + second, start + second + 1]
    let verdicts = times.map { quota.decide(&state, now: $0).verdict }
    #expect(verdicts == [.pass, .pass, .pass, .refuse, .refuse, .pass, .pass])
  }

  @Test("a sliding window lets through at most the average in each window, and by weight across two")
  func slidingWindow() throws {
    let seed = TestSeed.value
    var random = SeededRandom(seed: seed)
    for quota in try quotas(.slidingWindow, count: 1000, seed: seed) {
      var state = LimitState()
      var start: UInt64?
      var counts = (previous: UInt64(0), current: UInt64(0))
      for now in arrivals(quota, count: 100, &random) {
        if let began = start, counts != (0, 0) {
          let windows = (now - began) / quota.periodNanoseconds
          if windows == 1 { counts = (counts.current, 0) } else if windows > 1 { counts = (0, 0) }
          start = counts == (0, 0) ? now : began + windows * quota.periodNanoseconds
        } else {
          start = now
        }
        let left = UInt128(quota.periodNanoseconds - (now - (start ?? now)))
        let weight = UInt128(counts.previous) * left
        let passes = weight + UInt128(counts.current + 1) * UInt128(quota.periodNanoseconds)
          <= UInt128(quota.average) * UInt128(quota.periodNanoseconds)
        let verdict = quota.decide(&state, now: now).verdict
        #expect(verdict == (passes ? .pass : .refuse), "seed \(seed): \(quota) at \(now)")
        if passes { counts.current += 1 }
      }
    }
  }

  @Test(
    "who waits as long as he is told passes, and a nanosecond earlier he does not",
    arguments: LimitAlgorithm.allCases)
  func retry(_ algorithm: LimitAlgorithm) throws {
    let seed = TestSeed.value
    var random = SeededRandom(seed: seed)
    for quota in try quotas(algorithm, count: 500, seed: seed) {
      var state = LimitState()
      for now in arrivals(quota, count: 200, &random) {
        let decision = quota.decide(&state, now: now)
        guard decision.verdict == .refuse else { continue }
        #expect(decision.waitNanoseconds > 0)
        var later = state
        let after = quota.decide(&later, now: now + decision.waitNanoseconds)
        #expect(after.verdict == (algorithm == .leakyBucket ? .wait : .pass), "seed \(seed): \(quota) at \(now)")
        var earlier = state
        let before = quota.decide(&earlier, now: now + decision.waitNanoseconds - 1).verdict
        #expect(before == (algorithm == .tokenBucket ? .wait : .refuse), "seed \(seed): \(quota) at \(now)")
        break
      }
    }
  }

  @Test("a time before the last one gives nothing back", arguments: LimitAlgorithm.allCases)
  func backwards(_ algorithm: LimitAlgorithm) throws {
    let quota = try LimitQuota(algorithm, average: 2, periodNanoseconds: second, burst: 2)
    var state = LimitState()
    var through = 0
    for step in 0..<100 where quota.decide(&state, now: 100 * second - UInt64(step)).verdict != .refuse { through += 1 }
    #expect(through <= 3)
  }

  @Test("what may be forgotten decides as if never seen", arguments: LimitAlgorithm.allCases)
  func forgettable(_ algorithm: LimitAlgorithm) throws {
    let seed = TestSeed.value
    var random = SeededRandom(seed: seed)
    var seen = 0
    for quota in try quotas(algorithm, count: 300, seed: seed) {
      var state = LimitState()
      for now in arrivals(quota, count: 50, &random) {
        if quota.isForgettable(state, now: now) {
          seen += 1
          var fresh = LimitState()
          var old = state
          #expect(quota.decide(&old, now: now) == quota.decide(&fresh, now: now), "seed \(seed): \(quota) at \(now)")
        }
        _ = quota.decide(&state, now: now)
      }
    }
    #expect(seen > 500)
  }

  @Test("other numbers keep what a source has used")
  func convert() throws {
    let tight = try LimitQuota(.tokenBucket, average: 10, periodNanoseconds: second, burst: 10)
    let wide = try LimitQuota(.tokenBucket, average: 7, periodNanoseconds: 60 * second, burst: 20)
    var state = LimitState()
    for _ in 0..<8 { _ = tight.decide(&state, now: second) }
    var converted = tight.convert(state, to: wide)
    #expect(wide.decide(&converted, now: second).remaining == 11)
    var back = wide.convert(converted, to: tight)
    #expect(tight.decide(&back, now: second).remaining == 0)
  }
}
