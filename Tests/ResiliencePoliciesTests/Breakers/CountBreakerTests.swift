import GatewayModel
import Testing

@testable import ResiliencePolicies

/// The published rules of sony/gobreaker (README and v2/gobreaker_test.go), as a table of steps.
///
/// One difference on purpose: in a closed state we count a request when it has finished, gobreaker when it begins. In a
/// sequence, which is what the rules and this table are about, the numbers are the same.
@Suite struct CountBreakerTests {
  /// What a test does, and what must be true afterwards.
  enum Step: Sendable {
    /// So many requests that end at once.
    case succeed(Int)
    case fail(Int)
    case exclude(Int)
    /// A request is refused.
    case refused
    case pass(milliseconds: UInt64)
    case expect(BreakerState, requests: UInt64, successes: UInt64 = 0, failures: UInt64 = 0, excluded: UInt64 = 0,
      successesInARow: UInt64 = 0, failuresInARow: UInt64 = 0)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var change: @Sendable (inout CircuitBreaker) -> Void = { _ in }
    var steps: [Step]
    var testDescription: String { name }
  }

  private static let custom: @Sendable (inout CircuitBreaker) -> Void = {
    $0.maxRequests = 3
    $0.interval = .seconds(30)
    $0.timeout = .seconds(90)
    $0.failureRatio = 0.6
    $0.minimumRequests = 3
  }

  static let cases: [Case] = [
    Case(
      name: "five failures are not more than five; a success ends the row; six open it",
      steps: [
        .fail(5), .expect(.closed, requests: 5, failures: 5, failuresInARow: 5),
        .succeed(1), .expect(.closed, requests: 6, successes: 1, failures: 5),
        .fail(1), .expect(.closed, requests: 7, successes: 1, failures: 6, failuresInARow: 1),
        .fail(5), .expect(.open, requests: 0), .refused, .expect(.open, requests: 0),
      ]),
    Case(
      name: "open until the timeout of 60 s, then half-open; a failure opens it for another 60 s",
      steps: [
        .fail(6), .pass(milliseconds: 59_999), .refused, .expect(.open, requests: 0),
        .pass(milliseconds: 1_001), .expect(.halfOpen, requests: 0),
        .fail(1), .expect(.open, requests: 0), .refused, .pass(milliseconds: 59_999), .refused,
        .pass(milliseconds: 2), .expect(.halfOpen, requests: 0), .succeed(1), .expect(.closed, requests: 0),
      ]),
    Case(
      name: "successes, failures and exclusions are counted; the interval clears them", change: custom,
      steps: [
        .succeed(1), .fail(1), .exclude(1), .succeed(1), .fail(1), .exclude(1), .succeed(1), .fail(1), .exclude(1),
        .succeed(1), .fail(1), .exclude(1), .succeed(1), .fail(1), .exclude(1),
        .expect(.closed, requests: 15, successes: 5, failures: 5, excluded: 5, failuresInARow: 1),
        .pass(milliseconds: 29_999), .succeed(1),
        .expect(.closed, requests: 16, successes: 6, failures: 5, excluded: 5),
        .pass(milliseconds: 1_000), .fail(1), .expect(.closed, requests: 1, failures: 1, failuresInARow: 1),
        .succeed(1), .fail(1), .expect(.open, requests: 0),
      ]),
    Case(
      name: "half-open: exclusions are neutral, however many", change: custom,
      steps: [
        .fail(3), .expect(.open, requests: 0), .pass(milliseconds: 90_001), .exclude(4),
        .expect(.halfOpen, requests: 4, excluded: 4), .fail(1), .expect(.open, requests: 0),
      ]),
    Case(
      name: "half-open: maxRequests successes in a row close it", change: custom,
      steps: [
        .fail(3), .pass(milliseconds: 90_001), .succeed(2),
        .expect(.halfOpen, requests: 2, successes: 2, successesInARow: 2), .succeed(1), .expect(.closed, requests: 0),
      ]),
    Case(
      name: "half-open: one failure after successes opens it", change: custom,
      steps: [.fail(3), .pass(milliseconds: 90_001), .succeed(2), .fail(1), .expect(.open, requests: 0), .refused]),
    Case(
      name: "a ratio below minimumRequests does not open it", change: custom,
      steps: [.fail(2), .expect(.closed, requests: 2, failures: 2, failuresInARow: 2), .succeed(1), .fail(1),
        .expect(.open, requests: 0)]),
    Case(
      name: "a ratio is looked at when a request fails, and only then", change: custom,
      steps: [.fail(2), .succeed(1), .expect(.closed, requests: 3, successes: 1, failures: 2)]),
    Case(
      name: "without an interval counts are never cleared", change: { $0.interval = .zero },
      steps: [
        .fail(5), .pass(milliseconds: 1_000_000_000), .expect(.closed, requests: 5, failures: 5, failuresInARow: 5)]),
    Case(
      name: "zero for maxRequests and timeout is one request and 60 s",
      change: {
        $0.maxRequests = 0
        $0.timeout = .zero
      },
      steps: [.fail(6), .pass(milliseconds: 59_999), .refused, .pass(milliseconds: 2), .succeed(1),
        .expect(.closed, requests: 0)]),
    Case(
      name: "consecutiveFailures and failureRatio together: either opens it",
      change: {
        $0.consecutiveFailures = 3
        $0.failureRatio = 0.5
        $0.minimumRequests = 100
      },
      steps: [.fail(2), .succeed(1), .fail(3), .expect(.open, requests: 0)]),
  ]

  @Test("gobreaker's transitions", arguments: cases)
  func transitions(_ test: Case) {
    var configuration = CircuitBreaker()
    test.change(&configuration)
    let breaker = Breaker(BreakerSettings(configuration), now: 0)
    var now: UInt64 = 1_000_000
    for (index, step) in test.steps.enumerated() {
      let place = "step \(index): \(step)"
      switch step {
      case .succeed(let count): for _ in 0..<count { run(breaker, .success, now, place) }
      case .fail(let count): for _ in 0..<count { run(breaker, .failure, now, place) }
      case .exclude(let count): for _ in 0..<count { run(breaker, .excluded, now, place) }
      case .refused:
        if case .pass = breaker.admit(now: now) { Issue.record("passed at \(place)") }
      case .pass(let milliseconds): now += milliseconds * 1_000_000
      case .expect(let state, let requests, let successes, let failures, let excluded, let inARow, let failuresInARow):
        let picture = breaker.picture(now: now)
        var counts = BreakerCounts()
        counts.requests = requests
        counts.successes = successes
        counts.failures = failures
        counts.exclusions = excluded
        counts.consecutiveFailures = failuresInARow
        counts.consecutiveSuccesses = inARow
        #expect(picture.state == state, "\(place)")
        #expect(picture.counts == counts, "\(place)")
      }
    }
  }

  private func run(_ breaker: Breaker, _ kind: BreakerResult.Kind, _ now: UInt64, _ place: String) {
    guard case .pass(let ticket) = breaker.admit(now: now) else {
      Issue.record("refused at \(place)")
      return
    }
    breaker.finish(ticket, BreakerResult(kind), stripe: 0, now: now)
  }

  @Test("results of an earlier generation never count", arguments: [BreakerResult.Kind.success, .failure, .excluded])
  func lateResults(_ kind: BreakerResult.Kind) {
    var configuration = CircuitBreaker()
    configuration.consecutiveFailures = 2
    configuration.timeout = .seconds(1)
    configuration.maxRequests = 2
    let breaker = Breaker(BreakerSettings(configuration), now: 0)
    var late: [BreakerTicket] = []
    for _ in 0..<20 { if case .pass(let ticket) = breaker.admit(now: 1) { late.append(ticket) } }
    breaker.finish(late.removeLast(), BreakerResult(.failure), stripe: 0, now: 1)
    breaker.finish(late.removeLast(), BreakerResult(.failure), stripe: 1, now: 1)
    #expect(breaker.state == .open)
    breaker.finish(late.removeLast(), BreakerResult(kind), stripe: 0, now: 2)
    #expect(breaker.picture(now: 3).counts == BreakerCounts())
    // Half-open: two permits, which late results neither use nor give back.
    let now: UInt64 = 2_000_000_000
    guard case .pass(let first) = breaker.admit(now: now), case .pass(let second) = breaker.admit(now: now) else {
      Issue.record("no probe")
      return
    }
    for ticket in late { breaker.finish(ticket, BreakerResult(kind), stripe: 0, now: now) }
    #expect(breaker.admit(now: now) == .refuse(.halfOpen, retryAfterNanoseconds: 0))
    #expect(breaker.state == .halfOpen)
    breaker.finish(first, BreakerResult(.success), stripe: 0, now: now)
    #expect(breaker.state == .halfOpen)
    breaker.finish(second, BreakerResult(.success), stripe: 0, now: now)
    #expect(breaker.state == .closed)
    // And a probe that comes twice, or late, counts nothing.
    breaker.finish(first, BreakerResult(.failure), stripe: 0, now: now)
    #expect(breaker.picture(now: now).counts == BreakerCounts())
  }

  @Test("an open breaker says how long it stays so")
  func retryAfter() {
    let breaker = Breaker(BreakerSettings(CircuitBreaker()), now: 0)
    for _ in 0..<6 { run(breaker, .failure, 1000, "") }
    #expect(breaker.admit(now: 1000) == .refuse(.open, retryAfterNanoseconds: 60_000_000_000))
    #expect(breaker.admit(now: 59_000_001_000) == .refuse(.open, retryAfterNanoseconds: 1_000_000_000))
  }

  @Test("transitions and results are counted since the start")
  func totals() {
    let breaker = Breaker(BreakerSettings(CircuitBreaker()), now: 0)
    for _ in 0..<6 { run(breaker, .failure, 1, "") }
    let now: UInt64 = 61_000_000_000
    run(breaker, .success, now, "")
    run(breaker, .success, now, "")
    let picture = breaker.picture(now: now)
    #expect(picture.transitions == [1, 1, 1])
    #expect(picture.results == [2, 6, 0])
  }
}
