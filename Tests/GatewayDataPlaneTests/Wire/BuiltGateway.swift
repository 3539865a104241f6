import GatewayModel
import NIOCore
import NIOPosix
import Observability

@testable import GatewayDataPlane

/// A data plane from the text of a configuration, on a free port: reading, validating, building and several event loops
/// as in the product, without the runtime around it. For what only shows with more than one loop, or over a reload.
final class BuiltGateway {
  let port: UInt16
  let protections: ProtectionRegistry
  let metrics: GatewayMetrics
  let ledger: Ledger
  private let plane: DataPlane
  private let builder: SnapshotBuilder
  private let pool: NIOThreadPool
  private var generation: UInt64 = 1

  /// The entry point `web` with `entryPoint` as its `http`, and `http` as given: indented by two.
  static func text(_ http: String, entryPoint: String = "") -> String {
    "entryPoints:\n  web: {address: '127.0.0.1:0', http: {\(entryPoint)}}\nhttp:\n\(http)\n"
  }

  static func validated(_ text: String) throws -> ValidatedConfiguration {
    let outcome = ConfigurationOutcome(checking: [ConfigurationSource(name: "test.yml", text: text, format: .yaml)])
    guard let configuration = outcome.configuration else {
      throw FixtureError(what: outcome.mistakes.map(\.description).joined(separator: "\n"))
    }
    return configuration
  }

  private init(_ http: String, entryPoint: String, eventLoops: Int) async throws {
    let configuration = try Self.validated(Self.text(http, entryPoint: entryPoint))
    pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    metrics = GatewayMetrics(version: "test")
    ledger = Ledger()
    let series = SeriesSource(metrics: metrics, ledger: ledger)
    let surroundings = SnapshotBuilder.Surroundings(series: series, threadPool: pool, text: { _ in nil })
    protections = surroundings.protections
    builder = SnapshotBuilder(surroundings)
    let snapshot = try builder.build(configuration, generation: 1)
    let health = HealthSetup(source: series, log: NoHealthLog(), probesPerSecond: 200)
    plane = try await DataPlane.start(eventLoops: eventLoops, snapshot: snapshot, health: health) { _ in
      ShardObservation(series, accessLog: nil, failureLog: NoFailureLog())
    }
    port = try await plane.listen(configuration.static.entryPoints.map { ($0.name, $0.value) })[0]
  }

  func reload(_ http: String) async throws {
    generation += 1
    try await plane.install(builder.build(try Self.validated(Self.text(http)), generation: generation))
  }

  /// The state of the only breaker, or of that of `service`.
  func breaker(service: String? = nil) -> BreakerStatus? {
    let all = protections.breakers(now: NIODeadline.now().uptimeNanoseconds)
    return service.flatMap { service in all.first { $0.service == service } } ?? all.first
  }

  /// The value of a line of the metrics' text; nil when there is none.
  func metric(_ line: String) -> Double? {
    let text = String(decoding: metrics.registry.text(.prometheus), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }?.split(separator: " ").last.flatMap {
      Double($0)
    }
  }

  /// Entries of the ledger that are neither idle connections nor kept by the test: exchanges that still run.
  func settledExchanges() async throws -> Int {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    func running() -> Int { ledger.snapshot().count { $0.kind == .exchange } }
    for _ in 0..<3_000 where running() > 0 { try await loop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get() }
    return running()
  }

  private func stop() async {
    _ = await plane.drain(deadline: .milliseconds(50))
    await plane.shutdown()
    try? await pool.shutdownGracefully()
  }

  static func with(
    _ http: String, entryPoint: String = "", eventLoops: Int = 2, _ body: (BuiltGateway) async throws -> Void
  ) async throws {
    let gateway = try await BuiltGateway(http, entryPoint: entryPoint, eventLoops: eventLoops)
    do {
      try await body(gateway)
    } catch {
      await gateway.stop()
      throw error
    }
    await gateway.stop()
  }
}

extension Peer {
  /// One request on a connection of its own.
  static func ask(
    _ port: UInt16, _ path: String = "/", method: String = "GET", host: String = "a", fields: String = "",
    body: String? = nil
  ) throws -> SeenResponse {
    let peer = try Peer.connect(to: port)
    defer { peer.close() }
    let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
    try peer.send("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\(length)\r\n\(body ?? "")")
    return try peer.readResponse(isHead: method == "HEAD")
  }
}
