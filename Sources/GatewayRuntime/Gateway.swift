import ConfigurationSources
import GatewayDataPlane
public import GatewayModel
import Identity
import Logging
import NIOCore
import NIOPosix
import Observability
import SharedLimits
import Synchronization

/// The whole gateway: configuration in, traffic through, a clean end.
///
/// It owns the order of things. Start: read, validate, build, then open the ports, so that a port is open only when
/// requests can be answered. Reload: read, validate, build and hand the new Snapshot to every shard; if any step fails
/// nothing has changed but a counter, a log line and what the admin API shows. Stop: see `drain`.
public final class Gateway: Sendable {
  /// What cannot be done and ends the start.
  public enum StartFailure: Error, Sendable {
    /// The configuration is refused: exit code 2.
    case refused([String])
    /// Something else: exit code 1.
    case failed(String)
  }

  private struct State {
    var configuration: ValidatedConfiguration
    var generation: UInt64
    var installedAt: Int64
    var lastReloadFailure: String?
    var lastReloadFailureAt: Int64?
    var isReady = false
    var isDraining = false
    var generations: [UInt64: Int64] = [:]
    var expiries: [CertificateExpiry] = []
    var watched: [String] = []
    var watches = true
    /// The Snapshot that serves and the one before. Shards let go of a Snapshot in the middle of their work; as long as
    /// this holds it too, its ten thousand routers are freed here, by the reload after the next, and not on a loop.
    var current: Snapshot?
    var before: Snapshot?
  }

  /// The static part that the process was started with; a reload changes the dynamic part only.
  public let configuration: StaticConfiguration
  public let version: String
  /// Ports in the order of the entry points.
  public let ports: [UInt16]
  private let redactions: LiveRedactionRules
  let metrics: GatewayMetrics
  let ledger: Ledger
  /// What protections know, over generations.
  let protections: ProtectionRegistry
  let log: Logger
  /// Key sets at URLs; `KeySetService` fetches them.
  let keySets: KeySetRegistry
  private let path: String
  private let allowUnsupported: Bool
  private let dataPlane: DataPlane
  private let builder: Mutex<SnapshotBuilder>
  private let accessLog: AccessLogWriter?
  private let logOutput: LogOutput
  private let threadPool: NIOThreadPool
  let limitStores: SharedLimitStores
  private let state: Mutex<State>
  public let eventLoopCount: Int

  private init(
    _ parts: Parts, builder: sending SnapshotBuilder, dataPlane: DataPlane, ports: [UInt16], eventLoopCount: Int
  ) {
    redactions = parts.redactions
    configuration = parts.loaded.static
    version = parts.version
    self.ports = ports
    metrics = parts.metrics
    ledger = parts.ledger
    protections = parts.surroundings.protections
    log = parts.log
    path = parts.path
    allowUnsupported = parts.allowUnsupported
    self.dataPlane = dataPlane
    self.builder = Mutex(builder)
    accessLog = parts.accessLog
    logOutput = parts.logOutput
    threadPool = parts.threadPool
    limitStores = parts.surroundings.limitStores
    keySets = parts.surroundings.keySets
    self.eventLoopCount = eventLoopCount
    let now = UnixClock.seconds()
    state = Mutex(State(configuration: parts.loaded, generation: 1, installedAt: now, generations: [1: now]))
  }

  /// What is made before the first port is opened.
  fileprivate struct Parts {
    var loaded: ValidatedConfiguration
    var version: String
    var path: String
    var allowUnsupported: Bool
    var metrics: GatewayMetrics
    var ledger: Ledger
    var log: Logger
    var logOutput: LogOutput
    var accessLog: AccessLogWriter?
    var redactions = LiveRedactionRules()
    var threadPool: NIOThreadPool
    var surroundings: SnapshotBuilder.Surroundings
  }

  // MARK: Start

  /// Reads the configuration at `path` and starts everything. Warnings go to `tell`, one line each.
  public static func start(
    path: String, allowUnsupported: Bool = false, version: String, tell: (String) -> Void = { _ in }
  ) async throws(StartFailure) -> Gateway {
    let loaded = LoadedConfiguration.load(path, allowUnsupported: allowUnsupported)
    guard let configuration = loaded.configuration else { throw .refused(loaded.mistakes.map(\.description)) }
    for mistake in loaded.mistakes { tell(mistake.description) }
    let parts = try prepare(configuration, path: path, allowUnsupported: allowUnsupported, version: version)
    let builder = SnapshotBuilder(parts.surroundings)
    let snapshot: Snapshot
    do {
      snapshot = try builder.build(configuration, generation: 1)
    } catch {
      throw .refused(error.problems.map { "\(path): \($0)" })
    }
    let loops = configuration.static.runtime.eventLoops ?? PhysicalCores.count()
    do {
      let observation = Observation(configuration.static, parts)
      let health = HealthSetup(
        source: parts.surroundings.series, log: HealthChangeLog(parts.log),
        probesPerSecond: configuration.static.runtime.probesPerSecond)
      let dataPlane = try await DataPlane.start(eventLoops: loops, snapshot: snapshot, health: health) {
        observation.make($0)
      }
      let ports = try await dataPlane.listen(
        configuration.static.entryPoints.map { ($0.name, $0.value) })
      let gateway = Gateway(parts, builder: builder, dataPlane: dataPlane, ports: ports, eventLoopCount: loops)
      gateway.remember(loaded)
      parts.metrics.collectCertificates { [weak gateway] in
        (gateway?.state.withLock { $0.expiries } ?? []).map {
          (commonName: $0.names.first ?? "", serial: $0.serial, names: $0.names, notAfter: $0.notAfter)
        }
      }
      parts.metrics.collectBreakers { [protections = parts.surroundings.protections] in
        protections.breakers(now: NIODeadline.now().uptimeNanoseconds)
      }
      parts.metrics.collectProtections { [protections = parts.surroundings.protections] in
        protections.gauges(now: NIODeadline.now().uptimeNanoseconds)
      }
      parts.metrics.collectKeySets { [keySets = parts.surroundings.keySets] in keySets.samples() }
      parts.metrics.collectServers { [weak gateway] in gateway?.serverHealth() ?? [] }
      gateway.installed(configuration, snapshot)
      return gateway
    } catch {
      throw .failed("\(error)")
    }
  }

  /// Does everything a start does short of opening ports, and says what would keep it from starting: certificates that
  /// cannot be read, middlewares that cannot work.
  public static func problems(of configuration: ValidatedConfiguration) -> [String] {
    let pool = NIOThreadPool(numberOfThreads: 1)
    let series = SeriesSource(metrics: GatewayMetrics(version: ""), ledger: Ledger())
    let builder = SnapshotBuilder(surroundings(series, pool, SharedLimitStores(connects: false)))
    do {
      _ = try builder.build(configuration, generation: 0)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  private static func surroundings(
    _ series: SeriesSource, _ pool: NIOThreadPool, _ stores: SharedLimitStores
  ) -> SnapshotBuilder.Surroundings {
    SnapshotBuilder.Surroundings(
      series: series, threadPool: pool, limitStores: stores,
      text: { path in
        guard case .success(let bytes) = FileReader.read(path, bytesMax: 16 * 1024 * 1024) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
      }, generateCertificate: { try DefaultCertificate.make() })
  }

  private static func prepare(
    _ configuration: ValidatedConfiguration, path: String, allowUnsupported: Bool, version: String
  ) throws(StartFailure) -> Parts {
    let settings = configuration.static
    let output: LogOutput
    do {
      output = try LogOutput(settings.log.filePath)
    } catch {
      throw .failed("log.filePath: cannot open \(settings.log.filePath ?? ""): \(error)")
    }
    let handler = GatewayLogHandler(level: settings.log.level.level, format: settings.log.format, output: output)
    let log = Logger(label: "sluice") { _ in handler }
    let metrics = GatewayMetrics(settings.metrics.prometheus ?? Prometheus(), version: version)
    let ledger = Ledger()
    var writer: AccessLogWriter?
    if let accessLog = settings.accessLog, accessLog.enabled {
      do {
        writer = try AccessLogWriter(path: accessLog.filePath, logger: log)
      } catch {
        throw .failed("accessLog.filePath: \(error)")
      }
      if let writer { metrics.collect(writer) }
    }
    let pool = NIOThreadPool(numberOfThreads: 2)
    pool.start()
    let stores = LimitStoreLog.stores(log)
    metrics.collect(stores)
    let surroundings = surroundings(SeriesSource(metrics: metrics, ledger: ledger), pool, stores)
    return Parts(
      loaded: configuration, version: version, path: path, allowUnsupported: allowUnsupported, metrics: metrics,
      ledger: ledger, log: log, logOutput: output, accessLog: writer, threadPool: pool, surroundings: surroundings)
  }

  // MARK: Reload

  /// What a reload came to.
  public enum ReloadResult: Sendable, Equatable {
    case installed(generation: UInt64)
    case refused([String])
  }

  /// Reads everything anew and publishes it, or changes nothing.
  ///
  /// One at a time: the caller waits for the end before it asks again.
  public func reload() async -> ReloadResult {
    let began = ContinuousClock.now
    let loaded = LoadedConfiguration.load(path, allowUnsupported: allowUnsupported)
    remember(loaded)
    guard let configuration = loaded.configuration else { return refused(loaded.mistakes.map(\.description)) }
    let generation = state.withLock { $0.generation } + 1
    let read = ContinuousClock.now
    let snapshot: Snapshot
    do {
      // What the process was started with stays: ports and logs do not move under a running gateway.
      var effective = configuration
      effective.static = self.configuration
      snapshot = try builder.withLock { builder throws(BuildFailure) in
        try builder.build(effective, generation: generation)
      }
    } catch {
      return refused(error.problems.map { "\(path): \($0)" })
    }
    let built = ContinuousClock.now
    var unchanged = configuration.static
    unchanged.accessLog?.redactions = self.configuration.accessLog?.redactions ?? []
    if unchanged != self.configuration {
      log.warning("static configuration changed on disk; it takes effect at the next start")
    }
    do {
      try await dataPlane.install(snapshot)
    } catch {
      return refused(["\(error)"])
    }
    installed(configuration, snapshot)
    log.info(
      "configuration installed",
      metadata: [
        "generation": "\(generation)", "routers": "\(configuration.routers.count)", "read": "\(read - began)",
        "build": "\(built - read)", "install": "\(ContinuousClock.now - built)",
      ])
    return .installed(generation: generation)
  }

  private func refused(_ lines: [String]) -> ReloadResult {
    let text = lines.joined(separator: "\n")
    state.withLock {
      $0.lastReloadFailure = text
      $0.lastReloadFailureAt = UnixClock.seconds()
    }
    metrics.configurationRefused()
    log.error("configuration refused, the one before stays", metadata: ["mistakes": "\(text)"])
    return .refused(lines)
  }

  private func installed(_ configuration: ValidatedConfiguration, _ snapshot: Snapshot) {
    let now = UnixClock.seconds()
    redactions.publish(RedactionRules(configuration.static.accessLog?.redactions ?? []))
    metrics.configurationInstalled(at: now)
    let retired = state.withLock { state in
      defer {
        state.before = state.current
        state.current = snapshot
      }
      return state.before
    }
    defer { withExtendedLifetime(retired) {} }
    state.withLock {
      $0.configuration = configuration
      $0.generation = snapshot.generation
      $0.installedAt = now
      $0.generations[snapshot.generation] = now
      $0.expiries = snapshot.certificateExpiries
      $0.lastReloadFailure = nil
      $0.lastReloadFailureAt = nil
      $0.isReady = true
      // Only what somebody may still hold is remembered.
      if $0.generations.count > 1000 {
        let oldest = $0.generations.keys.sorted().prefix($0.generations.count - 1000)
        for generation in oldest { $0.generations[generation] = nil }
      }
    }
  }

  private func remember(_ loaded: LoadedConfiguration) {
    state.withLock {
      $0.watched = loaded.watched
      $0.watches = loaded.watches
    }
  }

  /// Files and directories whose change may change the configuration, as of the last reading.
  func watchedFiles() -> (paths: [String], watches: Bool) {
    state.withLock { ($0.watched, $0.watches) }
  }

  /// Opens log files anew, after they were rotated.
  public func reopenLogs() {
    logOutput.reopen()
    accessLog?.reopen()
  }

  // MARK: End

  /// Stops accepting, finishes what runs inside the grace time, closes the rest.
  public func drain() async {
    state.withLock { $0.isDraining = true }
    let lifeCycles = configuration.entryPoints.map(\.value.transport.lifeCycle)
    let accept = lifeCycles.map(\.requestAcceptGraceTimeout).max() ?? .zero
    let grace = lifeCycles.map(\.graceTimeOut).max() ?? .seconds(10)
    log.info("draining", metadata: ["grace": "\(grace)"])
    if accept > .zero { try? await Task.sleep(for: accept) }
    let result = await dataPlane.drain(deadline: grace)
    if result.cutConnections > 0 {
      log.warning("connections were cut at the end of the grace time", metadata: ["count": "\(result.cutConnections)"])
    }
    await dataPlane.shutdown()
    _ = accessLog?.close()
    try? await threadPool.shutdownGracefully()
  }

  // MARK: What the admin side shows

  /// How long ago each event loop last turned, in nanoseconds.
  func sinceLastTurns() -> [UInt64] { dataPlane.sinceLastTurns() }

  /// Every server of every service, and whether it takes requests.
  func serverHealth() -> [(service: String, url: String, isUp: Bool)] {
    let now = NIODeadline.now().uptimeNanoseconds
    return (state.withLock { $0.current }?.services ?? []).flatMap { service in
      service.servers.map { (service.name, $0.server.url, $0.isUsable(now)) }
    }
  }

  /// A consistent view of what the gateway is about.
  public struct View: Sendable {
    public var configuration: ValidatedConfiguration
    public var generation: UInt64
    public var installedAt: Int64
    public var lastReloadFailure: String?
    public var lastReloadFailureAt: Int64?
    public var isReady: Bool
    public var isDraining: Bool
    /// When each generation was installed.
    public var generations: [UInt64: Int64]
  }

  public func view() -> View {
    state.withLock {
      View(
        configuration: $0.configuration, generation: $0.generation, installedAt: $0.installedAt,
        lastReloadFailure: $0.lastReloadFailure, lastReloadFailureAt: $0.lastReloadFailureAt, isReady: $0.isReady,
        isDraining: $0.isDraining, generations: $0.generations)
    }
  }
}

/// Makes each shard's observation on that shard's loop.
private struct Observation: Sendable {
  private let series: SeriesSource
  private let plan: AccessLogPlan?
  private let writer: AccessLogWriter?
  private let log: Logger
  private let redactions: LiveRedactionRules
  private let numbers = RequestNumbers()

  init(_ settings: StaticConfiguration, _ parts: Gateway.Parts) {
    series = parts.surroundings.series
    writer = parts.accessLog
    log = parts.log
    redactions = parts.redactions
    plan = settings.accessLog.map { AccessLogPlan($0) }
  }

  func make(_ shard: Int) -> ShardObservation {
    var accessLog: ExchangeAccessLog?
    if let writer, let plan {
      accessLog = ExchangeAccessLog(ShardAccessLog(plan: plan, writer: writer, rules: redactions), numbers: numbers)
    }
    return ShardObservation(series, accessLog: accessLog, failureLog: BoundedFailureLog(log))
  }
}
