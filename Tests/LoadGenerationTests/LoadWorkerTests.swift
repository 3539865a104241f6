import Testing

@testable import LoadGeneration

/// Notes what a worker sends, and answers when the test says so.
private final class NotingCarrier: LoadCarrier {
  var sent: [(slot: Int, request: Int)] = []
  var abandoned: [Int] = []

  func send(_ request: Int, on slot: Int) { sent.append((slot, request)) }
  func abandon(_ slot: Int) { abandoned.append(slot) }
}

@Suite struct LoadWorkerTests {
  private static let millisecond: Int64 = 1_000_000

  private func worker(_ pace: LoadPlan.Pace, slots: Int, timeout: Duration = .seconds(10)) throws -> LoadWorker {
    var plan = try LoadPlan(port: 1, pace: pace)
    plan.timeout = timeout
    return LoadWorker(plan, slots: slots, offset: 0, stride: 1)
  }

  @Test func aRequestThatHadToWaitCountsFromWhenItWasDue() throws {
    let carrier = NotingCarrier()
    let worker = try worker(.open(.constant(10, for: .seconds(1)), .even), slots: 1)
    worker.advance(to: 0, on: carrier)
    #expect(carrier.sent.count == 1)
    // The one connection is stuck for 450 ms: four more are due meanwhile, none can leave.
    worker.advance(to: 450 * Self.millisecond, on: carrier)
    #expect(carrier.sent.count == 1)
    for _ in 0..<5 {
      worker.respond(0, status: 200, watches: 0, at: 450 * Self.millisecond)
      worker.advance(to: 450 * Self.millisecond, on: carrier)
    }
    #expect(worker.tally.responses == 5)
    // Due at 0, 100, 200, 300, 400: latencies of 450 down to 50 ms. From sending, four took no time at all.
    #expect(worker.tally.latency.maximum == 450 * Self.millisecond)
    #expect(worker.tally.latency.minimum == 50 * Self.millisecond)
    #expect(abs(worker.tally.latency.mean - 250 * Double(Self.millisecond)) < 1)
    #expect(worker.tally.service.percentile(80) == 0)
  }

  @Test func whatWaitsForTheWholeTimeLimitIsNotSent() throws {
    let carrier = NotingCarrier()
    let worker = try worker(.open(.constant(100, for: .seconds(1)), .even), slots: 1, timeout: .milliseconds(200))
    worker.advance(to: 0, on: carrier)
    worker.expire(at: 500 * Self.millisecond, on: carrier)
    #expect(carrier.abandoned == [0])
    #expect(worker.tally.failures(.timeout) == 1)
    worker.advance(to: 500 * Self.millisecond, on: carrier)
    // Due at 10 to 290 ms: too late by 500 ms. The one of 300 ms left on the freed slot.
    #expect(worker.tally.failures(.notSent) == 29)
    #expect(carrier.sent.count == 2)
  }

  @Test func everyRequestIsSentOnceOrCountedWhateverTheServerDoes() throws {
    for round in 0..<200 {
      var random = SeededRandom(seed: testSeed &+ UInt64(round))
      let carrier = NotingCarrier()
      let schedule = ArrivalSchedule([
        RatePhase(
          from: Double.random(in: 0...500, using: &random), to: Double.random(in: 1...900, using: &random),
          duration: .seconds(1))
      ])
      let worker = try worker(
        .open(schedule, .even), slots: Int.random(in: 1...8, using: &random), timeout: .milliseconds(100))
      var underWay: [Int] = []
      var now: Int64 = 0
      while !worker.isDrained(at: now) || worker.busy > 0 {
        worker.advance(to: now, on: carrier)
        underWay += carrier.sent.map(\.slot)
        carrier.sent = []
        worker.expire(at: now, on: carrier)
        underWay.removeAll { carrier.abandoned.contains($0) }
        carrier.abandoned = []
        for slot in underWay where random.unit() < 0.3 {
          underWay.removeAll { $0 == slot }
          if random.unit() < 0.2 {
            worker.fail(slot, .reset, at: now)
          } else {
            worker.respond(slot, status: 200, watches: 0, at: now)
          }
        }
        now += Int64.random(in: 1...60, using: &random) * Self.millisecond
      }
      let total = worker.tally
      #expect(total.responses + total.failed == UInt64(schedule.requests), "seed \(testSeed), round \(round)")
      #expect(total.sent + total.failures(.notSent) == UInt64(schedule.requests), "seed \(testSeed), round \(round)")
    }
  }

  @Test func aClosedLoopSendsOnEachFreeSlotAndRestsAfterAFailure() throws {
    let carrier = NotingCarrier()
    let worker = try worker(.closed(.seconds(1)), slots: 3)
    worker.advance(to: 0, on: carrier)
    #expect(carrier.sent.map(\.slot) == [0, 1, 2])
    worker.respond(1, status: 200, watches: 0, at: 5)
    worker.fail(2, .refused, at: 5)
    worker.advance(to: 5, on: carrier)
    #expect(carrier.sent.map(\.slot) == [0, 1, 2, 1])
    #expect(worker.nextTime == 5 + LoadWorker.restNanoseconds)
    worker.advance(to: worker.nextTime, on: carrier)
    #expect(carrier.sent.map(\.slot) == [0, 1, 2, 1, 2])
    #expect(!worker.isDrained(at: 999 * Self.millisecond))
    #expect(worker.isDrained(at: 1000 * Self.millisecond))
    worker.advance(to: 1000 * Self.millisecond, on: carrier)
    #expect(carrier.sent.count == 5)
  }

  @Test func answersToNothingChangeNothing() throws {
    let carrier = NotingCarrier()
    let worker = try worker(.open(.constant(1, for: .seconds(2)), .even), slots: 2)
    worker.respond(0, status: 200, watches: 0, at: 5)
    worker.fail(1, .reset, at: 5)
    #expect(worker.tally.responses == 0)
    #expect(worker.tally.failed == 0)
    worker.advance(to: 5, on: carrier)
    #expect(carrier.sent.count == 1)
  }
}
