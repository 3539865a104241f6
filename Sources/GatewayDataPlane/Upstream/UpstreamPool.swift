import DequeModule
import NIOCore

/// The connections of one shard to one server.
///
/// The problem: a new connection per request costs more than the request. The rule: idle connections are kept, the
/// last one returned is used first (so that few stay warm and the others reach their idle time), and an exchange that
/// finds none waits while one is made for it; whichever comes first, a made or a returned connection, serves
/// the one that has waited longest. Why not a pool shared by all shards: a connection lives on one loop, and a hop to
/// another costs more than a connection too many.
///
/// Bounds: `idleMax` idle connections, `openMax` open ones, `waitingMax` waiting exchanges; over the last the
/// exchange is refused with 503. Idle connections go after the idle time, which shrinks to a second below what the
/// server announced in `Keep-Alive` or was seen to keep.
final class UpstreamPool {
  unowned(unsafe) let shard: Shard
  private(set) var server: ServerPlan
  private var idle: [UpstreamConnection] = []
  private var waiting = Deque<Exchange>()
  private(set) var connecting = 0
  private(set) var open = 0
  /// Nanoseconds; what the server has shown it keeps an idle connection for.
  private(set) var learnedIdle: UInt64 = .max
  /// Until when this server is passed over because it could not be reached; and for how long next time.
  private(set) var downUntil: UInt64 = 0
  private var downFor: UInt64 = 0
  private(set) var isRetired = false

  static let waitingMax = 10_000
  private static let firstDown: UInt64 = 500_000_000
  private static let longestDown: UInt64 = 10_000_000_000

  init(shard: Shard, server: ServerPlan) {
    self.shard = shard
    self.server = server
  }

  var idleCount: Int { idle.count }
  var waitingCount: Int { waiting.count }
  var idleTime: UInt64 { min(server.transport.idleNanoseconds, learnedIdle) }

  // MARK: Asking

  func acquire(_ exchange: Exchange) {
    while let connection = idle.popLast() {
      // A connection may have died since the loop last looked; for a request that cannot be repeated it is worth
      // a system call to ask the kernel.
      if !exchange.request.method.isIdempotent && connection.peerHasClosed() {
        connection.discard()
        continue
      }
      shard.connectionReused()
      connection.leaveIdle()
      return exchange.attach(connection)
    }
    guard waiting.count < Self.waitingMax else {
      return exchange.acquireFailed(Failure(.poolExhausted, origin: .gateway, isRetrySafe: true))
    }
    waiting.append(exchange)
    if open + connecting < server.transport.openMax { connect() }
  }

  /// The exchange no longer wants a connection.
  func cancel(_ exchange: Exchange) {
    if let index = waiting.firstIndex(where: { $0 === exchange }) { waiting.remove(at: index) }
  }

  // MARK: Connections coming and going

  private func connect() {
    connecting += 1
    Connector.connect(to: server, shard: shard, pool: self)
  }

  func connected(_ connection: UpstreamConnection) {
    connecting -= 1
    open += 1
    downUntil = 0
    downFor = 0
    shard.connectionOpened()
    if waiting.isEmpty { return keep(connection) }
    waiting.removeFirst().attach(connection)
  }

  func connectFailed(_ failure: Failure) {
    connecting -= 1
    if failure.origin == .gateway { return failOldest(failure) }
    downFor = min(max(Self.firstDown, downFor * 2), Self.longestDown)
    downUntil = shard.now() &+ downFor
    failOldest(failure)
  }

  private func failOldest(_ failure: Failure) {
    guard !waiting.isEmpty else { return }
    // One attempt was made for each that waits; this one was the oldest's.
    waiting.removeFirst().acquireFailed(failure)
    if !waiting.isEmpty && connecting == 0 && open == 0 { connect() }
  }

  /// The connection's exchange is over and both sides agree that another may follow.
  func release(_ connection: UpstreamConnection) {
    if !waiting.isEmpty {
      shard.connectionReused()
      return waiting.removeFirst().attach(connection)
    }
    keep(connection)
  }

  private func keep(_ connection: UpstreamConnection) {
    guard !isRetired, idle.count < server.transport.idleMax, !shard.isDraining else { return connection.discard() }
    idle.append(connection)
    connection.becomeIdle(for: idleTime)
  }

  /// The connection is closed, from whatever state.
  func closed(_ connection: UpstreamConnection, wasIdle: Bool) {
    open -= 1
    if wasIdle, let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
    if !waiting.isEmpty && connecting < waiting.count && open + connecting < server.transport.openMax { connect() }
    shard.connectionClosed(self)
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
  }

  /// No Snapshot has this server any more: idle connections go now, busy ones when they are done.
  func retire() {
    isRetired = true
    closeIdle()
  }

  func closeIdle() {
    let connections = idle
    idle = []
    for connection in connections { connection.discard() }
  }

  var isEmpty: Bool { open == 0 && connecting == 0 && waiting.isEmpty }
}
