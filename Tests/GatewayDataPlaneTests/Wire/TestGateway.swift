import GatewayModel
import NIOCore
import NIOPosix
import Observability
import Testing

@testable import GatewayDataPlane

/// Every suite that blocks in sockets, one test after the other: Swift's pool has as many threads as there are cores,
/// and two tests that block at once could leave none for the tasks that one of them waits for.
@Suite(.serialized) enum OverSockets {}

/// A shard with one entry point in front of servers of the test, on a free port.
///
/// It is made of the same parts as `DataPlane`, but gives the test a way to the shard, so that what is left behind can
/// be counted: connections, pools, timers.
final class TestGateway: Sendable {
  let port: UInt16
  private let group: MultiThreadedEventLoopGroup
  private let shard: NIOLoopBound<Shard>
  private let entryPoint: EntryPoint
  let ledger: Ledger

  static func start(
    _ servers: [String], transport: ServersTransport = ServersTransport(), streamsOfLifeMax: Int = 1 << 28,
    middlewares: [any GatewayDataPlane.Middleware] = [], configure: (inout EntryPoint) -> Void = { _ in }
  ) async throws -> TestGateway {
    var entryPoint = EntryPoint()
    entryPoint.address = ListenAddress(host: "127.0.0.1", port: 0)
    configure(&entryPoint)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let snapshot = snapshot(1, servers, transport, entryPoint, middlewares, streamsOfLifeMax)
    let source = SeriesSource(metrics: GatewayMetrics(version: "test"), ledger: Ledger())
    let shard = try await loop.submit {
      let observation = ShardObservation(source, accessLog: nil, failureLog: NoFailureLog())
      return NIOLoopBound(Shard(index: 0, loop: loop, snapshot: snapshot, observation: observation), eventLoop: loop)
    }.get()
    let configuration = entryPoint
    let channel = try await loop.flatSubmit {
      Listener.bind(shard.value, entryPoint: 0, configuration: configuration, port: 0)
    }.get()
    return TestGateway(
      group: group, shard: shard, entryPoint: entryPoint, ledger: source.ledger,
      port: UInt16(channel.localAddress?.port ?? 0))
  }

  private init(
    group: MultiThreadedEventLoopGroup, shard: NIOLoopBound<Shard>, entryPoint: EntryPoint, ledger: Ledger, port: UInt16
  ) {
    self.ledger = ledger
    self.group = group
    self.shard = shard
    self.entryPoint = entryPoint
    self.port = port
  }

  static func snapshot(
    _ generation: UInt64, _ urls: [String], _ transport: ServersTransport, _ entryPoint: EntryPoint,
    _ middlewares: [any GatewayDataPlane.Middleware] = [], _ streamsOfLifeMax: Int = 1 << 28
  ) -> Snapshot {
    let servers = urls.enumerated().map {
      ServerPlan.at($1, id: $0, transport: transport, streamsOfLifeMax: streamsOfLifeMax)
    }
    let service = ServicePlan(
      name: "service", kind: .loadBalancer(servers.map { .init(server: $0, weight: 1) }), cursor: 0, sticky: nil,
      series: nil, failures: nil, retries: nil)
    let router = RouterPlan(
      name: "router", middlewares: middlewares, service: service, series: nil, ledgerOwner: 0)
    guard case .success(let rule) = Rule.parse("PathPrefix(`/`) && !PathPrefix(`/nowhere`)") else {
      preconditionFailure("the rule is one")
    }
    let routes = RouteSet(table: RouteTable([Route(rule: rule, priority: 1, order: 0)]), routes: [router])
    let plan = EntryPointPlan(
      name: "web", index: 0, plain: routes, secure: routes, configuration: entryPoint, tls: nil, ledgerOwner: 0,
      series: nil, openConnections: nil)
    return Snapshot(
      generation: generation, entryPoints: [plan], servers: servers,
      cursorCount: ServicePlan.cursorsNeeded(servers.count))
  }

  /// Runs `body` on the shard's loop.
  func onShard<Value: Sendable>(_ body: @escaping @Sendable (Shard) -> Value) async throws -> Value {
    let shard = shard
    return try await shard.eventLoop.submit { body(shard.value) }.get()
  }

  func install(_ generation: UInt64, _ servers: [UInt16], transport: ServersTransport = ServersTransport()) async throws
  {
    let snapshot = Self.snapshot(generation, Self.urls(servers), transport, entryPoint)
    try await onShard { $0.install(snapshot) }
  }

  /// Finishes what runs; gives the number of connections that had to be cut.
  func drain(milliseconds: UInt64) async throws -> Int { try await drained(milliseconds: milliseconds).get() }

  /// The same, begun at once and waited for later.
  func drained(milliseconds: UInt64) -> EventLoopFuture<Int> {
    let shard = shard
    return shard.eventLoop.flatSubmit { shard.value.drain(deadline: milliseconds * 1_000_000) }
  }

  struct Left: Equatable, Sendable {
    var clients = 0
    var open = 0
    var connecting = 0
    var waiting = 0
    /// Entries of the ledger, idle connections to servers not counted.
    var ledger = 0
  }

  /// What the shard still holds, idle connections to servers not counted.
  func left() async throws -> Left {
    let ledger = ledger
    return try await onShard { shard in
      var left = Left()
      left.ledger = ledger.snapshot().count
      left.clients = shard.connectionCount
      for server in shard.installed.snapshot.servers {
        let pool = shard.pool(for: server)
        left.open += pool.open - pool.idleCount
        left.ledger -= pool.idleCount
        left.connecting += pool.connecting
        left.waiting += pool.waitingCount
      }
      return left
    }
  }

  /// Keeps the shard's loop from turning until `release` is announced; returns when it stands.
  ///
  /// What happens on several sockets meanwhile it then sees in one turn, in the order in which it happened.
  func hold(until release: Signal) -> Bool {
    let stands = Signal()
    shard.eventLoop.execute {
      stands.announce()
      _ = release.wait()
    }
    return stands.wait()
  }

  /// Looks until nothing is left or patience ends, and gives what it saw last.
  func settled(_ wanted: Left = Left(), tries: Int = 3_000) async throws -> Left {
    var seen = try await left()
    for _ in 0..<tries where seen != wanted {
      // Ten milliseconds of the loop's own clock: the loop has something to do in between, which is what is waited for.
      try await shard.eventLoop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
      seen = try await left()
    }
    return seen
  }

  /// Looks until something is so on the shard or patience ends; false then.
  func until(tries: Int = 3_000, _ isSo: @escaping @Sendable (Shard) -> Bool) async throws -> Bool {
    for _ in 0..<tries {
      if try await onShard(isSo) { return true }
      try await shard.eventLoop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
    }
    return false
  }

  /// Waits until `value` has stayed the same for a fifth of a second, or for ten seconds.
  func untilStill(_ value: () -> Int) async throws {
    var (last, same) = (value(), 0)
    for _ in 0..<200 where same < 4 {
      try await shard.eventLoop.scheduleTask(in: .milliseconds(50)) {}.futureResult.get()
      let now = value()
      same = now == last ? same + 1 : 0
      last = now
    }
  }

  func stop() async {
    _ = try? await drain(milliseconds: 50)
    try? await group.shutdownGracefully()
  }

  private static func urls(_ ports: [UInt16]) -> [String] { ports.map { "http://127.0.0.1:\($0)" } }

  /// Before HTTP/1.1 servers on these ports: starts, runs `body`, stops, whatever happens in between.
  static func with(
    _ servers: [UInt16], transport: ServersTransport = ServersTransport(),
    middlewares: [any GatewayDataPlane.Middleware] = [], configure: (inout EntryPoint) -> Void = { _ in },
    _ body: (TestGateway) async throws -> Void
  ) async throws {
    try await with(
      urls(servers), transport: transport, middlewares: middlewares, configure: configure, body)
  }

  static func with(
    _ servers: [String], transport: ServersTransport = ServersTransport(), streamsOfLifeMax: Int = 1 << 28,
    middlewares: [any GatewayDataPlane.Middleware] = [], configure: (inout EntryPoint) -> Void = { _ in },
    _ body: (TestGateway) async throws -> Void
  ) async throws {
    let gateway = try await start(
      servers, transport: transport, streamsOfLifeMax: streamsOfLifeMax, middlewares: middlewares, configure: configure)
    do {
      try await body(gateway)
    } catch {
      await gateway.stop()
      throw error
    }
    await gateway.stop()
  }
}

/// The tests look at what the client saw, not at what the operator is told.
final class NoFailureLog: FailureLog {
  func clientRefused(entryPoint: String, reason: String, detail: String) {}
  func upstreamFailed(_ exchange: Exchange, _ failure: Failure) {}
  func handshakeFailed(entryPoint: String, detail: String) {}
  func serverStoodOut(service: String, server: String, verdict: String) {}
}

struct NoHealthLog: HealthLog {
  func serverChanged(url: String, services: [String], isUp: Bool, reason: String) {}
}
