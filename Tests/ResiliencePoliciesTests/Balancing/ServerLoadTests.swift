import Testing

@testable import ResiliencePolicies

@Suite struct ServerLoadTests {
  private let second: UInt64 = 1_000_000_000
  private let millisecond: UInt64 = 1_000_000

  @Test("a slow answer is believed at once, a fast one bit by bit")
  func peak() {
    var load = ServerLoad()
    load.observe(10 * millisecond, failed: false, now: second)
    load.observe(200 * millisecond, failed: false, now: 2 * second)
    #expect(load.cost(2 * second) == 200e6)
    load.observe(10 * millisecond, failed: false, now: 3 * second)
    let after = load.cost(3 * second)
    #expect(after > 150e6 && after < 200e6)
  }

  @Test("the average follows e^(-t/decay) within two percent up to one time constant")
  func decay() {
    for tenth in 0...10 {
      let time = Double(tenth) * 1e9
      var value = 1.0
      // e^-x by its own long series.
      var term = 1.0
      for n in 1..<30 {
        term *= -(time / 10e9) / Double(n)
        value += term
      }
      #expect(abs(ServerLoad.weight(time, 10e9) - value) < 0.02 * value)
    }
  }

  @Test("a failure costs at least the penalty, so that the server that refuses fastest does not look best")
  func penalty() {
    var refusing = ServerLoad()
    var serving = ServerLoad()
    refusing.observe(millisecond, failed: true, now: second)
    serving.observe(80 * millisecond, failed: false, now: second)
    #expect(refusing.cost(second) == 5e9)
    #expect(serving.cost(second) < refusing.cost(second))
    // It fades, so the server is tried again: after a hundred seconds nothing of it is left.
    #expect(refusing.cost(101 * second) < 30e6)
  }

  @Test("requests in flight multiply the cost, and an end too many does not make it negative")
  func inFlight() {
    var load = ServerLoad()
    load.observe(10 * millisecond, failed: false, now: second)
    load.begin()
    load.begin()
    #expect(load.cost(second) == 30e6)
    for _ in 0..<5 { load.end() }
    #expect(load.inFlight == 0)
    #expect(load.cost(second) == 10e6)
  }

  @Test("in ten thousand random lives the cost is positive and finite and the average within its samples")
  func bounds() {
    var random = RandomStream(seed: TestSeed.fixed)
    for _ in 0..<10_000 {
      var load = ServerLoad()
      var now: UInt64 = 0
      var most = 0.0
      for _ in 0..<20 {
        now &+= random.next() >> UInt64(random.below(60))
        let sample = random.next() >> UInt64(4 + random.below(60))
        let failed = random.below(4) == 0
        most = max(most, failed ? max(Double(sample), 5e9) : Double(sample))
        load.observe(sample, failed: failed, now: now)
        let cost = load.cost(now)
        #expect(cost.isFinite && cost >= 1000 && cost <= max(most, 1000))
      }
    }
  }

  @Test("with one server ten times slower, two choices by cost send it a small share of the requests")
  func avoidsTheSlow() {
    var random = RandomStream(seed: TestSeed.fixed)
    let times: [UInt64] = [10, 10, 100].map { $0 * 1_000_000 }
    var loads = Array(repeating: ServerLoad(), count: 3)
    var ends: [(at: UInt64, server: Int, began: UInt64)] = []
    var shares = [0, 0, 0]
    for turn in 0..<5000 {
      let now = UInt64(turn) * 2_000_000
      for end in ends where end.at <= now {
        loads[end.server].end()
        loads[end.server].observe(end.at - end.began, failed: false, now: end.at)
      }
      ends.removeAll { $0.at <= now }
      let choice =
        Balancing.twoChoices(3, random: &random, usable: { _ in true }, cost: { loads[$0].cost(now) }) ?? 0
      shares[choice] += 1
      loads[choice].begin()
      ends.append((now + times[choice], choice, now))
    }
    #expect(shares[2] < 500)
    #expect(abs(shares[0] - shares[1]) < 500)
  }
}
