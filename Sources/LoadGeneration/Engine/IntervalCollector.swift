import Synchronization

/// Where threads hand over what they counted: sums up intervals and tells when one is whole.
///
/// Touched once an interval and thread, never for a request.
final class IntervalCollector: Sendable {
  /// What is known so far.
  struct Progress: Sendable {
    /// Intervals that every thread has handed over.
    var intervals: [LoadResult.Interval] = []
    var total: Tally
    /// The latest end of a thread, in nanoseconds after the start.
    var end: Int64 = 0
  }

  private struct State {
    var progress: Progress
    /// Tallies of intervals that some threads have not handed over yet, the oldest first.
    var open: [(tally: Tally, missing: Int)] = []
    var ready = 0
    var finished = 0
  }

  /// What the one that waits is told.
  enum Event: Sendable {
    case ready, interval, finished
  }

  private let state: Mutex<State>
  private let threads: Int
  private let interval: Int64
  private let schedule: ArrivalSchedule?
  private let blank: Tally
  private let events: AsyncStream<Event>.Continuation

  init(
    threads: Int, interval: Int64, schedule: ArrivalSchedule?, blank: Tally, events: AsyncStream<Event>.Continuation
  ) {
    self.threads = threads
    self.interval = interval
    self.schedule = schedule
    self.blank = blank
    self.events = events
    state = Mutex(State(progress: Progress(total: blank)))
  }

  /// A thread has opened its connections.
  func ready() {
    let isLast = state.withLock { state in
      state.ready += 1
      return state.ready == threads
    }
    if isLast { events.yield(.ready) }
  }

  /// A thread hands over interval `index`, each one in its order.
  func deliver(_ tally: Tally, interval index: Int) {
    let isWhole = state.withLock { state in
      let position = index - state.progress.intervals.count
      guard position >= 0 else { return false }
      while state.open.count <= position { state.open.append((blank, threads)) }
      state.open[position].tally.add(tally)
      state.open[position].missing -= 1
      return close(&state, missing: 0)
    }
    if isWhole { events.yield(.interval) }
  }

  /// A thread has ended, `end` nanoseconds after the start.
  func finish(at end: Int64) {
    let isLast = state.withLock { state in
      state.progress.end = max(state.progress.end, end)
      state.finished += 1
      guard state.finished == threads else { return false }
      _ = close(&state, missing: threads)
      return true
    }
    if isLast {
      events.yield(.finished)
      events.finish()
    }
  }

  /// What is known now.
  var progress: Progress { state.withLock { $0.progress } }

  /// Moves intervals that at most `missing` threads owe from `open` to the rows.
  private func close(_ state: inout State, missing: Int) -> Bool {
    var closed = false
    while let first = state.open.first, first.missing <= missing {
      state.open.removeFirst()
      let row = row(first.tally, index: state.progress.intervals.count)
      state.progress.intervals.append(row)
      state.progress.total.add(first.tally)
      closed = true
    }
    return closed
  }

  private func row(_ tally: Tally, index: Int) -> LoadResult.Interval {
    let seconds = Double(interval) / 1e9
    let start = Double(index) * seconds
    let wanted = schedule.map { ($0.requests(after: start + seconds) - $0.requests(after: start)) / seconds }
    return LoadResult.Interval(
      start: start, seconds: seconds, wanted: wanted, sent: tally.sent, responses: tally.responses,
      failures: tally.failed, classes: LoadResult.classes(tally.statuses), p50: tally.latency.percentile(50),
      p90: tally.latency.percentile(90), p99: tally.latency.percentile(99), p999: tally.latency.percentile(99.9),
      maximum: tally.latency.maximum)
  }
}
