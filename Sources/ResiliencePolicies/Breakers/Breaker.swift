import Synchronization

/// A circuit breaker that all event loops share.
///
/// The problem: a breaker is asked for every request on every loop, and its state must be one state, or each loop
/// would let its own probes through. The rule: the state is one word; a closed breaker is asked by one relaxed load
/// (two with an interval), an open one by two. What changes the state (`BreakerMachine`) happens under one lock: the
/// end of an interval, a trip, every probe of a half-open breaker. So `maxRequests` is exact whatever the
/// concurrency. Results of a closed breaker are counted in stripes, one a loop, each with a lock that nobody else
/// wants but for a sum; sums are made when a failure asks for a ratio, or when the expression's period is over.
///
/// Why not one lock for all: it would be the one lock that every request of the process takes. Bound: memory is
/// stripes × (10 buckets × counters of the expression), and 20 KiB a stripe when latencies are asked for.
public final class Breaker: Sendable {
  public let settings: BreakerSettings
  private let word: Atomic<UInt64>
  private let deadline: Atomic<UInt64>
  /// When the expression is looked at next.
  private let nextCheck = Atomic<UInt64>(0)
  /// Generation × 2^24 + failures in a row.
  private let streak = Atomic<UInt64>(0)
  private let machine: Mutex<BreakerMachine>
  private let stripes: [BreakerStripe]
  private let hasInterval: Bool

  private static let streakBits: UInt64 = 24

  /// - Parameter stripes: as many as there are event loops; a loop uses its own.
  public init(_ settings: BreakerSettings, stripes: Int = 8, now: UInt64 = 0) {
    self.settings = settings
    let machine = BreakerMachine(settings.form, now: now)
    word = Atomic(machine.word)
    deadline = Atomic(machine.deadline)
    hasInterval = machine.deadline != .max
    self.machine = Mutex(machine)
    self.stripes = (0..<max(1, stripes)).map { _ in BreakerStripe(settings.program) }
  }

  /// The state as of the last change that somebody asked for.
  public var state: BreakerState { Self.state(word.load(ordering: .relaxed)) }

  private static func state(_ word: UInt64) -> BreakerState {
    BreakerState(rawValue: UInt8(truncatingIfNeeded: word & 3)) ?? .closed
  }

  // MARK: Asking

  /// Whether a request may pass. Whoever gets a ticket calls `finish` with it, once.
  ///
  /// - Parameter now: nanoseconds of a clock that only goes forward.
  public func admit(now: UInt64) -> BreakerVerdict {
    let seen = word.load(ordering: .relaxed)
    switch Self.state(seen) {
    case .closed:
      if !hasInterval || now <= deadline.load(ordering: .relaxed) { return .pass(BreakerTicket(word: seen)) }
    case .open:
      let until = deadline.load(ordering: .relaxed)
      if now <= until && until != .max { return .refuse(.open, retryAfterNanoseconds: until &- now) }
    case .halfOpen: break
    }
    return change { $0.admit(now) }
  }

  /// Runs a change of the machine and publishes what it came to.
  private func change<Value: Sendable>(_ body: (inout BreakerMachine) -> Value) -> Value {
    machine.withLock { machine in
      let value = body(&machine)
      // A reader between the two stores sees a deadline that is too late or too early for the state, goes on as of
      // the state before, or comes here.
      deadline.store(machine.deadline, ordering: .relaxed)
      word.store(machine.word, ordering: .releasing)
      return value
    }
  }

  // MARK: Telling

  /// What became of a request with `ticket`. Results of an earlier generation count nowhere.
  ///
  /// - Parameter stripe: the number of the event loop.
  public func finish(_ ticket: BreakerTicket, _ result: BreakerResult, stripe: Int, now: UInt64) {
    let seen = word.load(ordering: .relaxed)
    if Self.state(seen) != .open && now > deadline.load(ordering: .relaxed) { change { $0.settle(now) } }
    guard ticket.word == word.load(ordering: .relaxed) else { return }
    let generation = ticket.word >> 2
    guard stripes[stripe % stripes.count].record(result, generation: generation, now: now) else { return }
    switch settings.form {
    case .counts(_, _, _, let consecutive, let ratio):
      if ticket.isProbe { return change { $0.probeFinished(result.kind, generation: generation, now: now) } }
      if result.kind == .success { return endStreak(generation) }
      if result.kind == .failure, mustTrip(generation, consecutive, ratio, now) {
        change { $0.trip(generation: generation, now: now) }
      }
    case .expression(let program, let period, _, _):
      guard result.kind != .excluded, isTimeToCheck(period, now) else { return }
      let sums = sum(generation, now)
      if sums.finished >= settings.minimumRequests, program.holds(sums) {
        change { $0.trip(generation: generation, now: now) }
      }
    }
  }

  /// gobreaker asks whether it should trip when a request fails, and only then.
  private func mustTrip(_ generation: UInt64, _ consecutive: UInt64?, _ ratio: Double?, _ now: UInt64) -> Bool {
    let inARow = lengthenStreak(generation)
    if let consecutive, inARow >= consecutive { return true }
    guard let ratio else { return false }
    let sums = sum(generation, now)
    guard sums.finished >= max(1, settings.minimumRequests) else { return false }
    return Double(sums.failures) / Double(sums.finished) >= ratio
  }

  private func lengthenStreak(_ generation: UInt64) -> UInt64 {
    var seen = streak.load(ordering: .relaxed)
    while true {
      let known = seen >> Self.streakBits
      guard known <= generation else { return 0 }
      let count = known == generation ? seen & (1 << Self.streakBits - 1) : 0
      let next = generation << Self.streakBits | min(count + 1, 1 << Self.streakBits - 1)
      let (done, now) = streak.compareExchange(expected: seen, desired: next, ordering: .relaxed)
      if done { return count + 1 }
      seen = now
    }
  }

  private func endStreak(_ generation: UInt64) {
    let seen = streak.load(ordering: .relaxed)
    guard seen >> Self.streakBits == generation, seen & (1 << Self.streakBits - 1) > 0 else { return }
    // A failure that comes in between is one of a new streak, or this success came before it: either order is true.
    _ = streak.compareExchange(expected: seen, desired: generation << Self.streakBits, ordering: .relaxed)
  }

  private func isTimeToCheck(_ period: UInt64, _ now: UInt64) -> Bool {
    let due = nextCheck.load(ordering: .relaxed)
    guard now >= due else { return false }
    // One of the loops wins and looks; the others need not.
    return nextCheck.compareExchange(expected: due, desired: now &+ period, ordering: .relaxed).exchanged
  }

  private func sum(_ generation: UInt64, _ now: UInt64) -> BreakerSums {
    var sums = BreakerSums(settings.program)
    for stripe in stripes { stripe.add(to: &sums, generation: generation, now: now) }
    return sums
  }

  // MARK: Looking

  /// State and counts now. Moves on what time alone moves on, as a request would.
  public func picture(now: UInt64) -> BreakerPicture {
    let (machine, generation) = change { machine in
      machine.settle(now)
      return (machine, machine.generation)
    }
    let sums = sum(generation, now)
    var counts = BreakerCounts()
    (counts.successes, counts.failures, counts.exclusions) = (sums.successes, sums.failures, sums.exclusions)
    counts.requests = sums.finished &+ sums.exclusions
    let streak = streak.load(ordering: .relaxed)
    if streak >> Self.streakBits == generation { counts.consecutiveFailures = streak & (1 << Self.streakBits - 1) }
    if machine.state == .halfOpen {
      counts.consecutiveSuccesses = machine.succeeded
      counts.requests = max(counts.requests, machine.admitted &+ sums.exclusions)
    }
    var results = [UInt64](repeating: 0, count: BreakerResult.Kind.allCases.count)
    for stripe in stripes { stripe.addLifetime(to: &results) }
    return BreakerPicture(
      state: machine.state, generation: generation, counts: counts, transitions: machine.transitions, results: results,
      remainingNanoseconds: machine.deadline == .max ? nil : machine.deadline &- min(now, machine.deadline))
  }
}

/// The counts of one event loop.
private final class BreakerStripe: Sendable {
  private let window: Mutex<BreakerWindow>

  init(_ program: BreakerProgram?) { window = Mutex(BreakerWindow(program)) }

  func record(_ result: BreakerResult, generation: UInt64, now: UInt64) -> Bool {
    window.withLock { $0.record(result, generation: generation, now: now) }
  }

  func add(to sums: inout BreakerSums, generation: UInt64, now: UInt64) {
    window.withLock { $0.add(to: &sums, generation: generation, now: now) }
  }

  func addLifetime(to results: inout [UInt64]) {
    window.withLock { window in
      for index in results.indices { results[index] &+= window.lifetime[index] }
    }
  }
}
