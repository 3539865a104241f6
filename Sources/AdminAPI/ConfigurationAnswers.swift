import GatewayModel

/// `/api/overview`, `/api/rawdata` and `/api/http/…`: the configuration that serves, in Traefik's shapes.
struct ConfigurationAnswers {
  let sources: AdminSources
  let settings: StaticConfiguration

  /// The answer at a path below `/api`; nil when there is nothing.
  func find(_ path: [String], _ query: [String: String]) -> AdminAnswer? {
    let configuration = sources.installed()?.configuration
    switch path.first {
    case "overview" where path.count == 1: return overview(configuration)
    case "rawdata" where path.count == 1: return rawData(configuration)
    case "http" where path.count == 2 || path.count == 3: break
    default: return nil
    }
    let items: [Listing.Item]
    switch path[1] {
    case "routers": items = routers(configuration)
    case "services": items = services(configuration)
    case "middlewares": items = middlewares(configuration)
    default: return nil
    }
    if path.count == 2 { return Listing(query: query).answer(items) }
    guard let item = items.first(where: { $0.name == path[2] || $0.name == path[2] + "@file" }) else {
      return .notFound("\(path[1].dropLast()) not found: \(path[2])")
    }
    return .json(item.json)
  }

  // MARK: Lists

  private func routers(_ configuration: ValidatedConfiguration?) -> [Listing.Item] {
    guard let configuration else { return [] }
    return configuration.routers.map { router in
      let name = HTTPShape.qualified(router.name)
      var item = Listing.Item(name: name, json: HTTPShape.routerItem(router, configuration.dynamic))
      item.provider = HTTPShape.provider(name)
      item.rule = router.ruleText
      item.service = router.service
      item.priority = router.priority
      item.entryPoints = router.bindings.count
      let written = configuration.dynamic.http.routers[router.name]?.middlewares ?? []
      item.middlewares = written.map(HTTPShape.qualified)
      return item
    }
  }

  private func services(_ configuration: ValidatedConfiguration?) -> [Listing.Item] {
    guard let configuration else { return [] }
    let users = Users(configuration)
    return configuration.dynamic.http.services.map { element in
      let shape = shape(of: element, users)
      var item = Listing.Item(name: HTTPShape.qualified(element.name), json: HTTPShape.item(element.name, shape))
      item.provider = HTTPShape.provider(item.name)
      item.type = shape.type
      if case .loadBalancer(let balancer) = element.value { item.servers = balancer.servers.count }
      return item
    }
  }

  private func middlewares(_ configuration: ValidatedConfiguration?) -> [Listing.Item] {
    guard let configuration else { return [] }
    let users = Users(configuration)
    return configuration.dynamic.http.middlewares.map { element in
      let shape = HTTPShape.middleware(element.value, usedBy: users.ofMiddleware(element.name))
      var item = Listing.Item(name: HTTPShape.qualified(element.name), json: HTTPShape.item(element.name, shape))
      item.provider = HTTPShape.provider(item.name)
      item.type = shape.type
      return item
    }
  }

  private func shape(of element: NamedValues<Service>.Element, _ users: Users) -> (json: JSON, type: String) {
    let isServerUp = sources.isServerUp
    return HTTPShape.service(element.value, usedBy: users.ofService(element.name)) { isServerUp(element.name, $0) }
  }

  /// Which routers lead to what.
  private struct Users {
    private var services: [String: [String]] = [:]
    private var middlewares: [String: [String]] = [:]

    init(_ configuration: ValidatedConfiguration) {
      for router in configuration.routers.sorted(by: { $0.name < $1.name }) {
        let name = HTTPShape.qualified(router.name)
        services[HTTPShape.qualified(router.service), default: []].append(name)
        let written = configuration.dynamic.http.routers[router.name]?.middlewares ?? []
        for middleware in Set(written.map(HTTPShape.qualified)) { middlewares[middleware, default: []].append(name) }
      }
    }

    func ofService(_ name: String) -> [String] { services[HTTPShape.qualified(name)] ?? [] }
    func ofMiddleware(_ name: String) -> [String] { middlewares[HTTPShape.qualified(name)] ?? [] }
  }

  // MARK: Everything at once

  private func rawData(_ configuration: ValidatedConfiguration?) -> AdminAnswer {
    guard let configuration else { return .json(.object([])) }
    let users = Users(configuration)
    let http = configuration.dynamic.http
    let routers = configuration.routers.map {
      (HTTPShape.qualified($0.name), Optional(HTTPShape.router($0, configuration.dynamic)))
    }
    let middlewares = http.middlewares.map {
      (
        HTTPShape.qualified($0.name),
        Optional(HTTPShape.middleware($0.value, usedBy: users.ofMiddleware($0.name)).json)
      )
    }
    let services = http.services.map { (HTTPShape.qualified($0.name), Optional(shape(of: $0, users).json)) }
    return .json(
      .object([
        ("routers", routers.isEmpty ? nil : .object(routers)),
        ("middlewares", middlewares.isEmpty ? nil : .object(middlewares)),
        ("services", services.isEmpty ? nil : .object(services)),
      ]))
  }

  private func overview(_ configuration: ValidatedConfiguration?) -> AdminAnswer {
    func section(_ total: Int) -> JSON {
      .object([("total", .integer(total)), ("warnings", 0), ("errors", 0)])
    }
    let http = configuration?.dynamic.http
    let streams = JSON.object([("routers", section(0)), ("services", section(0)), ("middlewares", section(0))])
    let reloadFailure = sources.reloadFailure()
    return .json(
      .object([
        (
          "http",
          .object([
            ("routers", section(configuration?.routers.count ?? 0)),
            ("services", section(http?.services.count ?? 0)),
            ("middlewares", section(http?.middlewares.count ?? 0)),
          ])
        ),
        ("tcp", streams),
        ("udp", .object([("routers", section(0)), ("services", section(0))])),
        (
          "features",
          .object([
            ("tracing", ""), ("metrics", .string(settings.metrics.prometheus == nil ? "" : "Prometheus")),
            ("accessLog", .boolean(settings.accessLog?.enabled ?? false)),
          ])
        ),
        ("providers", ["File"].asJSON),
        ("lastReloadFailure", reloadFailure.map { .string($0.message) }),
      ]))
  }
}

extension [String] {
  fileprivate var asJSON: JSON { .strings(self) }
}
