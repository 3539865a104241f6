import GatewayModel
import NIOCore
import ResiliencePolicies

/// One event loop's private world: its Snapshot, pools, timers, counters and stores of used-again objects.
///
/// A connection lives and dies on its loop, and so does everything it touches, which is why nothing here has a lock
/// and nothing is `Sendable`: the compiler keeps it home. Other threads reach a shard only through `loop.execute`
/// (see `DataPlane`), and read its counters through the relaxed atomics of `Observability`.
final class Shard {
  let index: Int
  let loop: any EventLoop
  let timers: TimerQueues
  private(set) var installed: InstalledSnapshot
  let observation: ShardObservation
  let names: NameLookups
  let responseLimits: WireLimits
  private(set) var date = DateField()
  private(set) var isDraining = false

  private var pools: [UpstreamPool?] = []
  /// How busy servers are, by their ids, like the pools.
  private var loads: [ServerLoad] = []
  /// For balancers that choose by chance.
  var random = RandomStream(seed: UInt64.random(in: 0...UInt64.max))
  private var exchanges: [Exchange] = []
  private var buffers: [ByteBuffer] = []
  var listeners: [any Channel] = []
  /// Copies of requests that are under way.
  let mirrors = MirrorTable()
  private var drained: EventLoopPromise<Int>?
  private let drainTimer = TimerNode()
  /// When this loop last turned, for those who ask whether it hangs.
  let pulse = ShardPulse()
  private let pulseTimer = TimerNode()
  private static let pulseNanoseconds: UInt64 = 1_000_000_000
  private let logTimer = TimerNode()
  private static let logFlushNanoseconds: UInt64 = 1_000_000_000
  private var cutConnections = 0
  /// Client connections by identity, for the drain.
  private var connections: [ObjectIdentifier: any Drainable] = [:]
  /// The time of the last look at the clock; exact enough for timeouts.
  private(set) var coarseNow: UInt64

  private var requestIDs: UInt64

  private static let exchangesKept = 256
  private static let buffersKept = 8
  private static let bufferBytesKept = 64 * 1024

  init(
    index: Int, loop: any EventLoop, snapshot: Snapshot, observation: ShardObservation,
    names: NameLookups = NameLookups()
  ) {
    self.names = names
    self.index = index
    self.loop = loop
    self.observation = observation
    timers = TimerQueues(loop: loop)
    responseLimits = WireLimits(headBytesMax: 64 * 1024, fieldsMax: 256)
    coarseNow = NIODeadline.now().uptimeNanoseconds
    requestIDs = UInt64.random(in: 0...UInt64.max)
    installed = InstalledSnapshot(snapshot: snapshot, shardIndex: index)
    date.update(now: coarseNow, wall: WallClock.seconds)
    growPools(snapshot)
    pulseTimer.owner = self
    beat(coarseNow)
    if observation.accessLog != nil {
      logTimer.owner = self
      timers.arm(logTimer, duration: Self.logFlushNanoseconds, now: coarseNow)
    }
  }

  /// A walk that is still scheduled must not look for nodes that have gone with the shard.
  deinit { timers.stop() }

  /// Nanoseconds of the loop's clock, now.
  func now() -> UInt64 {
    coarseNow = NIODeadline.now().uptimeNanoseconds
    date.update(now: coarseNow, wall: WallClock.seconds)
    return coarseNow
  }

  private func beat(_ now: UInt64) {
    pulse.beat(now)
    timers.arm(pulseTimer, duration: Self.pulseNanoseconds, now: now)
  }

  // MARK: Snapshots

  /// Swaps the Snapshot. Running exchanges keep theirs; pools of servers that are the same keep their connections.
  func install(_ snapshot: Snapshot) {
    installed = InstalledSnapshot(snapshot: snapshot, shardIndex: index)
    growPools(snapshot)
    var isNamed = [Bool](repeating: false, count: pools.count)
    for server in snapshot.servers {
      isNamed[server.id] = true
      guard let pool = pools[server.id] else { continue }
      if pool.server.life == server.life {
        pool.update(server)
      } else {
        // The place of a server that is no more; what is in flight to it still ends.
        loads[server.id].forget()
        pools[server.id] = nil
        pool.retire()
      }
    }
    for id in pools.indices where !isNamed[id] {
      // The number may be another server's next; what is in flight still ends.
      loads[id].forget()
      guard let pool = pools[id] else { continue }
      pool.retire()
      if pool.isEmpty { pools[id] = nil }
    }
  }

  private func growPools(_ snapshot: Snapshot) {
    let highest = snapshot.servers.reduce(-1) { max($0, $1.id) }
    if highest >= pools.count { pools.append(contentsOf: repeatElement(nil, count: highest + 1 - pools.count)) }
    if highest >= loads.count {
      loads.append(contentsOf: repeatElement(ServerLoad(), count: highest + 1 - loads.count))
    }
  }

  func load(of server: ServerPlan) -> ServerLoad { loads[server.id] }

  func changeLoad(of server: ServerPlan, _ body: (inout ServerLoad) -> Void) { body(&loads[server.id]) }

  func pool(for server: ServerPlan) -> UpstreamPool {
    let known = pools[server.id]
    if let known, known.server.life == server.life { return known }
    // An exchange of an old Snapshot may name a server whose pool is gone; it gets a new one, and where another server
    // has the place by now, one that keeps nothing.
    let pool = UpstreamPool(shard: self, server: server)
    if known == nil { pools[server.id] = pool } else { pool.retire() }
    return pool
  }

  func isDown(_ server: ServerPlan) -> Bool {
    guard let pool = pools[server.id] else { return false }
    return pool.downUntil > coarseNow
  }

  func connectionClosed(_ pool: UpstreamPool) {
    // A retired pool's last connection takes the pool with it.
    if pool.isEmpty && pool.isRetired && pools[pool.server.id] === pool { pools[pool.server.id] = nil }
  }

  /// A number that no other request of this process has, nor one that a restart would repeat soon. Steps by an odd
  /// constant, so that ids do not tell how many requests there were.
  func nextRequestID() -> UInt64 {
    requestIDs &+= 0x9E37_79B9_7F4A_7C15
    return requestIDs
  }

  // MARK: Stores

  func takeExchange() -> Exchange {
    exchanges.popLast() ?? Exchange(shard: self)
  }

  /// Takes an exchange back; nobody may hold on to it but by `Resumption`.
  func store(_ exchange: Exchange) {
    exchange.clear()
    if exchanges.count < Self.exchangesKept { exchanges.append(exchange) }
  }

  /// A buffer to fill, write and give back within one turn of the loop.
  func takeBuffer() -> ByteBuffer {
    if var buffer = buffers.popLast() {
      // If the channel still holds the bytes this allocates anew, and otherwise not: copy-on-write is the check.
      buffer.clear()
      return buffer
    }
    return ByteBufferAllocator().buffer(capacity: 4096)
  }

  func giveBuffer(_ buffer: ByteBuffer) {
    if buffers.count < Self.buffersKept && buffer.capacity <= Self.bufferBytesKept { buffers.append(buffer) }
  }

  func buffer(_ bytes: [UInt8]) -> ByteBuffer {
    ByteBuffer(bytes: bytes)
  }

  // MARK: Connections and drain

  func register(_ connection: any Drainable) {
    connections[ObjectIdentifier(connection)] = connection
    if isDraining { connection.drain() }
  }

  func unregister(_ connection: any Drainable) {
    connections[ObjectIdentifier(connection)] = nil
    if connections.isEmpty { endDrain() }
  }

  var connectionCount: Int { connections.count }

  /// Idle connections close now, busy ones after their response; at the deadline whatever is left. The future gives the
  /// number of those.
  func drain(deadline: UInt64) -> EventLoopFuture<Int> {
    isDraining = true
    let promise = drained ?? loop.makePromise(of: Int.self)
    drained = promise
    for connection in Array(connections.values) { connection.drain() }
    for pool in pools { pool?.closeIdle() }
    if connections.isEmpty { endDrain() } else { armDrain(deadline) }
    return promise.futureResult
  }

  private func armDrain(_ deadline: UInt64) {
    drainTimer.owner = self
    timers.arm(drainTimer, duration: max(deadline, 1), now: now())
  }

  private func endDrain() {
    guard let promise = drained else { return }
    drained = nil
    timers.disarm(drainTimer)
    timers.disarm(pulseTimer)
    mirrors.giveUpAll()
    observation.accessLog?.flush()
    timers.stop()
    promise.succeed(cutConnections)
  }
}

extension Shard: TimerOwner {
  /// The drain's deadline passed, and what is left is closed; or buffered log lines have waited long enough.
  func timerFired(_ node: TimerNode) {
    if node === pulseTimer { return beat(now()) }
    if node === logTimer {
      observation.accessLog?.flush()
      timers.arm(logTimer, duration: Self.logFlushNanoseconds, now: now())
      return
    }
    cutConnections = connections.count
    for connection in Array(connections.values) { connection.closeNow() }
    for pool in pools { pool?.closeIdle() }
    endDrain()
  }
}

/// A client connection, seen by the drain.
protocol Drainable: AnyObject {
  /// Close when idle; take no further request.
  func drain()
  /// Close whatever is running.
  func closeNow()
}
