import GatewayModel
import ResiliencePolicies

/// Gathers the probes of all services: servers that several services name with the same settings are probed once.
struct ProbeCollection {
  private struct Entry {
    var url: String
    var endpoint: ProbePlan.Endpoint
    var check: HealthCheck
    var ledgerOwner: UInt32
    var watchers: [ProbePlan.Watcher]
  }

  private var entries: [String: Entry] = [:]
  private var order: [String] = []

  /// - Parameter key: what makes two probes one: address, transport and all settings.
  mutating func add(
    _ key: String, url: String, endpoint: ProbePlan.Endpoint, check: HealthCheck, ledgerOwner: UInt32,
    watcher: ProbePlan.Watcher
  ) {
    if entries[key] != nil {
      entries[key]?.watchers.append(watcher)
      return
    }
    entries[key] = Entry(url: url, endpoint: endpoint, check: check, ledgerOwner: ledgerOwner, watchers: [watcher])
    order.append(key)
  }

  /// In the order of the file.
  var plans: [ProbePlan] {
    order.compactMap { key in
      entries[key].map {
        ProbePlan(
          key: key, url: $0.url, endpoint: $0.endpoint, check: $0.check, ledgerOwner: $0.ledgerOwner,
          watchers: $0.watchers)
      }
    }
  }
}

extension ServerURL.Scheme {
  init(_ scheme: HealthCheckScheme) {
    switch scheme {
    case .http: self = .http
    case .https: self = .https
    case .h2c: self = .h2c
    }
  }
}
