import GatewayModel

/// What the checks look at: a valid configuration, where its parts stand, and what else is known of its surroundings.
struct LintContext {
  let configuration: ValidatedConfiguration
  let places: Places
  let reach: Reach
  let views: [RouterView]
  let manifests: Manifests
  /// Every load balancer that some router leads to, with its transport, each once.
  let targets: [(name: String, balancer: LoadBalancer, transport: TransportInForce)]

  init(_ subject: LintSubject) {
    configuration = subject.configuration
    places = Places(sources: subject.sources)
    reach = Reach(configuration: subject.configuration)
    views = reach.views()
    manifests = subject.manifests
    var seen: Set<String> = []
    targets = views.flatMap(\.targets).filter { seen.insert($0.name).inserted }.map {
      ($0.name, $0.balancer, TransportInForce($0.balancer, subject.configuration))
    }
  }

  var workloads: [Workload] { manifests.workloads }
  var http: HTTPConfiguration { configuration.dynamic.http }

  /// A finding about a key.
  ///
  /// - Parameter stand: where it is shown when nothing of the path is written.
  func finding(
    _ code: FindingCode, at path: ConfigurationPath, or stand: ConfigurationPath? = nil, _ message: String,
    advice: String, related: [Finding.Related] = [], picture: [String] = []
  ) -> Finding {
    let isWritten = stand == nil || path.components.first.map { places.value([$0]) != nil } == true
    return Finding(
      code, at: places.key(isWritten ? path : stand ?? path), path: path.description, message, advice: advice,
      related: related, picture: picture)
  }

  /// Where something else that takes part stands.
  func related(_ path: ConfigurationPath, _ what: String) -> Finding.Related {
    .init(location: places.key(path), what: what)
  }
}
