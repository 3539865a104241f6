import GatewayModel

/// The services that the gateway itself is, as routers name them: `api@internal`, `ping@internal`,
/// `prometheus@internal`.
///
/// The admin server answers them, on event loops of its own, so that what it works out never holds up traffic. The data
/// plane forwards to it over loopback as to any other server: no second way through the gateway, and whatever a router
/// may have before a service (`basicAuth`, `ipAllowList`, limits) stands before these too. A router opens only what its
/// service is named after: `api@internal` the API and nothing beside it, whatever the rule says.
enum InternalServices {
  static let api = "api@internal"
  static let ping = "ping@internal"
  static let prometheus = "prometheus@internal"
  static let all = [api, ping, prometheus]

  /// Those that routers of `configuration` have, its own among them.
  static func used(_ configuration: ValidatedConfiguration) -> [String] {
    var names = Set(configuration.routers.map(\.service))
    for entryPoint in configuration.static.entryPoints {
      names.formUnion(routers(on: entryPoint.name, configuration.static).map(\.service))
    }
    return all.filter(names.contains)
  }

  /// Where the admin server is reached from this machine; nil when its port is only known once it listens.
  static func url(_ admin: ListenAddress) -> ServerURL? {
    guard admin.port != 0 else { return nil }
    let isAnywhere = ["", "0.0.0.0", "::", "*"].contains(admin.host)
    let host = isAnywhere ? (admin.host == "::" ? "::1" : "127.0.0.1") : admin.host
    return ServerURL(scheme: .http, host: host, port: admin.port)
  }

  /// Why a router cannot have `service`; nil when it can.
  static func refusal(_ service: String, _ configuration: StaticConfiguration) -> String? {
    guard all.contains(service) else { return "Traefik has \(service), Sluice not yet" }
    if url(configuration.admin.address) == nil {
      return "\(service) needs a fixed port in admin.address, which is \(configuration.admin.address)"
    }
    if service == api && configuration.api == nil { return "\(service) needs `api: {}` in the static configuration" }
    if service == ping && configuration.ping == nil { return "\(service) needs `ping: {}` in the static configuration" }
    return nil
  }

  /// The requests that a router with `service` is for, of those that its own rule matches.
  static func narrowed(_ rule: Rule, _ service: String, _ configuration: StaticConfiguration) -> Rule {
    guard service == api else { return rule }
    let base = configuration.api?.basePath ?? "/"
    let root = base == "/" ? "/api" : base + "/api"
    let path = Rule.any([.match(.path(root)), .match(.pathPrefix(root + "/"))])
    if case .all(let rules) = rule { return .all(rules + [path]) }
    return .all([rule, path])
  }

  /// The one path that `service` has, whichever the client asked for.
  static func path(_ service: String) -> ReplacePath? {
    var replacement = ReplacePath()
    switch service {
    case ping: replacement.path = "/ping"
    case prometheus: replacement.path = "/metrics"
    default: return nil
    }
    return replacement
  }

  /// The routers that `ping.entryPoint` and `metrics.prometheus.entryPoint` ask for; they come before all others, as in
  /// Traefik.
  static func routers(on entryPoint: String, _ configuration: StaticConfiguration) -> [EntryPointRouters.Entry] {
    func entry(_ service: String, _ path: String) -> EntryPointRouters.Entry {
      EntryPointRouters.Entry(
        name: service, rule: .match(.pathPrefix(path)), priority: .max, middlewares: [], service: service)
    }
    var routers: [EntryPointRouters.Entry] = []
    if let endpoint = configuration.ping, !endpoint.manualRouting, endpoint.entryPoint == entryPoint {
      routers.append(entry(ping, "/ping"))
    }
    if let endpoint = configuration.metrics.prometheus, !endpoint.manualRouting, endpoint.entryPoint == entryPoint {
      routers.append(entry(prometheus, "/metrics"))
    }
    return routers
  }
}
