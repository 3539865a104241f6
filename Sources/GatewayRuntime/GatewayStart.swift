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

/// The start: read, validate, build, then open the ports, so that a port is open only when requests can be answered.
extension Gateway {
  /// What is made before the first port is opened.
  struct Parts {
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
    /// Nil without `spiffe` in the configuration.
    var identity: WorkloadIdentityKeeper?
  }

  /// Reads the configuration at `path` and starts everything. Warnings go to `tell`, one line each.
  public static func start(
    path: String, allowUnsupported: Bool = false, version: String, tell: (String) -> Void = { _ in }
  ) async throws(StartFailure) -> Gateway {
    let loaded = LoadedConfiguration.load(path, allowUnsupported: allowUnsupported)
    for mistake in loaded.mistakes where mistake.kind == .warning { tell(mistake.description) }
    guard let configuration = loaded.configuration else {
      throw .refused(loaded.mistakes.filter { $0.kind != .warning }.map(\.description))
    }
    let parts = try prepare(configuration, path: path, allowUnsupported: allowUnsupported, version: version)
    let builder = SnapshotBuilder(parts.surroundings)
    let snapshot: Snapshot
    do {
      snapshot = try builder.build(configuration, generation: 1)
    } catch {
      throw .refused(loaded.placed(error.problems).map(\.description))
    }
    let loops = configuration.static.runtime.eventLoops ?? PhysicalCores.count()
    do {
      try await parts.identity?.begin(configuration.static.spiffe?.startTimeout ?? .zero)
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
      if let identity = parts.identity { parts.metrics.collectIdentity { identity.sample } }
      parts.metrics.collectServers { [weak gateway] in gateway?.serverHealth() ?? [] }
      gateway.installed(configuration, snapshot)
      return gateway
    } catch {
      parts.identity?.stop()
      throw .failed("\(error)")
    }
  }

  /// Does everything a start does short of opening ports, and says what would keep it from starting: certificates that
  /// cannot be read, middlewares that cannot work.
  public static func problems(of loaded: LoadedConfiguration) -> [Mistake] {
    guard let configuration = loaded.configuration else { return [] }
    let pool = NIOThreadPool(numberOfThreads: 1)
    let series = SeriesSource(metrics: GatewayMetrics(version: ""), ledger: Ledger())
    let builder = SnapshotBuilder(surroundings(series, pool, SharedLimitStores(connects: false)))
    do {
      _ = try builder.build(configuration, generation: 0)
      return []
    } catch {
      return loaded.placed(error.problems)
    }
  }

  private static func bytes(_ path: String) -> [UInt8]? {
    guard case .success(let bytes) = FileReader.read(path, bytesMax: 16 * 1024 * 1024) else { return nil }
    return Array(bytes)
  }

  private static func surroundings(
    _ series: SeriesSource, _ pool: NIOThreadPool, _ stores: SharedLimitStores
  ) -> SnapshotBuilder.Surroundings {
    SnapshotBuilder.Surroundings(
      series: series, threadPool: pool, limitStores: stores,
      text: { path in bytes(path).map { String(decoding: $0, as: UTF8.self) } }, bytes: { bytes($0) },
      generateCertificate: { try DefaultCertificate.make() })
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
      ledger: ledger, log: log, logOutput: output, accessLog: writer, threadPool: pool, surroundings: surroundings,
      identity: try WorkloadIdentityKeeper.make(settings.spiffe, surroundings.identities, log, path: path))
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
