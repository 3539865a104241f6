import GatewayModel
import NIOCore
import NIOPosix
import Observability

@testable import GatewayDataPlane

/// A gateway on a free port whose one router has the middlewares of the test in front of one server.
enum ChainGateway {
  /// A service of one server; `id` numbers the server and its cursor.
  static func service(_ port: UInt16, id: Int) -> (plan: ServicePlan, server: ServerPlan) {
    let server = ServerPlan.at("http://127.0.0.1:\(port)", id: id)
    let plan = ServicePlan(
      name: "service\(id)", kind: .loadBalancer([.init(server: server, weight: 1)]), cursor: id, sticky: nil,
      series: nil, failures: nil, retries: nil)
    return (plan, server)
  }

  /// Starts, runs `body` with the gateway's port, stops.
  ///
  /// - Parameters:
  ///   - pages: port of the server behind the service that `context` knows, which is also the one that is asked.
  ///   - text: what every file holds that a middleware names.
  ///   - chain: from the outermost inwards.
  static func with(
    _ port: UInt16, pages: UInt16 = 1, text: String? = nil, _ chain: [GatewayModel.Middleware],
    _ body: (UInt16) async throws -> Void
  ) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let pool = NIOThreadPool(numberOfThreads: 2)
    pool.start()
    let result: Result<Void, any Error>
    // Connections refer to their shard without keeping it: it has to be there until the last of them is gone.
    var shard: NIOLoopBound<Shard>?
    do {
      let gateway = try await start(group.next(), port, pages, pool, text, chain)
      shard = gateway.shard
      try await body(gateway.port)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    try await group.shutdownGracefully()
    withExtendedLifetime(shard) {}
    try await pool.shutdownGracefully()
    try result.get()
  }

  private static func start(
    _ loop: any EventLoop, _ port: UInt16, _ pages: UInt16, _ pool: NIOThreadPool, _ text: String?,
    _ chain: [GatewayModel.Middleware]
  ) async throws -> (port: UInt16, shard: NIOLoopBound<Shard>) {
    let main = service(port, id: 0)
    let other = service(pages, id: 1)
    var context = MiddlewareCompiler.Context(threadPool: pool, service: { _ in other.plan }, text: { _ in text })
    context.askedServer = { _ in other.server }
    let middlewares = try chain.map { try MiddlewareCompiler.compile($0, name: "test", context: context) }
    var entryPoint = EntryPoint()
    entryPoint.address = ListenAddress(host: "127.0.0.1", port: 0)
    guard case .success(let rule) = Rule.parse("PathPrefix(`/`)") else { throw FixtureError(what: "no rule") }
    let router = RouterPlan(name: "router", middlewares: middlewares, service: main.plan, series: nil, ledgerOwner: 0)
    let routes = RouteSet(table: RouteTable([Route(rule: rule, priority: 1, order: 0)]), routes: [router])
    let plan = EntryPointPlan(
      name: "web", index: 0, plain: routes, secure: routes, configuration: entryPoint, tls: nil, ledgerOwner: 0,
      series: nil, openConnections: nil)
    let snapshot = Snapshot(
      generation: 1, entryPoints: [plan], servers: [main.server, other.server], cursorCount: 2)
    let source = SeriesSource(metrics: GatewayMetrics(version: "test"), ledger: Ledger())
    let configuration = entryPoint
    let shard = try await loop.submit {
      let observation = ShardObservation(source, accessLog: nil, failureLog: NoFailureLog())
      return NIOLoopBound(
        Shard(index: 0, loop: loop, snapshot: snapshot, observation: observation), eventLoop: loop)
    }.get()
    let channel = try await loop.flatSubmit {
      Listener.bind(shard.value, entryPoint: 0, configuration: configuration, port: 0)
    }.get()
    return (UInt16(channel.localAddress?.port ?? 0), shard)
  }
}
