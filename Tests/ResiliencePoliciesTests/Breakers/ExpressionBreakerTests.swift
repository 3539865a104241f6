import GatewayModel
import Testing

@testable import ResiliencePolicies

/// Traefik's breaker: what oxy's documentation and tests say of expressions, periods and the ramp.
@Suite struct ExpressionBreakerTests {
  private static let second: UInt64 = 1_000_000_000

  private func breaker(
    _ text: String, _ change: (inout CircuitBreaker) -> Void = { _ in }
  ) throws -> Breaker {
    var configuration = CircuitBreaker()
    configuration.expression = try BreakerExpression.parse(text)
    change(&configuration)
    return Breaker(BreakerSettings(configuration), now: 0)
  }

  private func answer(
    _ breaker: Breaker, _ status: UInt16, milliseconds: UInt64 = 1, times: Int = 1, at now: UInt64
  ) {
    for index in 0..<times {
      guard case .pass(let ticket) = breaker.admit(now: now) else { return }
      let result = BreakerResult(
        status >= 500 ? .failure : .success, isNetworkError: status == 502 || status == 504, status: status,
        latencyNanoseconds: milliseconds * 1_000_000)
      breaker.finish(ticket, result, stripe: index, now: now)
    }
  }

  @Test(
    "the expression is worked out from the answers",
    arguments: [
      ("NetworkErrorRatio() > 0.3", [(200, 7), (502, 3)], false),
      ("NetworkErrorRatio() > 0.3", [(200, 6), (502, 2), (504, 2)], true),
      ("NetworkErrorRatio() > 0.3", [(200, 6), (500, 4)], false),
      ("ResponseCodeRatio(500, 600, 0, 600) > 0.25", [(200, 3), (500, 1)], false),
      ("ResponseCodeRatio(500, 600, 0, 600) > 0.25", [(200, 2), (503, 1)], true),
      // The end is not included; without a divisor it is 0.
      ("ResponseCodeRatio(500, 503, 0, 600) > 0", [(503, 5)], false),
      ("ResponseCodeRatio(500, 600, 200, 300) >= 0", [(500, 5)], true),
      ("ResponseCodeRatio(500, 600, 200, 300) > 0", [(500, 5)], false),
      ("ResponseCodeRatio(404, 405, 200, 300) > 1", [(200, 1), (404, 2)], true),
      ("RequestCount() >= 5 && NetworkErrorRatio() > 0.5", [(502, 4)], false),
      ("RequestThreshold() >= 5 && NetworkErrorRatio() > 0.5", [(502, 5)], true),
      ("NetworkErrorRatio() > 0.9 || ResponseCodeRatio(400, 500, 0, 600) > 0.5", [(404, 5), (200, 1)], true),
    ] as [(String, [(UInt16, Int)], Bool)])
  func holds(_ text: String, _ answers: [(UInt16, Int)], _ opens: Bool) throws {
    let breaker = try breaker(text) { $0.checkPeriod = .milliseconds(1) }
    // The first answer asks and so does the last, which comes behind the check period.
    var now = Self.second
    let all = answers.flatMap { Array(repeating: $0.0, count: $0.1) }
    for status in all.dropLast() {
      answer(breaker, status, at: now)
      now += 10
    }
    answer(breaker, all[all.count - 1], at: now + 2_000_000)
    #expect((breaker.state == .open) == opens)
  }

  @Test("latency at a quantile, in whole milliseconds")
  func latency() throws {
    let breaker = try breaker("LatencyAtQuantileMS(50.0) > 100") { $0.minimumRequests = 10 }
    answer(breaker, 200, milliseconds: 20, times: 6, at: Self.second)
    answer(breaker, 200, milliseconds: 500, times: 5, at: Self.second + 1)
    answer(breaker, 200, milliseconds: 20, at: 2 * Self.second)
    #expect(breaker.state == .closed)
    answer(breaker, 200, milliseconds: 500, times: 3, at: 2 * Self.second)
    answer(breaker, 200, milliseconds: 500, times: 1, at: 3 * Self.second)
    #expect(breaker.state == .open)
  }

  @Test("counts leave after ten seconds, latencies after a minute")
  func window() throws {
    let ratio = try breaker("NetworkErrorRatio() > 0.5") { $0.minimumRequests = 2 }
    answer(ratio, 502, at: Self.second)
    answer(ratio, 200, times: 1, at: 10 * Self.second)
    #expect(ratio.picture(now: 10 * Self.second).counts.failures == 1)
    #expect(ratio.picture(now: 11 * Self.second).counts.failures == 0)
    #expect(ratio.picture(now: 11 * Self.second).counts.successes == 1)
    let slow = try breaker("LatencyAtQuantileMS(100) > 100") { $0.minimumRequests = 2 }
    answer(slow, 200, milliseconds: 200, at: 0)
    for time in [65, 66] { answer(slow, 200, at: UInt64(time) * Self.second) }
    #expect(slow.state == .closed)
  }

  @Test("minimumRequests holds the expression back")
  func minimum() throws {
    let breaker = try breaker("NetworkErrorRatio() > 0.5") { $0.minimumRequests = 20 }
    for index in 0..<19 { answer(breaker, 502, at: Self.second * UInt64(index) / 4 + 1) }
    #expect(breaker.state == .closed)
    answer(breaker, 502, times: 1, at: 5 * Self.second)
    #expect(breaker.state == .open)
  }

  @Test("it is looked at once a check period")
  func checkPeriod() throws {
    let breaker = try breaker("NetworkErrorRatio() > 0.5") { $0.checkPeriod = .seconds(1) }
    answer(breaker, 200, at: Self.second)
    answer(breaker, 502, times: 50, at: Self.second + 500_000_000)
    #expect(breaker.state == .closed)
    answer(breaker, 502, at: 2 * Self.second)
    #expect(breaker.state == .open)
  }

  @Test("open for fallbackDuration, then a share that grows linearly to a half, then closed")
  func ramp() throws {
    let breaker = try breaker("NetworkErrorRatio() > 0.5") {
      $0.fallbackDuration = .seconds(2)
      $0.recoveryDuration = .seconds(10)
    }
    answer(breaker, 502, at: Self.second)
    #expect(breaker.state == .open)
    guard case .refuse(.open, let wait) = breaker.admit(now: 2 * Self.second) else {
      Issue.record("an open breaker lets requests through")
      return
    }
    #expect(wait == Self.second)
    var shares: [Double] = []
    for tenth in 0..<10 {
      var passed = 0
      for request in 0..<1000 {
        let now = 3 * Self.second + 1 + UInt64(tenth) * Self.second + UInt64(request) * 1_000_000
        if case .pass(let ticket) = breaker.admit(now: now) {
          passed += 1
          breaker.finish(ticket, BreakerResult(.success), stripe: 0, now: now)
        } else {
          #expect(breaker.state == .halfOpen)
        }
      }
      shares.append(Double(passed) / 1000)
    }
    // The share of all so far is on a line from 0 to a half, so that of each second is near a line from 0 to all.
    for (tenth, share) in shares.enumerated() {
      #expect(abs(share - (Double(tenth) + 0.5) / 10) < 0.08, "second \(tenth): \(share)")
    }
    #expect(breaker.picture(now: 14 * Self.second).state == .closed)
    #expect(breaker.picture(now: 14 * Self.second).transitions == [1, 1, 1])
  }

  @Test("the expression holds again while it recovers: open again for the whole time")
  func fallsBack() throws {
    let breaker = try breaker("NetworkErrorRatio() > 0.5")
    answer(breaker, 502, at: Self.second)
    var now = 12 * Self.second
    // Late in the ramp, some pass.
    _ = breaker.admit(now: now)
    now += 8 * Self.second
    for index in 0..<20 { answer(breaker, 502, at: now + UInt64(index) * 200_000_000) }
    #expect(breaker.state == .open)
    #expect(breaker.picture(now: now).transitions == [0, 2, 1])
  }
}
