import Testing

@testable import ResiliencePolicies

@Suite struct OutlierTests {
  private static let second: UInt64 = 1_000_000_000

  private static func watch(
    _ count: Int, _ change: (inout OutlierSettings) -> Void = { _ in }
  ) -> (watch: OutlierWatch, statuses: [ServerStatus]) {
    var settings = OutlierSettings()
    change(&settings)
    let statuses = (0..<count).map { _ in ServerStatus() }
    return (OutlierWatch(settings, statuses: statuses), statuses)
  }

  /// What a row of answers (+ and -) of member 0 leads to, a letter for each.
  private static func row(_ answers: String, _ count: Int = 2, _ change: (inout OutlierSettings) -> Void = { _ in })
    -> String
  {
    let (watch, _) = watch(count, change)
    var said = ""
    for (turn, answer) in answers.enumerated() {
      var letter: Character = "."
      watch.record(0, failed: answer == "-", now: UInt64(turn + 1) * 1000) { _, verdict in
        letter = verdict == .ejected ? "E" : verdict == .ceiling ? "C" : "W"
      }
      said.append(letter)
    }
    return said
  }

  @Test("five failures in a row eject, a success in between starts anew")
  func consecutive() {
    #expect(Self.row("----") == "....")
    #expect(Self.row("-----") == "....E")
    #expect(Self.row("----+-----") == ".........E")
    #expect(Self.row("-----", 1) == "....C")
    #expect(Self.row("-----") { $0.shadow = true } == "....W")
    #expect(Self.row("----------") { $0.consecutiveErrors = 0 } == "..........")
  }

  @Test("each ejection is longer than the one before, up to the longest, and a quiet interval takes a step back")
  func growing() {
    let (watch, statuses) = Self.watch(2) {
      $0.consecutiveErrors = 1
      $0.interval = 0
    }
    var now = Self.second
    for ejection in 1...20 {
      watch.record(0, failed: true, now: now) { _, _ in }
      let length = UInt64(min(ejection * 30, 300)) * Self.second
      #expect(!statuses[0].isUsable(now + length - 1))
      #expect(statuses[0].isUsable(now + length))
      now += length
    }
    var detector = OutlierDetector(OutlierSettings(), count: 2)
    #expect(detector.failed(0, inARow: 5, now: 0) == .ejected)
    #expect(detector.sweep([(10, 0), (10, 0)], now: 40 * Self.second).isEmpty)
    #expect(detector.failed(0, inARow: 5, now: 50 * Self.second) == .ejected)
    #expect(detector.ejectedUntil(0) == 80 * Self.second)
  }

  @Test("an error rate far above that of the peers ejects; one that all share does not; too few requests say nothing",
    arguments: [
      ([(200, 80), (200, 0), (200, 2)], [0]), ([(200, 80), (200, 80), (200, 90)], []), ([(99, 99), (500, 0)], []),
      ([(200, 40), (50, 0), (49, 0)], []), ([(200, 39), (200, 0)], []), ([(200, 40), (200, 0)], [0]),
      ([(200, 200), (200, 200), (200, 0), (200, 0)], [0, 1]),
    ])
  func rates(counts: [(UInt64, UInt64)], wanted: [Int]) {
    var detector = OutlierDetector(OutlierSettings(), count: counts.count)
    let found = detector.sweep(counts.map { (requests: $0.0, failures: $0.1) }, now: Self.second)
    #expect(found.filter { $0.1 == .ejected }.map(\.member) == wanted)
  }

  @Test("the rates are compared by whoever answers first after an interval, once")
  func sweeps() {
    let (watch, statuses) = Self.watch(2)
    var found = 0
    for turn in 0..<400 {
      watch.record(turn % 2, failed: turn % 4 == 0, now: Self.second) { _, _ in found += 1 }
    }
    #expect(found == 0)
    watch.record(1, failed: false, now: 12 * Self.second) { _, _ in found += 1 }
    #expect(found == 1)
    #expect(!statuses[0].isUsable(12 * Self.second) && statuses[1].isUsable(12 * Self.second))
  }

  @Test("whatever happens no more than half are out, in two thousand random lives")
  func ceiling() {
    for round in 0..<2000 {
      var random = RandomStream(seed: TestSeed.fixed &+ UInt64(round))
      let count = 1 + random.below(9)
      let (watch, statuses) = Self.watch(count) {
        $0.consecutiveErrors = 1 + round % 4
        $0.minimumRequests = 5
        $0.interval = Self.second
      }
      var now = Self.second
      for _ in 0..<200 {
        now += random.next() >> 34
        watch.record(random.below(count), failed: random.below(4) != 0, now: now) { _, _ in }
        let out = statuses.count { !$0.isUsable(now) }
        #expect(out * 2 <= count)
        #expect(out == watch.ejectedCount(now))
      }
    }
  }

  @Test("with a window only failures inside it count, as Traefik's passiveHealthCheck has it")
  func window() {
    func ejected(_ gap: UInt64, failures: Int) -> Bool {
      let (watch, statuses) = Self.watch(1) {
        $0.consecutiveErrors = 3
        $0.window = 10 * Self.second
        $0.maxEjectedPercent = 100
        $0.baseEjection = 10 * Self.second
        $0.maxEjection = 10 * Self.second
        $0.interval = 0
      }
      var now: UInt64 = Self.second
      for _ in 0..<failures {
        watch.record(0, failed: true, now: now) { _, _ in }
        now += gap
      }
      return !statuses[0].isUsable(now)
    }
    #expect(ejected(Self.second, failures: 3))
    #expect(!ejected(Self.second, failures: 2))
    #expect(!ejected(6 * Self.second, failures: 9))
  }

  @Test("probes and ejections hold a server back each for its own reason")
  func reasons() {
    let status = ServerStatus()
    status.eject(until: 100)
    #expect(!status.isUsable(99) && status.isUsable(100))
    status.probed(isUp: false)
    #expect(!status.isUsable(1000))
    status.probed(isUp: true)
    #expect(!status.isUsable(99) && status.isUsable(100))
    status.eject(until: .max)
    #expect(!status.isUsable(1000))
    status.probed(isUp: true)
    #expect(status.isUsable(0))
  }

  @Test("who is out stays out over a reload, and counts for the ceiling of the servers that come")
  func adopted() {
    let (first, statuses) = Self.watch(4) { $0.consecutiveErrors = 1 }
    var verdicts: [OutlierVerdict] = []
    for member in 0..<3 {
      first.record(member, failed: true, now: Self.second) { _, verdict in verdicts.append(verdict) }
    }
    #expect(verdicts == [.ejected, .ejected, .ceiling])
    // Another server, and another order.
    let later = [statuses[3], ServerStatus(), statuses[1], statuses[0], statuses[2]]
    let second = OutlierWatch(first.settings, statuses: later, after: first)
    verdicts = []
    for member in [0, 1] {
      second.record(member, failed: true, now: Self.second + 1) { _, verdict in verdicts.append(verdict) }
    }
    #expect(verdicts == [.ceiling, .ceiling])
  }
}
