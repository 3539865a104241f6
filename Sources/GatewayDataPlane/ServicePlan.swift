import GatewayModel
import Observability
import ResiliencePolicies

/// A service, compiled.
public final class ServicePlan: Sendable {
  /// What a service leads to.
  public enum Kind: Sendable {
    case loadBalancer([WeightedServer])
    case weighted([WeightedChild])
    case hashed([WeightedChild])
    case failover(main: ServicePlan, fallback: ServicePlan)
    case mirroring(main: ServicePlan, MirrorPlan)
  }

  /// A server with its share of the requests.
  public struct WeightedServer: Sendable {
    public let server: ServerPlan
    public let weight: Int
    /// What probes and outlier detection say of it; nil when the service has neither.
    let status: ServerStatus?
    /// For rendezvous hashing.
    let seed: UInt64
    let ejections: CounterRow?

    init(server: ServerPlan, weight: Int, status: ServerStatus? = nil, ejections: CounterRow? = nil) {
      self.server = server
      self.weight = weight
      self.status = status
      seed = server.urlBytes.withUnsafeBytes { Rendezvous.hash($0) }
      self.ejections = ejections
    }
  }

  /// A service with its share of the requests.
  public struct WeightedChild: Sendable {
    public let service: ServicePlan
    public let weight: Int
    let seed: UInt64

    init(service: ServicePlan, weight: Int) {
      self.service = service
      self.weight = weight
      seed = service.nameBytes.withUnsafeBytes { Rendezvous.hash($0) }
    }
  }

  /// How a load balancer chooses, and what takes a server out.
  struct Policy: Sendable {
    /// What `hrw` takes for the client's identity.
    enum HashKey: Sendable {
      case address
      case header([UInt8])
      case cookie([UInt8])
    }

    var strategy = BalancerStrategy.wrr
    var hashKey = HashKey.address
    var outliers: OutlierWatch?
  }

  public let name: String
  let nameBytes: [UInt8]
  public let kind: Kind
  /// Index of this service's first cursor in a shard's `InstalledSnapshot`.
  let cursor: Int
  let hasEqualWeights: Bool
  let sticky: StickyPlan?
  let policy: Policy
  let series: RequestSeries?
  let failures: CounterRow?
  let retries: CounterSeries?

  init(
    name: String, kind: Kind, cursor: Int, sticky: StickyPlan?, policy: Policy = Policy(), series: RequestSeries?,
    failures: CounterRow?, retries: CounterSeries?
  ) {
    self.failures = failures
    self.retries = retries
    self.name = name
    nameBytes = Array(name.utf8)
    self.kind = kind
    self.cursor = cursor
    self.sticky = sticky
    self.policy = policy
    self.series = series
    switch kind {
    case .loadBalancer(let servers): hasEqualWeights = servers.allSatisfy { $0.weight == servers[0].weight }
    case .weighted(let children): hasEqualWeights = children.allSatisfy { $0.weight == children[0].weight }
    case .hashed, .failover, .mirroring: hasEqualWeights = true
    }
  }

  /// Cursors a service of this shape needs: one to go round, or one for each member.
  static func cursorsNeeded(_ memberCount: Int) -> Int { max(1, memberCount) }

  /// Its servers; none for a service that is made of services.
  public var servers: [WeightedServer] {
    if case .loadBalancer(let servers) = kind { servers } else { [] }
  }
}

extension ServicePlan.WeightedServer {
  /// Whether probes and outlier detection let the server be chosen at `now`, in nanoseconds of the loops' clock.
  public func isUsable(_ now: UInt64) -> Bool { status?.isUsable(now) ?? true }
}
