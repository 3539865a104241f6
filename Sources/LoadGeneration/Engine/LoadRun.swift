import Foundation

/// Ends a run early: in time for a report of what there is.
public final class LoadStop: Sendable {
  let clock = RunClock()

  public init() {}

  /// No more requests leave; answers have a second to come.
  public func stop() { clock.stop() }
}

/// One run of a plan.
public enum LoadRun {
  /// Runs a plan to its end, or until `stop`; `progress` is called once an interval.
  ///
  /// Throws when it cannot begin: too few descriptors, too many fields that are expected, a certificate file that
  /// cannot be read, a step of `before` that fails. A target that answers nothing is no failure of the run: it is what
  /// the run reports.
  public static func run(
    _ plan: LoadPlan, stop: LoadStop = LoadStop(), progress: (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadResult {
    try Descriptors.provide(plan.connections)
    guard plan.watches.count <= LoadPlan.watchesMax else {
      throw LoadFailure(
        "\(plan.watches.count) different fields of answers to look for, expected at most \(LoadPlan.watchesMax)")
    }
    var plan = plan
    plan.threads = min(plan.threads, plan.connections)
    let carriers = try ChannelCarriers(plan)
    do {
      if !plan.mix.before.isEmpty { try await carriers.prepare(&plan) }
      let result = try await measure(plan, stop.clock, carriers, progress)
      await carriers.shutDown()
      return result
    } catch {
      await carriers.shutDown()
      throw error
    }
  }

  private static func measure(
    _ plan: LoadPlan, _ clock: RunClock, _ carriers: ChannelCarriers, _ progress: (LoadProgress) -> Void
  ) async throws -> LoadResult {
    let (events, continuation) = AsyncStream.makeStream(of: IntervalCollector.Event.self)
    var schedule: ArrivalSchedule?
    if case .open(let given, _) = plan.pace { schedule = given }
    let blank = Tally(watches: plan.watches.count, requests: plan.mix.requests.count)
    let collector = IntervalCollector(
      threads: plan.threads, interval: plan.interval.inNanoseconds, schedule: schedule, blank: blank,
      events: continuation)
    if !plan.target.isSecure, case .http1 = plan.carried {
      try startSockets(plan, clock, collector)
    } else {
      try carriers.start(plan, clock, collector)
    }
    for await event in events {
      switch event {
      case .ready: clock.begin()
      case .interval:
        let known = collector.progress
        guard let latest = known.intervals.last else { continue }
        let seconds = latest.start + latest.seconds
        progress(
          LoadProgress(
            seconds: seconds, planned: plan.pace.duration.inSeconds, latest: latest,
            soFar: result(plan, known, seconds: seconds, clock)))
      case .finished: break
      }
    }
    let known = collector.progress
    var result = result(plan, known, seconds: Double(known.end) / 1e9, clock)
    result.verdicts = plan.expectations.map { $0.judge(result) }
    return result
  }

  private static func result(
    _ plan: LoadPlan, _ known: IntervalCollector.Progress, seconds: Double, _ clock: RunClock
  ) -> LoadResult {
    LoadResult(
      settings: plan.settings, seconds: seconds,
      intervals: known.intervals, interrupted: clock.isStopped, total: known.total, watches: plan.watches)
  }

  private static func startSockets(
    _ plan: LoadPlan, _ clock: RunClock, _ collector: IntervalCollector
  ) throws(LoadFailure) {
    for thread in 0..<plan.threads {
      let poll = try SocketLoop.makePoll()
      let share = plan.share(of: thread)
      Thread {
        SocketLoop(plan, connections: share, thread: thread, poll: poll, clock: clock, collector: collector).run()
      }.start()
    }
  }
}

extension LoadPlan {
  /// How many of all connections a thread has.
  func share(of thread: Int) -> Int { connections / threads + (thread < connections % threads ? 1 : 0) }
}

/// Descriptors of this process.
enum Descriptors {
  /// What the process needs beside connections: files, epoll sets, the terminal.
  private static let spare = 64

  /// Raises the soft limit as far as the hard one allows; throws when that is too few.
  static func provide(_ connections: Int) throws(LoadFailure) {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard var raised = try raised(limit, for: connections) else { return }
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
  }

  /// The limit that `connections` need, as far as the hard one allows: nil when the present one is enough.
  ///
  /// The present limit is an argument, since machines allow anything from a thousand to no end.
  static func raised(_ limit: rlimit, for connections: Int) throws(LoadFailure) -> rlimit? {
    let wanted = rlim_t(connections + spare)
    guard limit.rlim_cur < wanted else { return nil }
    guard limit.rlim_max >= wanted else {
      throw LoadFailure(
        "\(connections) connections need \(wanted) descriptors, and this process may have \(limit.rlim_max) "
          + "(ulimit -Hn); expected at most \(Int(limit.rlim_max) - spare) connections")
    }
    return rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
  }
}
