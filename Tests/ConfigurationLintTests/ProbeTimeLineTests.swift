import Testing

@testable import ConfigurationLint

@Suite("two probes and one dead server")
struct ProbeTimeLineTests {
  /// The textbook case: liveness 10 s × 3 after a delay of 30 s, the gateway 5 s × 3, both with timeouts of 2 s.
  static let example = ProbeTimeLine(
    gateway: ProbeSchedule(interval: .seconds(5), timeout: .seconds(2), threshold: 3),
    liveness: ProbeSchedule(interval: .seconds(10), timeout: .seconds(2), threshold: 3), initialDelay: .seconds(30))

  @Test("the example of the manual") func textbook() {
    let line = Self.example
    #expect(line.removed == Span(best: .seconds(12), worst: .seconds(17)))
    #expect(line.killed == Span(best: .seconds(22), worst: .seconds(32)))
    #expect(line.stopped == Span(best: .seconds(22), worst: .seconds(62)))
    #expect(line.back == Span(best: .seconds(22), worst: .seconds(67)))
    #expect(line.hole == Span(best: .seconds(5), worst: .seconds(55)))
    #expect(line.killedWhileStarting == Span(best: .seconds(52), worst: .seconds(62)))
    #expect(line.holeWhileStarting == Span(best: .seconds(35), worst: .seconds(85)))
    #expect(!line.restartsBeforeRemoval)
  }

  @Test("a refused connection fails at once") func refused() {
    let schedule = ProbeSchedule(interval: .seconds(10), timeout: .seconds(2), threshold: 3)
    #expect(schedule.detection(of: .refuses) == Span(best: .seconds(20), worst: .seconds(30)))
    #expect(schedule.detection(of: .hangs) == Span(best: .seconds(22), worst: .seconds(32)))
  }

  @Test("a probe that takes longer than the interval sets the pace") func slow() {
    let schedule = ProbeSchedule(interval: .seconds(1), timeout: .seconds(5), threshold: 2)
    #expect(schedule.detection(of: .hangs) == Span(best: .seconds(10), worst: .seconds(11)))
  }

  /// Probes as they run, one after the other, against the sum: for every phase of the death between two probes.
  @Test("the sums are those of probes that run", arguments: 0..<2000)
  func simulated(_ number: Int) {
    var random = SeededRandom(seed: UInt64(number))
    let interval = Int.random(in: 1...60, using: &random)
    let timeout = Int.random(in: 1...90, using: &random)
    let threshold = Int.random(in: 1...9, using: &random)
    let schedule = ProbeSchedule(
      interval: .seconds(interval), timeout: .seconds(timeout), threshold: threshold)
    let expected = schedule.detection(of: .hangs)
    var isWithin = true
    for phase in 0..<interval {
      // The next probe begins `phase` after the death; one that just passed had begun an interval before it.
      var now = phase
      for failure in 1...threshold {
        let begun = now
        now += timeout
        guard failure < threshold else { break }
        // Ticks come each interval from the first; one that was missed is made up for at once.
        now = max(now, begun + interval)
      }
      isWithin = isWithin && Duration.seconds(now) >= expected.best && Duration.seconds(now) < expected.worst
    }
    #expect(isWithin)
  }

  @Test("the picture fits eighty columns and says what the sums say", arguments: 0..<300)
  func picture(_ number: Int) {
    var random = SeededRandom(seed: UInt64(number) &+ 1_000_000)
    func schedule() -> ProbeSchedule {
      ProbeSchedule(
        interval: .milliseconds(Int.random(in: 100...60_000, using: &random)),
        timeout: .milliseconds(Int.random(in: 50...30_000, using: &random)),
        threshold: .random(in: 1...12, using: &random))
    }
    let line = ProbeTimeLine(
      gateway: schedule(), rise: .random(in: 1...5, using: &random), liveness: schedule(),
      initialDelay: .seconds(Int.random(in: 0...120, using: &random)),
      terminationGrace: .seconds(Int.random(in: 0...120, using: &random)))
    let lines = TimeLinePicture(line: line).lines
    #expect(lines.allSatisfy { $0.count <= 78 }, "\(lines)")
    #expect(lines.contains { $0.hasPrefix("traffic is removed") && $0.contains(line.removed.worst.spelled) })
    #expect(line.hole.best <= line.hole.worst && line.removed.best <= line.removed.worst)
  }

  @Test("the picture of the example") func drawn() {
    let expected = """
      at worst: the server hangs just after both probes have passed
                0s        10s       20s       30s       40s       50s       60s
      gateway        x-   x-   x-R                                                 B
      liveness            x-        x-        x-K~~~~~~~~~~~~~~~~~~~~~~~~~~~~~S
      requests  !!!!!!!!!!!!!!!!!__________________________________________________+
      x probe  - waits  R removed  K SIGTERM  ~ grace  S stopped  B back
      ! requests fail  _ the server gets nothing  + served again

                                 at best      at worst
      traffic is removed         12s          17s          3 × 5s + 2s
      liveness gives up          22s          32s          3 × 10s + 2s
      the process is gone        22s          62s          + 30s grace
      traffic is back            22s + start  67s + start  + 1 × 5s
      the hole                   5s + start   55s + start  removed to back
      hangs as it starts: killed 52s          62s          + 30s delay
        the hole then            35s + start  85s + start
      """
    #expect(TimeLinePicture(line: Self.example).lines.joined(separator: "\n") == expected)
  }
}
