import Testing

@testable import LoadGeneration

@Suite struct ArrivalScheduleTests {
  private func times(_ schedule: ArrivalSchedule, offset: Int = 0, stride: Int = 1) -> [Int64] {
    var cursor = ArrivalCursor(schedule, offset: offset, stride: stride)
    var times: [Int64] = []
    while cursor.next != .max {
      times.append(cursor.next)
      cursor.advance()
    }
    return times
  }

  @Test func aConstantRateHasEqualGapsAndExactlyItsNumberOfRequests() {
    let times = times(.constant(100, for: .seconds(2)))
    #expect(times.count == 200)
    #expect(times[0] == 0)
    #expect(times[199] == 1_990_000_000)
  }

  @Test(arguments: [(0.0, 1000.0, 3.0), (1000, 0, 3), (50, 51, 10), (5, 2000, 1), (300, 300, 0.5)])
  func aRampLeavesSoManyRequestsAsItsIntegral(_ from: Double, _ to: Double, _ seconds: Double) {
    let schedule = ArrivalSchedule([RatePhase(from: from, to: to, duration: .seconds(seconds))])
    let times = times(schedule)
    #expect(abs(Double(times.count) - (from + to) / 2 * seconds) <= 1)
    #expect(times.count == schedule.requests)
    #expect(times == times.sorted())
    for (index, time) in times.enumerated() where index % 37 == 0 {
      // The time of the n-th request, put into the integral, gives n again.
      #expect(abs(schedule.requests(after: Double(time) / 1e9) - Double(index)) < 1e-3)
    }
  }

  @Test func stepsAndPausesFollowOneAnother() {
    let schedule = ArrivalSchedule([
      RatePhase(from: 10, to: 10, duration: .seconds(1)), RatePhase(from: 0, to: 0, duration: .seconds(5)),
      RatePhase(from: 20, to: 20, duration: .seconds(1)),
    ])
    let times = times(schedule)
    #expect(times.count == 30)
    #expect(times.filter { $0 < 1_000_000_000 }.count == 10)
    #expect(!times.contains { $0 > 1_000_000_000 && $0 < 6_000_000_000 })
  }

  @Test func threadsShareAScheduleWithoutAGapOrADouble() {
    let schedule = ArrivalSchedule([RatePhase(from: 3, to: 700, duration: .seconds(2))])
    let together = (0..<3).flatMap { times(schedule, offset: $0, stride: 3) }.sorted()
    #expect(together == times(schedule))
  }

  @Test func aPoissonProcessHasItsRateItsSpreadAndItsSeed() {
    func gaps(_ seed: UInt64) -> [Double] {
      var cursor = ArrivalCursor(
        .constant(1000, for: .seconds(60)), offset: 0, stride: 1, spacing: .poisson, seed: seed)
      var gaps: [Double] = []
      var last = 0.0
      while cursor.next != .max {
        gaps.append(Double(cursor.next) / 1e9 - last)
        last = Double(cursor.next) / 1e9
        cursor.advance()
      }
      return gaps
    }
    let some = gaps(testSeed)
    let mean = some.reduce(0, +) / Double(some.count)
    let variance = some.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(some.count)
    #expect(abs(mean * 1000 - 1) < 0.03, "seed \(testSeed)")
    // Exponential gaps: the standard deviation is the mean.
    #expect(abs(variance.squareRoot() / mean - 1) < 0.05, "seed \(testSeed)")
    #expect(some == gaps(testSeed))
    #expect(some != gaps(testSeed + 1))
  }

  @Test func textsOfRatesAreRead() throws {
    #expect(try RateText.parse("500", duration: .seconds(10)).requests == 5000)
    #expect(try RateText.parse("100..300", duration: .seconds(10)).requests == 2000)
    let phases = try RateText.parse("100/10s,0..100/2s,0/1m", duration: .seconds(1))
    #expect(phases.requests == 1100)
    #expect(phases.duration == .seconds(72))
  }

  @Test(arguments: [
    ("", 0), ("fast", 0), ("-5", 0), ("10..", 4), ("100/10s,50", 10), ("100/ten", 4), ("0", 0), ("1e12", 0),
    ("5/0s", 2),
  ])
  func aWrongRateSaysWhere(_ text: String, _ offset: Int) {
    let mistake = #expect(throws: TextMistake.self) { try RateText.parse(text, duration: .seconds(1)) }
    #expect(mistake?.offset == offset)
    #expect(mistake?.description.contains("expected") == true)
  }
}
