/// What every thread does whatever carries its requests: intervals, time limits, and when it is over.
///
/// The carrier asks at each turn of its loop; time is an argument in nanoseconds after the start.
struct ThreadSchedule {
  /// How often time limits are looked at.
  static let expiryNanoseconds: Int64 = 100_000_000

  private let worker: LoadWorker
  private let collector: IntervalCollector
  private let clock: RunClock
  private let interval: Int64
  private let timeout: Int64
  private var delivered = 0
  private var expiry: Int64 = 0
  /// When requests in flight are given up: set when the last one has left.
  private var patience: Int64?

  init(_ worker: LoadWorker, _ collector: IntervalCollector, _ clock: RunClock, _ plan: LoadPlan) {
    self.worker = worker
    self.collector = collector
    self.clock = clock
    interval = plan.interval.inNanoseconds
    timeout = plan.timeout.inNanoseconds
  }

  /// Does what is due at `now`. False when the thread is done and everything is handed over.
  mutating func turn(_ now: Int64, on carrier: some LoadCarrier) -> Bool {
    if clock.isStopped {
      worker.stop()
      // Who ends early does not wait for the whole time limit.
      patience = min(patience ?? .max, now + 1_000_000_000)
    }
    worker.advance(to: now, on: carrier)
    if now >= expiry {
      worker.expire(at: now, on: carrier)
      expiry = now + Self.expiryNanoseconds
    }
    while now >= Int64(delivered + 1) * interval { deliver() }
    guard worker.isDrained(at: now) else { return true }
    let end = patience ?? now + timeout + Self.expiryNanoseconds * 2
    patience = end
    guard worker.busy == 0 || now > end else { return true }
    if worker.busy > 0 { worker.giveUp(at: now) }
    deliver()
    collector.finish(at: now)
    return false
  }

  /// When `turn` has to be called next at the latest.
  func deadline(_ now: Int64) -> Int64 {
    min(worker.nextTime, expiry, Int64(delivered + 1) * interval)
  }

  private mutating func deliver() {
    collector.deliver(worker.tally, interval: delivered)
    worker.tally.reset()
    delivered += 1
  }
}
