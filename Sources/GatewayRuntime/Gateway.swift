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
/// It owns the order of things: `GatewayStart` from a file to open ports, `GatewayReload` from one configuration to the
/// next, `drain` to a clean end. Here is what it holds, and what the admin side may see of it.
public final class Gateway: Sendable {
  /// What cannot be done and ends the start.
  public enum StartFailure: Error, Sendable {
    /// The configuration is refused: exit code 2.
    case refused([String])
    /// Something else: exit code 1.
    case failed(String)
  }

  struct State {
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
  /// Of the command, for `/api/version`.
  public let version: String
  /// Ports in the order of the entry points.
  public let ports: [UInt16]
  let redactions: LiveRedactionRules
  let metrics: GatewayMetrics
  let ledger: Ledger
  /// What protections know, over generations.
  let protections: ProtectionRegistry
  let log: Logger
  /// Key sets at URLs; `KeySetService` fetches them.
  let keySets: KeySetRegistry
  let path: String
  let allowUnsupported: Bool
  let dataPlane: DataPlane
  let builder: Mutex<SnapshotBuilder>
  /// Nil without `spiffe` in the configuration.
  let identity: WorkloadIdentityKeeper?
  private let accessLog: AccessLogWriter?
  private let logOutput: LogOutput
  private let threadPool: NIOThreadPool
  let limitStores: SharedLimitStores
  let state: Mutex<State>
  /// How many shards there are.
  public let eventLoopCount: Int

  init(
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
    identity = parts.identity
    accessLog = parts.accessLog
    logOutput = parts.logOutput
    threadPool = parts.threadPool
    limitStores = parts.surroundings.limitStores
    keySets = parts.surroundings.keySets
    self.eventLoopCount = eventLoopCount
    let now = UnixClock.seconds()
    state = Mutex(State(configuration: parts.loaded, generation: 1, installedAt: now, generations: [1: now]))
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

  /// Stops accepting, finishes what runs inside the grace time, closes the rest. `end` is next.
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
  }

  /// Ends the loops, after `drain` and after everybody who may still hand them something: key sets, whose requests
  /// wait on a loop, and reloads, which install there. What answers to a loop ends before the loops do, since NIO takes
  /// what is scheduled later for a bug of the program.
  public func end() async {
    // Checks of passwords and tokens, and bodies on their way to a file.
    try? await threadPool.shutdownGracefully()
    await limitStores.stop()
    identity?.stop()
    await dataPlane.shutdown()
    _ = accessLog?.close()
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
    /// The one that serves.
    public var configuration: ValidatedConfiguration
    /// Its number: 1 at the start, one more with each reload that was installed.
    public var generation: UInt64
    /// In seconds since 1970, as all times here.
    public var installedAt: Int64
    /// The mistakes of the last reload, a line each; nil when it was installed.
    public var lastReloadFailure: String?
    /// When it was refused.
    public var lastReloadFailureAt: Int64?
    /// Every shard has the first configuration.
    public var isReady: Bool
    /// The end has begun.
    public var isDraining: Bool
    /// When each generation was installed.
    public var generations: [UInt64: Int64]
  }

  /// Taken at once, so that its parts belong together.
  public func view() -> View {
    state.withLock {
      View(
        configuration: $0.configuration, generation: $0.generation, installedAt: $0.installedAt,
        lastReloadFailure: $0.lastReloadFailure, lastReloadFailureAt: $0.lastReloadFailureAt, isReady: $0.isReady,
        isDraining: $0.isDraining, generations: $0.generations)
    }
  }
}
