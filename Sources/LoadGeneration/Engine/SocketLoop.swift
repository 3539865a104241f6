import CEpoll

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

// HTTP/1.1 without TLS on plain sockets: one thread, one epoll set, a few words for each connection.
//
// A generator has to cost less than what it measures and hold more connections. Through a NIO channel a connection
// costs some 5 kB and a request some 9 µs; here it is 0.3 kB, a recv, a send and a share of an epoll_wait. TLS and
// HTTP/2 go through NIO (Channels/), where the cryptography dwarfs the difference. Documentation/load.md has numbers.
//
// Everything happens on the thread that calls `run`; nothing is shared with others but the clock and the collector.

/// One connection. `generation` tells events of a closed socket from those of the one that came after it.
private struct Connection {
  enum Phase {
    case closed
    /// Connecting; the slot's request, if there is one, leaves when the socket can be written.
    case connecting
    /// Open. Whether it waits for an answer is the worker's to know.
    case open
  }

  var socket: Int32 = -1
  var generation: UInt32 = 0
  var phase = Phase.closed
  var reader = ResponseReader()
  /// What a full socket did not take of a request.
  var unsent: [UInt8] = []
}

/// Carries one thread's requests over plain sockets.
final class SocketLoop: LoadCarrier {
  private static let eventsMax = 512
  /// Connections that are being made at once before the run begins: fewer than a listener's usual queue.
  private static let openingMax = 128
  private static let readBytes = 64 * 1024

  private let plan: LoadPlan
  private let worker: LoadWorker
  private let clock: RunClock
  private let collector: IntervalCollector
  private let heads: [Bool]
  private let watching: [HeaderWatch]
  private var requests: RequestBytes
  private var connections: [Connection]
  private let poll: Int32
  private var now: Int64 = 0
  private var origin: Int64 = 0
  private var opening = 0

  /// An epoll set for one loop, which closes it. Throws when the system gives none.
  static func makePoll() throws(LoadFailure) -> Int32 {
    let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw LoadFailure("no epoll set: \(String(cString: strerror(errno)))") }
    return poll
  }

  init(
    _ plan: LoadPlan, connections count: Int, thread: Int, poll: Int32, clock: RunClock, collector: IntervalCollector
  ) {
    self.plan = plan
    self.clock = clock
    self.collector = collector
    worker = LoadWorker(plan, slots: count, offset: thread, stride: plan.threads)
    heads = plan.mix.requests.map(\.isHead)
    watching = plan.watches
    requests = RequestBytes(plan, thread: thread, threads: plan.threads)
    connections = [Connection](repeating: Connection(), count: count)
    self.poll = poll
  }

  deinit {
    for connection in connections where connection.socket >= 0 { Glibc.close(connection.socket) }
    Glibc.close(poll)
  }

  private var keepsAlive: Bool { plan.carried == .http1(keepAlive: true) }

  /// Opens connections, waits for the begin, sends, and returns when everything is handed over.
  func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 16)
    let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Self.eventsMax)
    defer {
      buffer.deallocate()
      events.deallocate()
    }
    _ = sluice_set_timer_slack(1)
    prepare(events, buffer)
    var schedule = ThreadSchedule(worker, collector, clock, plan)
    now = RunClock.monotonic() - origin
    while schedule.turn(now, on: self) {
      let wait = max(0, schedule.deadline(now) - now)
      turn(events, buffer, wait: min(wait, 100_000_000))
    }
  }

  /// Opens all connections, a few at a time, then waits for the begin.
  private func prepare(
    _ events: UnsafeMutableBufferPointer<epoll_event>, _ buffer: UnsafeMutableRawBufferPointer
  ) {
    if keepsAlive {
      var next = 0
      let end = RunClock.monotonic() + plan.timeout.inNanoseconds
      while (next < connections.count || opening > 0), !clock.isStopped, RunClock.monotonic() < end {
        while next < connections.count, opening < Self.openingMax {
          open(next)
          next += 1
        }
        turn(events, buffer, wait: 10_000_000)
      }
    }
    collector.ready()
    while clock.origin == nil { turn(events, buffer, wait: 500_000) }
    origin = clock.origin ?? RunClock.monotonic()
    worker.tally.connections = UInt64(connections.count { $0.phase == .open })
  }

  private func turn(
    _ events: UnsafeMutableBufferPointer<epoll_event>, _ buffer: UnsafeMutableRawBufferPointer, wait: Int64
  ) {
    var time = timespec(tv_sec: Int(wait / 1_000_000_000), tv_nsec: Int(wait % 1_000_000_000))
    let count = epoll_pwait2(poll, events.baseAddress, Int32(events.count), &time, nil)
    now = RunClock.monotonic() - origin
    guard count > 0 else { return }
    for index in 0..<Int(count) {
      let event = events[index]
      let slot = Int(UInt32(truncatingIfNeeded: event.data.u64))
      guard connections[slot].generation == UInt32(truncatingIfNeeded: event.data.u64 >> 32) else { continue }
      handle(slot, event.events, buffer)
    }
  }

  private func handle(_ slot: Int, _ events: UInt32, _ buffer: UnsafeMutableRawBufferPointer) {
    switch connections[slot].phase {
    case .closed: break
    case .connecting: connected(slot)
    case .open:
      if events & EPOLLOUT.rawValue != 0, !connections[slot].unsent.isEmpty { flush(slot) }
      if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue) != 0 {
        receive(slot, buffer)
      }
    }
  }

  // MARK: Connections

  private func open(_ slot: Int) {
    let socket = socket(
      plan.address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else {
      worker.fail(slot, .connect, at: now)
      return
    }
    var one: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    let result = plan.address.withAddress { connect(socket, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      let kind: FailureKind = errno == ECONNREFUSED ? .refused : .connect
      Glibc.close(socket)
      worker.fail(slot, kind, at: now)
      return
    }
    connections[slot].socket = socket
    connections[slot].generation &+= 1
    connections[slot].phase = .connecting
    connections[slot].reader.reset()
    opening += 1
    interest(slot, EPOLLOUT.rawValue, add: true)
  }

  private func connected(_ slot: Int) {
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(connections[slot].socket, SOL_SOCKET, SO_ERROR, &error, &length)
    guard error == 0 else {
      close(slot)
      worker.fail(slot, error == ECONNREFUSED ? .refused : error == ECONNRESET ? .reset : .connect, at: now)
      return
    }
    opening -= 1
    connections[slot].phase = .open
    worker.tally.connections &+= 1
    interest(slot, EPOLLIN.rawValue | EPOLLRDHUP.rawValue, add: false)
    if let request = worker.request(on: slot) { write(request, on: slot) }
  }

  private func close(_ slot: Int) {
    guard connections[slot].socket >= 0 else { return }
    if connections[slot].phase == .connecting { opening -= 1 }
    Glibc.close(connections[slot].socket)
    connections[slot].socket = -1
    connections[slot].generation &+= 1
    connections[slot].phase = .closed
    connections[slot].unsent = []
  }

  private func interest(_ slot: Int, _ events: UInt32, add: Bool) {
    var event = epoll_event()
    event.events = events
    event.data.u64 = UInt64(connections[slot].generation) << 32 | UInt64(slot)
    epoll_ctl(poll, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connections[slot].socket, &event)
  }

  // MARK: Requests

  func send(_ request: Int, on slot: Int) {
    switch connections[slot].phase {
    case .closed: open(slot)
    case .connecting: break
    case .open: write(request, on: slot)
    }
  }

  func abandon(_ slot: Int) { close(slot) }

  private func write(_ request: Int, on slot: Int) {
    let socket = connections[slot].socket
    var unsent: [UInt8] = []
    let (sent, error, size) = requests.with(request) { bytes in
      let sent = Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      let error = errno
      if sent < bytes.count, sent >= 0 || error == EAGAIN { unsent = Array(bytes[max(sent, 0)...]) }
      return (sent, error, bytes.count)
    }
    guard sent >= 0 || error == EAGAIN else {
      broken(slot, error)
      return
    }
    worker.tally.bytesSent &+= UInt64(size)
    guard !unsent.isEmpty else { return }
    connections[slot].unsent = unsent
    interest(slot, EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLOUT.rawValue, add: false)
  }

  private func flush(_ slot: Int) {
    let socket = connections[slot].socket
    let sent = connections[slot].unsent.withUnsafeBytes {
      Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if sent < 0 {
      if errno != EAGAIN { broken(slot, errno) }
      return
    }
    connections[slot].unsent.removeFirst(sent)
    if connections[slot].unsent.isEmpty {
      connections[slot].unsent = []
      interest(slot, EPOLLIN.rawValue | EPOLLRDHUP.rawValue, add: false)
    }
  }

  private func broken(_ slot: Int, _ error: Int32) {
    close(slot)
    worker.fail(slot, error == ECONNRESET || error == EPIPE ? .reset : .connect, at: now)
  }

  private func receive(_ slot: Int, _ buffer: UnsafeMutableRawBufferPointer) {
    while connections[slot].phase == .open {
      let count = recv(connections[slot].socket, buffer.baseAddress, buffer.count, 0)
      if count < 0 {
        if errno == EINTR { continue }
        if errno != EAGAIN { broken(slot, errno) }
        return
      }
      guard count > 0 else {
        ended(slot)
        return
      }
      now = RunClock.monotonic() - origin
      worker.tally.bytesReceived &+= UInt64(count)
      take(slot, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      // A read that did not fill the buffer has emptied the socket: another one would only say so.
      if count < buffer.count { return }
    }
  }

  private func take(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
    guard let request = worker.request(on: slot) else {
      // Bytes that nobody asked for: the next answer could not be told from them.
      close(slot)
      return
    }
    switch connections[slot].reader.read(bytes, bodyless: heads[request], watching: watching) {
    case .more: break
    case .whole(let reusable): finish(slot, reusable: reusable)
    case .malformed:
      close(slot)
      worker.fail(slot, .malformed, at: now)
    }
  }

  private func finish(_ slot: Int, reusable: Bool) {
    let reader = connections[slot].reader
    // A request that is not sent to its end was answered early: what is left of it would be taken for the next one.
    if reusable, keepsAlive, connections[slot].unsent.isEmpty {
      connections[slot].reader.reset()
    } else {
      close(slot)
    }
    worker.respond(slot, status: reader.status, watches: reader.watches, at: now)
  }

  private func ended(_ slot: Int) {
    if worker.request(on: slot) != nil, connections[slot].reader.end() {
      finish(slot, reusable: false)
    } else {
      close(slot)
      worker.fail(slot, .closed, at: now)
    }
  }
}
