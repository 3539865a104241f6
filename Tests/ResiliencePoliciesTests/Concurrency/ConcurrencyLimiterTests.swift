import Testing

@testable import ResiliencePolicies

/// The limiter in front of a simulated service: `workers` requests at once, each `work` long, the rest waits in line.
@Suite struct ConcurrencyLimiterTests {
  struct Service {
    var workers: Int
    var work: UInt64
    /// When each worker is free.
    var free: [UInt64] = []

    mutating func finish(arriving now: UInt64, _ jitter: UInt64) -> UInt64 {
      if free.count != workers { free = Array(repeating: 0, count: workers) }
      var best = 0
      for index in free.indices where free[index] < free[best] { best = index }
      let begun = max(now, free[best])
      free[best] = begun + work + jitter
      return free[best]
    }
  }

  struct Run {
    var limits: [Int] = []
    var best: [UInt64] = []
    var passed = 0
    /// By second.
    var refused: [Int] = []
    /// Of the last tenth of the run.
    var lastLatencies = LatencyHistogram()
  }

  /// Offers `rate` requests a second for `seconds`; `change` may change the service on the way.
  private func run(
    _ limiter: ConcurrencyLimiter, _ service: Service, rate: Int, seconds: Int,
    _ change: (inout Service, Int) -> Void = { _, _ in }
  ) -> Run {
    var service = service
    var result = Run()
    var running: [(end: UInt64, latency: UInt64)] = []
    var state: UInt64 = 42
    let second: UInt64 = 1_000_000_000
    for index in 0..<(rate * seconds) {
      let now = second + UInt64(index) * second / UInt64(rate)
      if index % rate == 0 {
        change(&service, index / rate)
        result.refused.append(0)
        result.limits.append(limiter.limitNow)
        result.best.append(limiter.bestNanoseconds)
      }
      for done in running where done.end <= now {
        limiter.finish(latencyNanoseconds: done.latency, stripe: index, now: done.end)
      }
      running.removeAll { $0.end <= now }
      guard limiter.take() else {
        result.refused[result.refused.count - 1] += 1
        continue
      }
      result.passed += 1
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let end = service.finish(arriving: now, (state >> 33) % (service.work / 4))
      running.append((end, end - now))
      if index > rate * seconds * 9 / 10 { result.lastLatencies.add(nanoseconds: end - now) }
    }
    return result
  }

  private func limiter() -> ConcurrencyLimiter {
    ConcurrencyLimiter(initial: 20, limits: 5...1000, tolerance: 1.5, windowNanoseconds: 1_000_000_000, now: 0)
  }

  @Test("a service that is offered three times what it can do keeps its latency, and works at what it can")
  func overload() {
    // Ten workers of 10 ms: 900 a second or so.
    let limiter = limiter()
    let run = run(limiter, Service(workers: 10, work: 10_000_000), rate: 3_000, seconds: 60)
    let limit = run.limits[run.limits.count - 1]
    #expect(limit >= 9 && limit <= 40, "\(run.limits)")
    #expect(run.lastLatencies.latency(atQuantile: 99) < 45_000_000)
    // At 1.125 times the work on average, 888 a second are possible.
    #expect(run.passed > 60 * 800, "\(run.passed)")
  }

  @Test("it never pins: not even one window falls to the smallest limit while the service is well")
  func neverPins() {
    let limiter = limiter()
    let run = run(limiter, Service(workers: 50, work: 20_000_000), rate: 1_500, seconds: 120)
    // The first windows lead from the initial limit to what is asked.
    #expect(run.refused.dropFirst(5).allSatisfy { $0 == 0 }, "\(run.limits)")
    #expect((run.limits.dropFirst(5).min() ?? 0) >= 40, "\(run.limits)")
  }

  @Test("a queue that lasts is not learned as the service's best")
  func queueIsNotLearned() {
    let limiter = limiter()
    let run = run(limiter, Service(workers: 10, work: 10_000_000), rate: 2_000, seconds: 300)
    let (early, late) = (run.limits[60], run.limits[299])
    #expect(Double(late) < Double(early) * 2 + 5, "\(run.limits)")
    #expect(run.lastLatencies.latency(atQuantile: 90) < 60_000_000)
  }

  @Test("a service that became slower for good is followed, in minutes")
  func slowdown() {
    let limiter = limiter()
    // From 5 ms to 10 ms of work: at the old best the limit would stay near its smallest.
    let run = run(limiter, Service(workers: 40, work: 5_000_000), rate: 1_000, seconds: 400) { service, second in
      if second == 60 { service.work = 10_000_000 }
    }
    #expect(run.best[59] < 6_500_000)
    #expect(run.best[399] > 9_000_000, "\(run.best)")
    #expect(run.limits[399] >= 10, "\(run.limits)")
  }

  @Test("never more at once than the limit, whatever the threads")
  func exact() async {
    let limiter = ConcurrencyLimiter(initial: 7, limits: 7...7, tolerance: 1.5, windowNanoseconds: 1_000_000, now: 0)
    await withTaskGroup { group in
      for thread in 0..<8 {
        group.addTask {
          for number in 0..<5_000 {
            guard limiter.take() else { continue }
            #expect(limiter.inFlightNow <= 7)
            limiter.finish(latencyNanoseconds: 1_000, stripe: thread, now: UInt64(number) * 1_000)
          }
        }
      }
    }
    #expect(limiter.inFlightNow == 0)
    var taken = 0
    while limiter.take() { taken += 1 }
    #expect(taken == 7)
    #expect(!limiter.take(anyway: true))
    #expect(limiter.inFlightNow == 8)
  }

  @Test("half of the limit holds for one window, also where traffic stops in it")
  func lookEnds() {
    var gradient = ConcurrencyGradient(initial: 100, limits: 1...1000, tolerance: 2)
    var busy = LatencyHistogram()
    for _ in 0..<100 { busy.add(nanoseconds: 1_000_000) }
    var before = 0
    for _ in 0..<50 {
      before = gradient.current
      gradient.windowEnded(busy, inFlightMax: 1000)
      if gradient.current < before { break }
    }
    #expect(gradient.current <= before / 2 + before / 4, "it looks")
    gradient.windowEnded(LatencyHistogram(), inFlightMax: 0)
    #expect(gradient.current >= before)
  }
}
