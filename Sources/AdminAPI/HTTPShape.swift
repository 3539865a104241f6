import GatewayModel

/// Routers and services in the JSON shapes of Traefik's API (pkg/api/handler_http.go, pkg/config/runtime).
///
/// Names are `name@provider` there. What comes from files, or from the file the gateway was started with, is
/// `@file`; what Sluice brings along stays `@internal`.
enum HTTPShape {
  /// `name@file`, unless the name says where it comes from.
  static func qualified(_ name: String) -> String { name.contains("@") ? name : name + "@file" }

  static func provider(_ qualified: String) -> String {
    qualified.split(separator: "@", maxSplits: 1).dropFirst().first.map(String.init) ?? "file"
  }

  // MARK: Routers

  static func router(_ router: ValidatedRouter, _ configuration: DynamicConfiguration) -> JSON {
    let written = configuration.http.routers[router.name]
    let tls = router.bindings.lazy.compactMap(\.tls).first ?? written?.tls
    return .object([
      ("entryPoints", .strings(orNothing: router.bindings.map(\.entryPoint))),
      ("middlewares", .strings(orNothing: (written?.middlewares ?? []).map(qualified))),
      ("service", .string(router.service)),
      ("rule", .string(router.ruleText)),
      ("priority", .integer(router.priority)),
      ("tls", tls.map { .object([("options", .string($0.options))]) }),
      ("status", "enabled"),
      ("using", .strings(orNothing: router.bindings.map(\.entryPoint))),
      ("labels", written.flatMap { $0.labels.isEmpty ? nil : .object($0.labels.map { ($0.name, .string($0.value)) }) }),
    ])
  }

  static func routerItem(_ router: ValidatedRouter, _ configuration: DynamicConfiguration) -> JSON {
    let name = qualified(router.name)
    return self.router(router, configuration).adding([
      ("name", .string(name)), ("provider", .string(provider(name))), ("priorityStr", .string("\(router.priority)")),
    ])
  }

  // MARK: Services

  static func service(
    _ service: Service, usedBy: [String], isUp: (String) -> Bool
  ) -> (json: JSON, type: String) {
    let status: [(String, JSON?)] = [("status", "enabled"), ("usedBy", .strings(orNothing: usedBy))]
    switch service {
    case .loadBalancer(let balancer):
      let servers = balancer.servers.map { "\($0.url)" }
      var seen = Set<String>()
      let states = servers.filter { seen.insert($0).inserted }.map {
        ($0, Optional(JSON.string(isUp($0) ? "UP" : "DOWN")))
      }
      let json = JSON.object([("loadBalancer", loadBalancer(balancer))] + status)
      return (json.adding([("serverStatus", states.isEmpty ? nil : .object(states))]), "loadbalancer")
    case .weighted(let weighted):
      let services = weighted.services.map {
        JSON.object([("name", .string($0.name)), ("weight", .integer($0.weight))])
      }
      let shape = JSON.object([
        ("services", services.isEmpty ? nil : .array(services)), ("sticky", weighted.sticky.flatMap(sticky)),
        ("healthCheck", propagation(weighted.healthCheck)),
      ])
      return (.object([("weighted", shape)] + status), "weighted")
    case .failover(let failover):
      let shape = JSON.object([
        ("service", .string(failover.service)), ("fallback", .string(failover.fallback)),
        ("healthCheck", propagation(failover.healthCheck)),
      ])
      return (.object([("failover", shape)] + status), "failover")
    case .highestRandomWeight(let hashed):
      let services = hashed.services.map {
        JSON.object([("name", .string($0.name)), ("weight", .integer($0.weight))])
      }
      let shape = JSON.object([
        ("services", services.isEmpty ? nil : .array(services)), ("healthCheck", propagation(hashed.healthCheck)),
      ])
      return (.object([("highestRandomWeight", shape)] + status), "highestrandomweight")
    case .mirroring(let mirroring): return (.object([("mirroring", self.mirroring(mirroring))] + status), "mirroring")
    }
  }

  private static func mirroring(_ mirroring: Mirroring) -> JSON {
    let mirrors = mirroring.mirrors.map {
      JSON.object([("name", .string($0.name)), ("percent", $0.percent == 0 ? nil : .integer($0.percent))])
    }
    return .object([
      ("service", .string(mirroring.service)), ("mirrorBody", .boolean(mirroring.mirrorBody)),
      ("maxBodySize", .integer(mirroring.maxBodySize)), ("mirrors", mirrors.isEmpty ? nil : .array(mirrors)),
      ("healthCheck", propagation(mirroring.healthCheck)),
    ])
  }

  private static func propagation(_ written: HealthCheckPropagation?) -> JSON? { written.map { _ in .object([]) } }

  private static func loadBalancer(_ balancer: LoadBalancer) -> JSON {
    let servers = balancer.servers.map { server in
      JSON.object([
        ("url", .string("\(server.url)")), ("weight", server.weight == 1 ? nil : .integer(server.weight)),
        ("preservePath", .boolean(orNothing: server.preservePath)),
      ])
    }
    return .object([
      ("sticky", balancer.sticky.flatMap(sticky)),
      ("servers", servers.isEmpty ? nil : .array(servers)),
      ("strategy", .string(balancer.strategy.rawValue)),
      ("healthCheck", balancer.healthCheck.map(HealthCheckShape.active)),
      ("passiveHealthCheck", balancer.passiveHealthCheck.map(HealthCheckShape.passive)),
      ("passHostHeader", .boolean(balancer.passHostHeader)),
      // Traefik's default, whatever the file says: bytes are sent as they come.
      ("responseForwarding", .object([("flushInterval", .string("100ms"))])),
      ("serversTransport", .string(orNothing: balancer.serversTransport)),
    ])
  }

  private static func sticky(_ sticky: Sticky) -> JSON? {
    guard let cookie = sticky.cookie else { return nil }
    let shape = JSON.object([
      ("name", .string(orNothing: cookie.name)), ("secure", .boolean(orNothing: cookie.secure)),
      ("httpOnly", .boolean(orNothing: cookie.httpOnly)), ("sameSite", cookie.sameSite.map { .string($0.rawValue) }),
      ("maxAge", cookie.maxAge == 0 ? nil : .integer(cookie.maxAge)), ("path", .string(orNothing: cookie.path)),
      ("domain", .string(orNothing: cookie.domain)),
    ])
    return .object([("cookie", shape)])
  }

  // MARK: Middlewares

  static func middleware(_ middleware: Middleware, usedBy: [String]) -> (json: JSON, type: String) {
    let key = MiddlewareShape.key(middleware)
    let json = JSON.object([
      (key, MiddlewareShape.settings(middleware)), ("status", "enabled"), ("usedBy", .strings(orNothing: usedBy)),
    ])
    return (json, key.lowercased())
  }

  /// A service or middleware in a list, where it also says its name, provider and type.
  static func item(_ name: String, _ shape: (json: JSON, type: String)) -> JSON {
    let name = qualified(name)
    return shape.json.adding([
      ("name", .string(name)), ("provider", .string(provider(name))), ("type", .string(shape.type)),
    ])
  }
}
