public import GatewayModel
public import Observability

/// What the admin side shows: values and closures that the runtime hands over.
///
/// The admin side knows neither the data plane nor the runtime; it asks these closures when somebody asks it. They are
/// called on its own threads, must not wait for an event loop, and answer with copies.
public struct AdminSources: Sendable {
  public var version: Version
  /// The configuration that serves; nil before the first.
  public var installed: @Sendable () -> Installed?
  /// Why the last reload was refused; nil when the last one was installed.
  public var reloadFailure: @Sendable () -> ReloadFailure?
  public var shards: @Sendable () -> [ShardHealth]
  /// Whether the gateway is shutting down.
  public var isDraining: @Sendable () -> Bool
  /// Configurations that were installed, the present one included; old ones as long as anybody holds them.
  public var generations: @Sendable () -> [Generation]
  /// Whether the server with this URL of this service takes requests.
  public var isServerUp: @Sendable (_ service: String, _ url: String) -> Bool
  /// How every circuit breaker is, by name.
  public var breakers: @Sendable () -> [BreakerStatus]
  /// How the stores of shared limits are.
  public var limitStores: @Sendable () -> [LimitStore]
  /// Key sets at URLs that tokens are checked with.
  public var keySets: @Sendable () -> [KeySetState] = { [] }
  /// The gateway's own identity; nil without `spiffe` in the configuration.
  public var workloadIdentity: @Sendable () -> WorkloadIdentityState? = { nil }
  public var metrics: MetricsRegistry
  public var ledger: Ledger
  /// Nanoseconds of the loops' clock, which the ledger's times are on.
  public var now: @Sendable () -> UInt64

  public init(
    version: Version, metrics: MetricsRegistry, ledger: Ledger, now: @escaping @Sendable () -> UInt64,
    installed: @escaping @Sendable () -> Installed?,
    reloadFailure: @escaping @Sendable () -> ReloadFailure? = { nil },
    shards: @escaping @Sendable () -> [ShardHealth] = { [] },
    isDraining: @escaping @Sendable () -> Bool = { false },
    generations: @escaping @Sendable () -> [Generation] = { [] },
    isServerUp: @escaping @Sendable (_ service: String, _ url: String) -> Bool = { _, _ in true },
    breakers: @escaping @Sendable () -> [BreakerStatus] = { [] },
    limitStores: @escaping @Sendable () -> [LimitStore] = { [] }
  ) {
    self.version = version
    self.metrics = metrics
    self.ledger = ledger
    self.now = now
    self.installed = installed
    self.reloadFailure = reloadFailure
    self.shards = shards
    self.isDraining = isDraining
    self.generations = generations
    self.isServerUp = isServerUp
    self.breakers = breakers
    self.limitStores = limitStores
  }

  /// What runs.
  public struct Version: Sendable {
    public var version: String
    /// Of the source; empty when not known.
    public var commit: String
    public var startedAtUnixSeconds: Int64

    public init(version: String, commit: String = "", startedAtUnixSeconds: Int64) {
      self.version = version
      self.commit = commit
      self.startedAtUnixSeconds = startedAtUnixSeconds
    }
  }

  /// The configuration that serves.
  public struct Installed: Sendable {
    public var configuration: ValidatedConfiguration
    public var generation: UInt64
    public var installedAtUnixSeconds: Int64

    public init(configuration: ValidatedConfiguration, generation: UInt64, installedAtUnixSeconds: Int64) {
      self.configuration = configuration
      self.generation = generation
      self.installedAtUnixSeconds = installedAtUnixSeconds
    }
  }

  /// A configuration that was refused; the one before it serves.
  public struct ReloadFailure: Sendable {
    /// For the operator: mistakes with their places, one a line.
    public var message: String
    public var atUnixSeconds: Int64

    public init(message: String, atUnixSeconds: Int64) {
      self.message = message
      self.atUnixSeconds = atUnixSeconds
    }
  }

  /// A store of shared limits.
  public struct LimitStore: Sendable {
    public var name: String
    /// `up`, `down`, `connecting`, or `skewed` when the clocks are too far apart.
    public var state: String
    /// Why it is down; empty otherwise.
    public var reason: String
    /// The store's clock minus this machine's.
    public var skewMicroseconds: Int64
    public var decided: UInt64
    public var unavailable: UInt64

    public init(
      name: String, state: String, reason: String, skewMicroseconds: Int64, decided: UInt64, unavailable: UInt64
    ) {
      self.name = name
      self.state = state
      self.reason = reason
      self.skewMicroseconds = skewMicroseconds
      self.decided = decided
      self.unavailable = unavailable
    }
  }

  /// How one shard is.
  public struct ShardHealth: Sendable {
    public var index: Int
    /// The configuration it serves with; 0 before the first.
    public var generation: UInt64
    /// How long ago its loop last turned, in nanoseconds; nil when that is not measured.
    public var sinceLastTurn: UInt64?

    public init(index: Int, generation: UInt64, sinceLastTurn: UInt64? = nil) {
      self.index = index
      self.generation = generation
      self.sinceLastTurn = sinceLastTurn
    }
  }

  /// One configuration and what it still holds besides what the ledger knows.
  public struct Generation: Sendable {
    public var number: UInt64
    public var installedAtUnixSeconds: Int64
    /// Connection pools of servers; nil when not counted.
    public var pools: Int?

    public init(number: UInt64, installedAtUnixSeconds: Int64, pools: Int? = nil) {
      self.number = number
      self.installedAtUnixSeconds = installedAtUnixSeconds
      self.pools = pools
    }
  }
}
