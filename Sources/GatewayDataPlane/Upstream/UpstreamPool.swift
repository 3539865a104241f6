import DequeModule
import NIOCore

/// The connections of one shard to one server.
///
/// The problem: a new connection per request costs more than the request. The rule for HTTP/1.1: idle connections are
/// kept, the last one returned is used first (so that few stay warm and the others reach their idle time), and an
/// exchange that finds none waits while one is made for it; whichever comes first, a made or a returned connection,
/// serves the one that has waited longest. For HTTP/2: an exchange takes a stream of the first connection that has
/// room; one connection is made at a time, for all who wait. Why not a pool shared by all shards: a connection lives on
/// one loop, and a hop to another costs more than a connection too many.
///
/// Bounds: `openMax` open connections, `waitingMax` waiting exchanges; over the last the exchange is refused with 503.
/// Idle connections go after the idle time, which shrinks to a second below what the server announced in `Keep-Alive`
/// or was seen to keep. Those beyond `idleMax` go as soon as a whole second has passed without a need for them, and not
/// at once: a loop reads from a thousand clients in one turn and writes to them in another, so under load all
/// connections are idle for a moment, and whoever closed the surplus then would make new ones for the next turn.
final class UpstreamPool {
  unowned(unsafe) let shard: Shard
  private(set) var server: ServerPlan
  /// How connections are made. What they turned out to speak is in `agreed`.
  let wire: ServerWire
  private var agreed: ServerWire
  private var idle: [UpstreamConnection] = []
  /// The fewest idle connections since the last look at them: so many have not been needed.
  private var leastIdle = 0
  private let surplusTimer = TimerNode()
  /// HTTP/2 connections that may take streams.
  private var multiplexed: [UpstreamHTTP2] = []
  /// Streams whose channels are being made.
  private var opening: [UpstreamStream] = []
  private var waiting = Deque<Exchange>()
  /// For requests that want to switch protocols, which HTTP/2 does not: HTTP/1.1 to the same server. Made when needed.
  private var switching: UpstreamPool?
  private unowned(unsafe) let parent: UpstreamPool?
  private(set) var connecting = 0
  private(set) var open = 0
  /// Nanoseconds; what the server has shown it keeps an idle connection for.
  private(set) var learnedIdle: UInt64 = .max
  /// Until when this server is passed over because it could not be reached; and for how long next time.
  private(set) var downUntil: UInt64 = 0
  private var downFor: UInt64 = 0
  private(set) var isRetired = false

  static let waitingMax = 10_000
  /// Nanoseconds between two looks at what is idle beyond `idleMax`.
  static let surplusLook: UInt64 = 1_000_000_000
  /// So many are closed in one turn of the loop at most: closing is a system call.
  private static let surplusClosedMax = 500
  private static let firstDown: UInt64 = 500_000_000
  private static let longestDown: UInt64 = 10_000_000_000

  init(shard: Shard, server: ServerPlan) {
    self.shard = shard
    self.server = server
    wire = server.wire
    agreed = wire
    parent = nil
    surplusTimer.owner = self
  }

  /// A pool beside another, for HTTP/1.1 alone.
  private init(switchingFor parent: UpstreamPool) {
    shard = parent.shard
    server = parent.server
    wire = .http1
    agreed = .http1
    self.parent = parent
    surplusTimer.owner = self
  }

  var idleCount: Int { idle.count + multiplexed.count { $0.streams == 0 } + (switching?.idleCount ?? 0) }
  var waitingCount: Int { waiting.count + (switching?.waitingCount ?? 0) }
  var idleTime: UInt64 { min(server.transport.idleNanoseconds, learnedIdle) }

  // MARK: Asking

  func acquire(_ exchange: Exchange) {
    if wire == .negotiated && exchange.outgoing.connection.upgrade { return poolForSwitching().acquire(exchange) }
    if let connection = multiplexed.first(where: { $0.hasRoom }) {
      shard.connectionReused()
      opening.append(connection.open(exchange))
      return
    }
    while let connection = idle.popLast() {
      if idle.count < leastIdle { leastIdle = idle.count }
      // A connection may have died since the loop last looked; for a request that cannot be repeated it is worth
      // a system call to ask the kernel.
      if !exchange.outgoing.method.isIdempotent && connection.peerHasClosed() {
        connection.discard()
        continue
      }
      shard.connectionReused()
      return exchange.attach(connection)
    }
    guard waiting.count < Self.waitingMax else {
      return exchange.acquireFailed(Failure(.poolExhausted, origin: .gateway, isRetrySafe: true))
    }
    waiting.append(exchange)
    connectForWaiting()
  }

  /// The exchange no longer wants a connection.
  func cancel(_ exchange: Exchange) {
    if let index = waiting.firstIndex(where: { $0 === exchange }) { waiting.remove(at: index) }
    opening.first { $0.waiting === exchange }?.forget()
    switching?.cancel(exchange)
  }

  private func poolForSwitching() -> UpstreamPool {
    if let switching { return switching }
    let made = UpstreamPool(switchingFor: self)
    switching = made
    return made
  }

  // MARK: Connections coming and going

  /// HTTP/1.1: a connection for each that waits. HTTP/2, or before it is known: one, whose streams may serve all.
  private func connectForWaiting() {
    guard !waiting.isEmpty, open + connecting < server.transport.openMax else { return }
    if agreed == .http1 ? connecting < waiting.count : connecting == 0 {
      connecting += 1
      Connector.connect(to: server, shard: shard, pool: self)
    }
  }

  func connected(_ connection: UpstreamConnection) {
    agreed = .http1
    made()
    if let exchange = waiting.popFirst() { exchange.attach(connection) } else { keep(connection) }
    // Those who waited for a connection that they could have shared.
    for _ in waiting { connectForWaiting() }
  }

  func connected(_ connection: UpstreamHTTP2) {
    agreed = .http2
    made()
    guard !(isRetired || shard.isDraining) || !waiting.isEmpty else { return connection.leave() }
    multiplexed.append(connection)
    streamFreed()
  }

  private func made() {
    connecting -= 1
    open += 1
    downUntil = 0
    downFor = 0
    shard.connectionOpened()
  }

  /// A stream's channel is there, or cannot be had.
  func opened(_ stream: UpstreamStream) {
    if let index = opening.firstIndex(where: { $0 === stream }) { opening.remove(at: index) }
  }

  /// An HTTP/2 connection can take streams (again).
  func streamFreed() {
    while !waiting.isEmpty, let connection = multiplexed.first(where: { $0.hasRoom }) {
      shard.connectionReused()
      if let exchange = waiting.popFirst() { opening.append(connection.open(exchange)) }
    }
    connectForWaiting()
  }

  func connectFailed(_ failure: Failure) {
    connecting -= 1
    if failure.origin != .gateway {
      downFor = min(max(Self.firstDown, downFor * 2), Self.longestDown)
      downUntil = shard.now() &+ downFor
    }
    if agreed == .http1 { return failOldest(failure) }
    // The attempt was for all who wait.
    let all = waiting
    waiting = []
    for exchange in all { exchange.acquireFailed(failure) }
  }

  private func failOldest(_ failure: Failure) {
    // One attempt was made for each that waits; this one was the oldest's.
    guard let oldest = waiting.popFirst() else { return }
    oldest.acquireFailed(failure)
    if connecting == 0 && open == 0 { connectForWaiting() }
  }

  /// The connection's exchange is over and both sides agree that another may follow.
  func release(_ connection: UpstreamConnection) {
    guard let exchange = waiting.popFirst() else { return keep(connection) }
    shard.connectionReused()
    exchange.attach(connection)
  }

  private func keep(_ connection: UpstreamConnection) {
    guard !isRetired, server.transport.idleMax > 0, !shard.isDraining else { return connection.discard() }
    idle.append(connection)
    connection.becomeIdle(for: idleTime)
    if idle.count > server.transport.idleMax && !surplusTimer.isArmed { lookForSurplus() }
  }

  private func lookForSurplus() {
    leastIdle = idle.count
    shard.timers.arm(surplusTimer, duration: Self.surplusLook, now: shard.coarseNow)
  }

  /// Closes what is beyond the limit and was not needed since the last look, those first that were idle the longest.
  private func closeSurplus() {
    let unneeded = min(leastIdle, idle.count) - server.transport.idleMax
    let surplus = Array(idle.prefix(min(max(0, unneeded), Self.surplusClosedMax)))
    idle.removeFirst(surplus.count)
    for connection in surplus { connection.discard() }
    if idle.count > server.transport.idleMax { lookForSurplus() }
  }

  /// The connection is closed, from whatever state.
  func closed(_ connection: UpstreamConnection, wasIdle: Bool) {
    if wasIdle, let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
    closed()
  }

  func closed(_ connection: UpstreamHTTP2) {
    left(connection)
    closed()
  }

  private func closed() {
    open -= 1
    connectForWaiting()
    shard.connectionClosed(parent ?? self)
  }

  /// The connection takes no more streams.
  func left(_ connection: UpstreamHTTP2) {
    if let index = multiplexed.firstIndex(where: { $0 === connection }) { multiplexed.remove(at: index) }
  }

  /// The server told (`Keep-Alive: timeout=n`) or showed (it closed after that long) its idle time.
  func learnIdle(_ nanoseconds: UInt64) {
    let margin: UInt64 = 1_000_000_000
    learnedIdle = min(learnedIdle, nanoseconds > 2 * margin ? nanoseconds - margin : nanoseconds / 2)
  }

  /// The server closed a connection that had been idle for so long. Under a second it is a restart or a limit on
  /// requests, and says nothing of how long the server keeps others; retries take care of it.
  func showedIdle(_ nanoseconds: UInt64) {
    if nanoseconds >= 1_000_000_000 { learnIdle(nanoseconds) }
  }

  // MARK: Configuration

  /// A new Snapshot has this server, perhaps with another transport.
  func update(_ server: ServerPlan) {
    self.server = server
    isRetired = false
    switching?.update(server)
  }

  /// No Snapshot has this server any more: idle connections go now, busy ones when they are done.
  func retire() {
    isRetired = true
    switching?.retire()
    closeIdle()
  }

  func closeIdle() {
    let connections = idle
    idle = []
    if surplusTimer.isArmed { shard.timers.disarm(surplusTimer) }
    for connection in connections { connection.discard() }
    for connection in multiplexed { connection.leave() }
    switching?.closeIdle()
  }

  var isEmpty: Bool { open == 0 && connecting == 0 && waiting.isEmpty && switching?.isEmpty != false }
}

extension UpstreamPool: TimerOwner {
  func timerFired(_ node: TimerNode) { closeSurplus() }
}
