import GatewayModel

/// What is defined and nobody uses: dead text, or a name that was mistyped where it should have been used.
enum UnusedChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    let configuration = context.configuration
    let http = context.http
    var middlewares = configuration.static.entryPoints.flatMap(\.value.http.middlewares)
    middlewares += http.routers.flatMap(\.value.middlewares)
    let usedMiddlewares = reached(middlewares) { name in
      if case .chain(let chain)? = http.middlewares[name] { chain.middlewares } else { [] }
    }
    var services = http.routers.map(\.value.service)
    for name in usedMiddlewares {
      if let middleware = http.middlewares[name] { services += middleware.services }
    }
    let usedServices = Set(context.reach.services(from: services))
    let usedTransports = Set(
      http.services.compactMap { element -> String? in
        guard usedServices.contains(element.name), case .loadBalancer(let balancer) = element.value else { return nil }
        return balancer.serversTransport
      })
    var options = http.routers.compactMap(\.value.tls?.options)
    options += configuration.static.entryPoints.compactMap(\.value.http.tls?.options)

    return unused(context, .middlewareUnused, http.middlewares.names, usedMiddlewares, "middleware") { .middleware($0) }
      + unused(context, .serviceUnused, http.services.names, usedServices, "service") { .service($0) }
      + unused(context, .transportUnused, http.serversTransports.names, usedTransports, "servers transport") {
        .transport($0)
      }
      + unused(
        context, .tlsOptionsUnused, configuration.dynamic.tls.options.names, Set(options + ["default"]), "TLS options"
      ) { ["tls", "options", .key($0)] }
      + entryPoints(context) + withoutServers(context, usedServices) + twice(context)
  }

  private static func unused(
    _ context: LintContext, _ code: FindingCode, _ names: [String], _ used: Set<String>, _ noun: String,
    _ path: (String) -> ConfigurationPath
  ) -> [Finding] {
    names.filter { !used.contains($0) }.map {
      context.finding(
        code, at: path($0), "nothing uses the \(noun) \($0)", advice: "delete it, or name it where it belongs")
    }
  }

  /// An entry point may also serve redirections, /ping or /metrics.
  private static func entryPoints(_ context: LintContext) -> [Finding] {
    let configuration = context.configuration
    var used = Set(configuration.routers.flatMap(\.bindings).map(\.entryPoint))
    used.formUnion(configuration.redirections.names)
    if let ping = configuration.static.ping { used.insert(ping.entryPoint) }
    if let prometheus = configuration.static.metrics.prometheus { used.insert(prometheus.entryPoint) }
    if configuration.static.api?.insecure == true { used.insert("traefik") }
    return configuration.static.entryPoints.names.filter { !used.contains($0) }.map {
      context.finding(
        .entryPointUnused, at: .entryPoint($0),
        "no router listens on \($0): every request there gets 404",
        advice: "close the port by deleting it, or name it in entryPoints of a router")
    }
  }

  private static func withoutServers(_ context: LintContext, _ used: Set<String>) -> [Finding] {
    context.http.services.compactMap { element in
      guard used.contains(element.name) else { return nil }
      switch element.value {
      case .loadBalancer(let balancer):
        guard balancer.servers.allSatisfy({ $0.weight == 0 }) else { return nil }
        let reason = balancer.servers.isEmpty ? "has no servers" : "has servers of weight 0 only"
        return context.finding(
          .serviceWithoutServers, at: .service(element.name).key("loadBalancer"),
          "the service \(element.name) \(reason): every request gets 503", advice: "give it a server")
      case .weighted(let weighted):
        guard weighted.services.allSatisfy({ $0.weight == 0 }) else { return nil }
        return context.finding(
          .serviceWithoutServers, at: .service(element.name).key("weighted"),
          "the service \(element.name) has services of weight 0 only: every request gets 503",
          advice: "give one of them a weight")
      default: return nil
      }
    }
  }

  /// The same middleware twice in one chain: by the entry point and by the router, or by two chains.
  private static func twice(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    return context.views.compactMap { view in
      var met: Set<String> = []
      guard let step = view.steps.first(where: { !met.insert($0.name).inserted }) else { return nil }
      guard seen.insert("\(view.router.name) \(step.name)").inserted else { return nil }
      let isEntryPoint = context.reach.steps(view.entryPoint.http.middlewares).contains { $0.name == step.name }
      return context.finding(
        .middlewareTwice, at: view.path.key("middlewares"),
        "a request of \(view.router.name) passes \(step.name) twice"
          + (isEntryPoint ? ", once for the entry point \(view.binding.entryPoint)" : "")
          + ": limits count it twice, prefixes are stripped twice",
        advice: "name it once", related: [context.related(.middleware(step.name), "the middleware")])
    }
  }

  private static func reached(_ names: [String], _ parts: (String) -> [String]) -> Set<String> {
    var seen: Set<String> = []
    var rest = names
    while let name = rest.popLast() {
      if seen.insert(name).inserted { rest += parts(name) }
    }
    return seen
  }
}

extension Middleware {
  /// The services it asks.
  var services: [String] {
    switch self {
    case .errors(let errors): [errors.service]
    case .circuitBreaker(let breaker): breaker.fallback?.service.map { [$0] } ?? []
    default: []
    }
  }
}
