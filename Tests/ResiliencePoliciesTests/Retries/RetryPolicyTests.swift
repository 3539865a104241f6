import Testing

@testable import ResiliencePolicies

@Suite struct RetryBudgetTests {
  private static let second: UInt64 = 1_000_000_000

  @Test(
    "whatever breaks, over a while no more than the share and the floor are tried again",
    arguments: [10, 200, 5_000])
  func share(_ requestsPerSecond: Int) {
    let budget = RetryBudget(ratio: 0.2, floor: 3, now: 0)
    var tries = 0
    let seconds = 60
    for index in 0..<(requestsPerSecond * seconds) {
      let now = UInt64(index) * Self.second / UInt64(requestsPerSecond)
      budget.requestBegan(now: now)
      // Every request fails three times.
      for _ in 0..<3 where budget.take(now: now) { tries += 1 }
    }
    let most = Double(requestsPerSecond * seconds) * 0.2 + 3 * Double(seconds + 1) + 1
    #expect(Double(tries) <= most)
    #expect(Double(tries) >= most * 0.9)
  }

  @Test("the floor is there without requests, and is not saved up")
  func floor() {
    let budget = RetryBudget(ratio: 0.2, floor: 3, now: 0)
    func takeAll(_ now: UInt64) -> Int {
      var count = 0
      while budget.take(now: now) { count += 1 }
      return count
    }
    #expect(takeAll(1) == 3)
    #expect(takeAll(2) == 0)
    #expect(takeAll(Self.second + 1) == 3)
    #expect(takeAll(100 * Self.second) == 3)
  }

  @Test("deposits of a quiet hour are not there at once")
  func ages() {
    let budget = RetryBudget(ratio: 0.2, floor: 0, now: 0)
    for index in 0..<360_000 { budget.requestBegan(now: UInt64(index) * Self.second / 100) }
    // 100 a second bring 20 tries a second; ten seconds' worth is kept.
    let kept = budget.available(now: 3_600 * Self.second)
    #expect(kept > 150 && kept <= 205, "\(kept)")
    #expect(budget.available(now: 3_700 * Self.second) <= 1)
  }

  @Test("many threads take no more than there is")
  func threads() async {
    let budget = RetryBudget(ratio: 1, floor: 0, now: 0)
    for _ in 0..<1_000 { budget.requestBegan(now: 0) }
    let taken = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var count = 0
          for _ in 0..<500 where budget.take(now: 0) { count += 1 }
          return count
        }
      }
      return await group.reduce(0, +)
    }
    #expect(taken == 1_000)
  }
}

@Suite struct BackoffTests {
  @Test("the series grows to twice its beginning, and each pause is drawn from the whole of it")
  func series() {
    let backoff = Backoff(initialNanoseconds: 100_000_000, attempts: 4)
    for (tries, most) in [(1, 100_000_000.0), (2, 125_992_105), (3, 158_740_105), (9, 158_740_105)] {
      let pauses = Set((0..<1000).map { backoff.pause(after: tries, random: UInt64($0) &* 0x9E37_79B9_7F4A_7C15) })
      #expect(pauses.count == 16)
      #expect(Double(pauses.max() ?? 0) <= most && Double(pauses.max() ?? 0) > most * 0.999)
      #expect(Double(pauses.min() ?? 0) <= most / 15)
    }
  }

  @Test("no interval, no pause", arguments: [1, 2, 5])
  func none(_ attempts: Int) {
    #expect(Backoff(initialNanoseconds: 0, attempts: attempts).pause(after: 1, random: 7) == 0)
    #expect(Backoff(initialNanoseconds: 5, attempts: 0).pause(after: 1, random: 7) == 0)
  }
}

@Suite struct HedgeDelayTests {
  @Test("the delay is the percentile of what was observed, and nothing until enough was")
  func percentile() {
    let delay = HedgeDelay(percentile: 90, fixedNanoseconds: 0)
    for index in 0..<49 { delay.observed(1_000_000, stripe: index, now: UInt64(index) * 100_000_000) }
    #expect(delay.nanoseconds == 0)
    for index in 0..<1000 {
      let now = 6_000_000_000 + UInt64(index) * 2_000_000
      delay.observed(index % 10 < 8 ? 1_000_000 : 80_000_000, stripe: index, now: now)
    }
    delay.observed(1_000_000, stripe: 0, now: 9_000_000_000)
    #expect(delay.nanoseconds >= 80_000_000 && delay.nanoseconds < 90_000_000, "\(delay.nanoseconds)")
    // A minute later nothing of it is true.
    delay.observed(1_000_000, stripe: 0, now: 70_000_000_000)
    #expect(delay.nanoseconds == 0)
  }

  @Test("a fixed delay is what it is")
  func fixed() {
    let delay = HedgeDelay(percentile: 90, fixedNanoseconds: 123)
    delay.observed(5, stripe: 0, now: 1)
    #expect(delay.nanoseconds == 123)
  }

  @Test("rounding makes few different delays, never a shorter one")
  func rounding() {
    var seen: Set<UInt64> = []
    for value in stride(from: UInt64(1_000_000), to: 2_000_000, by: 997) {
      let rounded = HedgeDelay.rounded(value)
      #expect(rounded >= value && Double(rounded) <= Double(value) * 1.07)
      seen.insert(rounded)
    }
    #expect(seen.count <= 20)
  }
}
