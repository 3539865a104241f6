import GatewayModel
import ResiliencePolicies

/// What probes and outlier detection know of servers, carried from one Snapshot to the next.
///
/// The problem: a reload that forgot which servers are down would send them requests until probes and failures found
/// out again. The rule: a status belongs to a server of a service under certain checks; where all three are the same
/// after a reload the object is the same. Where the checks changed a new one begins: what they had found is not asked
/// any more, and nothing would ever take a mark away that a check of before had left. Bound: the servers of one
/// Snapshot.
struct ServerStates {
  private var statuses: [String: ServerStatus] = [:]
  private var watches: [String: Watch] = [:]
  private var earlier: [String: ServerStatus] = [:]
  private var earlierWatches: [String: Watch] = [:]

  private struct Watch {
    var statuses: [ObjectIdentifier]
    var watch: OutlierWatch
  }

  /// The states from which a next Snapshot is built: what it does not ask for is not carried on.
  func successor() -> ServerStates {
    var next = ServerStates()
    next.earlier = statuses
    next.earlierWatches = watches
    return next
  }

  mutating func status(_ service: String, _ server: String, _ balancer: LoadBalancer) -> ServerStatus {
    let checks = "\(String(describing: balancer.healthCheck))|\(String(describing: OutlierSettings(balancer)))"
    let key = "\(service)|\(server)|\(checks)"
    let status = statuses[key] ?? earlier[key] ?? ServerStatus()
    statuses[key] = status
    return status
  }

  mutating func watch(_ service: String, _ settings: OutlierSettings, _ statuses: [ServerStatus]) -> OutlierWatch {
    let identities = statuses.map { ObjectIdentifier($0) }
    if let known = earlierWatches[service], known.statuses == identities, known.watch.settings == settings {
      watches[service] = known
      return known.watch
    }
    let watch = OutlierWatch(settings, statuses: statuses, after: earlierWatches[service]?.watch)
    watches[service] = Watch(statuses: identities, watch: watch)
    return watch
  }
}

extension OutlierSettings {
  /// What the configuration wants; nil when it wants nothing.
  init?(_ balancer: LoadBalancer) {
    if let outliers = balancer.outlierDetection {
      self.init()
      consecutiveErrors = outliers.consecutiveErrors
      interval = outliers.interval.nanoseconds
      minimumRequests = UInt64(outliers.minimumRequests)
      errorRateOverPeers = Double(outliers.errorRateOverPeers)
      baseEjection = outliers.baseEjectionTime.nanoseconds
      maxEjection = outliers.maxEjectionTime.nanoseconds
      maxEjectedPercent = outliers.maxEjectedPercent
      shadow = outliers.shadow
    } else if let passive = balancer.passiveHealthCheck {
      // As Traefik has it: no comparison, no ceiling, always the same time; with probes they decide about the return.
      self.init()
      consecutiveErrors = passive.maxFailedAttempts
      window = passive.failureWindow.nanoseconds
      interval = 0
      baseEjection = passive.failureWindow.nanoseconds
      maxEjection = baseEjection
      maxEjectedPercent = 100
      returnsByProbe = balancer.healthCheck != nil
    } else {
      return nil
    }
  }
}
