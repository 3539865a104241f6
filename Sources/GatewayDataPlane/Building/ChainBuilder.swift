import GatewayModel
import NIOCore

/// Resolves names of middlewares to objects, each made once for a Snapshot, chains flattened.
struct ChainBuilder {
  private let configurations: NamedValues<GatewayModel.Middleware>
  private let surroundings: SnapshotBuilder.Surroundings
  private let previous: [String: (configuration: GatewayModel.Middleware, made: any Middleware)]
  private let services: [String: ServicePlan]
  private let askedServers: [String: ServerPlan]
  private let labels: NamedValues<LabelSource>
  private(set) var made: [String: (configuration: GatewayModel.Middleware, made: any Middleware)] = [:]
  private(set) var problems: [BuildProblem] = []
  private var failed: Set<String> = []
  /// What protections know, by middleware and service.
  private(set) var protections: ProtectionRegistry.Draft
  private var links: [ProtectionRegistry.Key: any Middleware] = [:]

  init(
    _ configurations: NamedValues<GatewayModel.Middleware>, _ surroundings: SnapshotBuilder.Surroundings,
    previous: [String: (configuration: GatewayModel.Middleware, made: any Middleware)], services: [String: ServicePlan],
    askedServers: [String: ServerPlan], labels: NamedValues<LabelSource>
  ) {
    self.askedServers = askedServers
    self.labels = labels
    self.configurations = configurations
    self.surroundings = surroundings
    self.previous = previous
    self.services = services
    protections = surroundings.protections.draft()
  }

  /// Appends the middleware, or what a chain stands for. Depth is bounded by validation and once more here.
  ///
  /// - Parameter service: where the chain leads, by which protections keep what they know.
  mutating func append(
    _ name: String, to chain: inout [any Middleware], from path: String, service: String, depth: Int = 0
  ) {
    let name = localName(name)
    guard depth < 32, let configuration = configurations[name] else {
      problems.append(BuildProblem(path: path + ".middlewares", what: "no middleware \(name)"))
      return
    }
    if case .chain(let links) = configuration {
      for link in links.middlewares {
        append(link, to: &chain, from: "http.middlewares.\(name)", service: service, depth: depth + 1)
      }
      return
    }
    if let middleware = object(name, configuration, service) { chain.append(middleware) }
  }

  /// A middleware that has no name of its own.
  mutating func appendInline(_ configuration: GatewayModel.Middleware, to chain: inout [any Middleware], name: String) {
    if let made = make(configuration, name, service: nil) { chain.append(made) }
  }

  private mutating func object(
    _ name: String, _ configuration: GatewayModel.Middleware, _ service: String
  ) -> (any Middleware)? {
    if configuration.protectsService { return protection(name, configuration, service) }
    if let one = made[name] { return one.made }
    if failed.contains(name) { return nil }
    // What a middleware holds of the Snapshot (`errors` a service) must be this Snapshot's.
    if let before = previous[name], before.configuration == configuration, !configuration.namesServices {
      made[name] = before
      return before.made
    }
    guard let middleware = make(configuration, name, service: nil) else {
      failed.insert(name)
      return nil
    }
    made[name] = (configuration, middleware)
    return middleware
  }

  /// Makes those that no router has and that read files, so that a file that is missing is told with the others.
  mutating func makeUnused() {
    for element in configurations where element.value.readsFiles {
      _ = object(localName(element.name), element.value, "")
    }
  }

  /// One link for each middleware and service. It is made anew each time, what it knows is not.
  private mutating func protection(
    _ name: String, _ configuration: GatewayModel.Middleware, _ service: String
  ) -> (any Middleware)? {
    let key = ProtectionRegistry.Key(middleware: name, service: service)
    if let one = links[key] { return one }
    if failed.contains(name) { return nil }
    guard let link = make(configuration, name, service: service) else {
      failed.insert(name)
      return nil
    }
    links[key] = link
    return link
  }

  private mutating func make(
    _ configuration: GatewayModel.Middleware, _ name: String, service: String?
  ) -> (any Middleware)? {
    let services = self.services
    var context = MiddlewareCompiler.Context(
      threadPool: surroundings.threadPool, metrics: surroundings.series.metrics,
      limitStores: surroundings.limitStores, service: { services[localName($0)] }, text: surroundings.text)
    context.bytes = surroundings.bytes
    if let service {
      context.policy = protections.policy(
        ProtectionRegistry.Key(middleware: name, service: service), configuration,
        now: NIODeadline.now().uptimeNanoseconds)
    }
    context.keySets = surroundings.keySets
    context.labels = labels
    context.askedServer = { [askedServers] in askedServers[$0] }
    do {
      return try MiddlewareCompiler.compile(configuration, name: name, context: context)
    } catch {
      problems.append(BuildProblem(path: "http.middlewares.\(name)", what: "\(error)"))
      return nil
    }
  }
}

extension GatewayModel.Middleware {
  /// Whether it keeps something for each service its chain leads to.
  fileprivate var protectsService: Bool {
    switch self {
    case .circuitBreaker, .retry, .timeout, .hedge, .adaptiveConcurrency: true
    default: false
    }
  }

  /// Whether it has to be made anew for each Snapshot. A file may have changed though its name has not.
  fileprivate var namesServices: Bool {
    switch self {
    case .errors, .forwardAuth, .opa: true
    default: readsFiles
    }
  }

  fileprivate var readsFiles: Bool {
    switch self {
    case .basicAuth(let auth): auth.usersFile != nil
    case .jwt(let jwt): jwt.jwks?.file != nil || jwt.secretFile != nil || jwt.publicKey?.hasPrefix("-----") == false
    default: false
    }
  }
}
