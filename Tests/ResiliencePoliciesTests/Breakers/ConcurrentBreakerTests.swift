import GatewayModel
import Testing

@testable import ResiliencePolicies

/// One breaker, many threads: what is promised exactly holds exactly.
@Suite struct ConcurrentBreakerTests {
  @Test("half-open lets exactly maxRequests through, whatever the concurrency", arguments: [1, 3, 17])
  func probes(_ maxRequests: Int) async {
    var configuration = CircuitBreaker()
    configuration.maxRequests = maxRequests
    configuration.consecutiveFailures = 1
    configuration.timeout = .seconds(1)
    let breaker = Breaker(BreakerSettings(configuration), now: 0)
    for round in 0..<30 {
      let opened = UInt64(round) * 10_000_000_000
      if case .pass(let ticket) = breaker.admit(now: opened) {
        breaker.finish(ticket, BreakerResult(.failure), stripe: 0, now: opened)
      }
      #expect(breaker.state == .open)
      let now = opened + 2_000_000_000
      let taken = await withTaskGroup(of: [BreakerTicket].self) { group in
        for _ in 0..<8 {
          group.addTask {
            (0..<125).compactMap { _ in
              if case .pass(let ticket) = breaker.admit(now: now) { ticket } else { nil }
            }
          }
        }
        return await group.reduce([], +)
      }
      #expect(taken.count == maxRequests)
      // Excluded ones give their permits back, from any thread, and again exactly so many pass.
      await withTaskGroup { group in
        for (stripe, ticket) in taken.enumerated() {
          group.addTask { breaker.finish(ticket, BreakerResult(.excluded), stripe: stripe, now: now) }
        }
      }
      var again: [BreakerTicket] = []
      for _ in 0..<1000 { if case .pass(let ticket) = breaker.admit(now: now) { again.append(ticket) } }
      #expect(again.count == maxRequests)
      for ticket in again { breaker.finish(ticket, BreakerResult(.success), stripe: 0, now: now) }
      #expect(breaker.state == .closed)
    }
  }

  @Test("counts of many threads lose nothing")
  func counts() async {
    var configuration = CircuitBreaker()
    configuration.failureRatio = 1
    configuration.minimumRequests = 1_000_000_000
    let breaker = Breaker(BreakerSettings(configuration), now: 0)
    let (threads, each) = (8, 5_000)
    await withTaskGroup { group in
      for thread in 0..<threads {
        group.addTask {
          for number in 0..<each {
            guard case .pass(let ticket) = breaker.admit(now: 1) else { continue }
            let kinds: [BreakerResult.Kind] = [.success, .failure, .excluded]
            breaker.finish(ticket, BreakerResult(kinds[number % 3]), stripe: thread, now: 1)
          }
        }
      }
    }
    let counts = breaker.picture(now: 1).counts
    #expect(counts.requests == UInt64(threads * each))
    #expect(counts.successes + counts.failures + counts.exclusions == UInt64(threads * each))
    #expect(counts.exclusions == UInt64(threads) * UInt64(each / 3))
  }

  @Test("it opens once, however many threads see the last failure")
  func opensOnce() async {
    var configuration = CircuitBreaker()
    configuration.consecutiveFailures = 100
    configuration.failureRatio = 0.5
    configuration.minimumRequests = 100
    let breaker = Breaker(BreakerSettings(configuration), now: 0)
    await withTaskGroup { group in
      for thread in 0..<8 {
        group.addTask {
          for _ in 0..<500 {
            guard case .pass(let ticket) = breaker.admit(now: 1) else { continue }
            breaker.finish(ticket, BreakerResult(.failure), stripe: thread, now: 1)
          }
        }
      }
    }
    let picture = breaker.picture(now: 1)
    #expect(picture.state == .open)
    #expect(picture.transitions == [0, 1, 0])
    // None before the hundredth failure, at most what was let through and came too late after it.
    #expect(picture.results[1] >= 100 && picture.results[1] < 4_000)
  }
}
