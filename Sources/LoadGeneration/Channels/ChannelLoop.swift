import NIOCore
import NIOPosix

/// Carries one thread's requests through NIO channels: what TLS and HTTP/2 need.
///
/// Lives on one event loop, which its turns are scheduled on: at the time the next request is due, but not
/// closer together than `turnMin`.
final class ChannelLoop: LoadCarrier {
  /// Between two turns: what comes due in between leaves together.
  private static let turnMin = TimeAmount.microseconds(50)
  /// Connections that are made at once before the run begins.
  private static let openingMax = 64

  let plan: LoadPlan
  let worker: LoadWorker
  let dial: ChannelDial
  let loop: any EventLoop
  let heads: [Bool]
  let watching: [HeaderWatch]
  private let clock: RunClock
  private let collector: IntervalCollector
  private let streams: Int
  private var schedule: ThreadSchedule
  private var lines: [any ChannelLine] = []
  /// Lines that have something to flush, each once.
  private var unflushed: [any ChannelLine] = []
  private var origin: Int64 = 0
  private var nextLine = 0
  private var opening = 0
  private var isRunning = false
  private var isDone = false

  init(
    _ plan: LoadPlan, thread: Int, loop: any EventLoop, dial: ChannelDial, clock: RunClock, collector: IntervalCollector
  ) {
    self.plan = plan
    self.loop = loop
    self.dial = dial
    self.clock = clock
    self.collector = collector
    let count = plan.share(of: thread)
    if case .http2(let streams) = plan.carried { self.streams = streams } else { streams = 1 }
    worker = LoadWorker(plan, slots: count * streams, offset: thread, stride: plan.threads)
    schedule = ThreadSchedule(worker, collector, clock, plan)
    heads = plan.mix.requests.map(\.isHead)
    watching = plan.watches
    let share = ThreadShare(thread: thread, threads: plan.threads)
    for index in 0..<count {
      switch plan.carried {
      case .http1(let keepAlive): lines.append(HTTP1Line(self, slot: index, keepsAlive: keepAlive, share))
      case .http2: lines.append(HTTP2Line(self, slots: (index * streams)..<((index + 1) * streams), share))
      }
    }
  }

  /// Nanoseconds after the start.
  var now: Int64 { RunClock.monotonic() - origin }

  /// Opens connections, a few at a time, and then waits for the begin.
  func prepare() {
    guard plan.carried != .http1(keepAlive: false) else {
      ready()
      return
    }
    openMore()
  }

  private func openMore() {
    while nextLine < lines.count, opening < Self.openingMax {
      opening += 1
      nextLine += 1
      lines[nextLine - 1].open()
    }
    if opening == 0, nextLine == lines.count { ready() }
  }

  /// A connection is open or has failed.
  func settled() {
    guard !isRunning, opening > 0 else { return }
    opening -= 1
    openMore()
  }

  private func ready() {
    guard !isRunning else { return }
    isRunning = true
    collector.ready()
    waitForBegin()
  }

  private func waitForBegin() {
    if let begin = clock.origin {
      origin = begin
      worker.tally.connections = UInt64(lines.count { $0.isOpen })
      turn()
    } else {
      later(.milliseconds(1)) { $0.waitForBegin() }
    }
  }

  private func later(_ delay: TimeAmount, _ body: @escaping @Sendable (ChannelLoop) -> Void) {
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: delay) { body(bound.value) }
  }

  private func turn() {
    guard !isDone else { return }
    let time = now
    let goesOn = schedule.turn(time, on: self)
    flush()
    guard goesOn else {
      isDone = true
      for line in lines { line.close() }
      lines = []
      unflushed = []
      return
    }
    let wait = TimeAmount.nanoseconds(schedule.deadline(time) - now)
    later(max(wait, Self.turnMin)) { $0.turn() }
  }

  /// Slots are free again: sends what waits for one.
  func advance() {
    guard origin != 0, !isDone else { return }
    worker.advance(to: now, on: self)
    flush()
  }

  private func flush() {
    guard !unflushed.isEmpty else { return }
    let lines = unflushed
    unflushed.removeAll(keepingCapacity: true)
    for line in lines { line.flush() }
  }

  /// A line has written something.
  func needsFlush(_ line: any ChannelLine) { unflushed.append(line) }

  func send(_ request: Int, on slot: Int) { lines[slot / streams].send(request, on: slot) }

  func abandon(_ slot: Int) { lines[slot / streams].abandon(slot) }

  /// Connects; the channel is handed to `initializer` first. Failures are told on this loop.
  func connect(
    _ initializer: @escaping (any Channel) throws -> Void, failed: @escaping (any Error) -> Void
  ) {
    let boundInitializer = NIOLoopBound(initializer, eventLoop: loop)
    let boundFailed = NIOLoopBound(failed, eventLoop: loop)
    dial.bootstrap(loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try boundInitializer.value(channel) }
      }
      .connect(to: dial.address)
      .whenFailure { boundFailed.value($0) }
  }
}

/// Which thread of how many something belongs to.
struct ThreadShare {
  var thread: Int
  var threads: Int
}
