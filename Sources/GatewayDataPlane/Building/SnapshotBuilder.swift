public import GatewayModel
public import Identity
public import NIOPosix
import Observability
public import SharedLimits

/// Compiles a validated configuration into a Snapshot.
///
/// Everything that a request would have to look up by name is resolved here: routers to tables, middlewares to chains,
/// services to servers with stable numbers, metric series to handles, certificates to TLS contexts. It runs off the
/// event loops, since it reads certificate files and sorts routers. Middlewares that did not change are carried over
/// from the Snapshot before, so that what they count or remember outlives a reload.
///
/// The configuration is valid (names exist, rules parse); what can still fail is what only the outside knows, such as a
/// certificate file. All such problems are reported at once in a `BuildFailure`.
public final class SnapshotBuilder {
  /// What a Snapshot is made of besides the configuration itself.
  public struct Surroundings: Sendable {
    public var registry = ServerRegistry()
    public var protections = ProtectionRegistry()
    public var series: SeriesSource
    /// For what would hold up a loop: password hashes, files. Started by its owner.
    public var threadPool: NIOThreadPool
    /// Where shared limits keep their counts.
    public var limitStores: SharedLimitStores
    /// Key sets at URLs, fetched by their owner.
    public var keySets = KeySetRegistry()
    /// The gateway's SVID and the bundles, published by their owner.
    public var identities = IdentitySource()
    /// The text of a file that a middleware names; nil when it cannot be read.
    public var text: @Sendable (String) -> String?
    /// Its bytes, for what need not be text, such as a secret.
    public var bytes: @Sendable (String) -> [UInt8]?
    /// Makes the certificate that answers when none is configured, as Traefik does.
    public var generateCertificate: (@Sendable () throws -> (certificate: String, key: String))?

    public init(
      series: SeriesSource, threadPool: NIOThreadPool, limitStores: SharedLimitStores = SharedLimitStores(),
      text: @escaping @Sendable (String) -> String?, bytes: (@Sendable (String) -> [UInt8]?)? = nil,
      generateCertificate: (@Sendable () throws -> (certificate: String, key: String))? = nil
    ) {
      self.series = series
      self.threadPool = threadPool
      self.limitStores = limitStores
      self.text = text
      self.bytes = bytes ?? { text($0).map { Array($0.utf8) } }
      self.generateCertificate = generateCertificate
    }
  }

  private let surroundings: Surroundings
  private var previousMiddlewares: [String: (configuration: GatewayModel.Middleware, made: any Middleware)] = [:]

  private var serverStates = ServerStates()

  public init(_ surroundings: Surroundings) {
    self.surroundings = surroundings
  }

  /// Builds generation `generation`.
  public func build(_ configuration: ValidatedConfiguration, generation: UInt64) throws(BuildFailure) -> Snapshot {
    var services = ServiceBuilder(configuration, surroundings, previous: serverStates)
    services.buildAll()
    var chains = ChainBuilder(
      configuration.dynamic.http.middlewares, surroundings, previous: previousMiddlewares, services: services.plans,
      askedServers: services.askedServers, labels: configuration.static.labels)
    var tls = TLSBuilder(
      configuration.dynamic.tls, identities: surroundings.identities,
      generatedDefault: surroundings.generateCertificate)
    var entryPoints: [EntryPointPlan] = []
    var problems: [BuildProblem] = []
    for (index, entryPoint) in configuration.static.entryPoints.enumerated() {
      let routers = EntryPointRouters(entryPoint, configuration)
      let plain = routeSet(routers.plain, entryPoint.value, configuration, &chains, services.plans, &problems)
      let secure = routeSet(routers.secure, entryPoint.value, configuration, &chains, services.plans, &problems)
      let options = localName(entryPoint.value.http.tls?.options ?? "default")
      let table = routers.usesTLS ? tls.table(hostOptions: routers.hostOptions, defaultOptions: options) : nil
      entryPoints.append(
        EntryPointPlan(
          name: entryPoint.name, index: index, plain: plain, secure: secure, configuration: entryPoint.value,
          tls: table,
          ledgerOwner: surroundings.series.ledgerOwner("entryPoint", entryPoint.name),
          series: surroundings.series.entryPoint(entryPoint.name),
          openConnections: surroundings.series.metrics.openConnections(entryPoint: entryPoint.name)))
    }
    chains.makeUnused()
    problems += services.problems + chains.problems + tls.problems
    guard problems.isEmpty else {
      // What is used twice is read twice, and told once.
      var told: Set<BuildProblem> = []
      throw BuildFailure(problems: problems.filter { told.insert($0).inserted })
    }
    previousMiddlewares = chains.made
    surroundings.protections.commit(chains.protections)
    serverStates = services.states
    return Snapshot(
      generation: generation, entryPoints: entryPoints, servers: services.servers,
      services: services.plans.values.filter { !$0.servers.isEmpty }.sorted { $0.name < $1.name },
      probes: services.probes.plans, cursorCount: services.cursorCount, certificateExpiries: tls.expiries)
  }

  private func routeSet(
    _ routers: [EntryPointRouters.Entry], _ entryPoint: EntryPoint, _ configuration: ValidatedConfiguration,
    _ chains: inout ChainBuilder, _ services: [String: ServicePlan], _ problems: inout [BuildProblem]
  ) -> RouteSet {
    var plans: [RouterPlan] = []
    var rules: [Route] = []
    plans.reserveCapacity(routers.count)
    rules.reserveCapacity(routers.count)
    for (order, entry) in routers.enumerated() {
      var middlewares: [any Middleware] = []
      let service = services[localName(entry.service)] ?? services[""]
      if let redirect = entry.redirect {
        chains.appendInline(.redirectScheme(redirect), to: &middlewares, name: entry.name)
      }
      for name in entry.middlewares {
        chains.append(
          name, to: &middlewares, from: "http.routers.\(entry.name)", service: service?.name ?? entry.service)
      }
      if let at = middlewares.firstIndex(where: { $0.asksIdentity }),
        !middlewares[..<at].contains(where: { $0.verifiesIdentity })
      {
        problems.append(
          BuildProblem(
            path: "http.routers.\(entry.name).middlewares",
            what: "a middleware asks for a claim (sourceCriterion.jwtClaim, or a policy), and none before it verifies "
              + "a token: jwt has to stand before it"))
      }
      let isInternal = entry.redirect == nil && entry.service.hasSuffix("@internal") && entry.service != "noop@internal"
      if isInternal, let refusal = InternalServices.refusal(entry.service, configuration.static) {
        problems.append(BuildProblem(path: "http.routers.\(entry.name).service", what: refusal))
        continue
      }
      if let path = InternalServices.path(entry.service) {
        chains.appendInline(.replacePath(path), to: &middlewares, name: entry.name)
      }
      guard let service else { continue }
      let name = entry.name.utf8.contains(UInt8(ascii: "@")) ? entry.name : entry.name + "@file"
      plans.append(
        RouterPlan(
          name: name, middlewares: middlewares, service: service,
          series: surroundings.series.router(name, service: service.name),
          ledgerOwner: surroundings.series.ledgerOwner("router", name),
          labels: RouterLabel.list(entry.labels)))
      let rule = InternalServices.narrowed(entry.rule, entry.service, configuration.static)
      rules.append(Route(rule: rule, priority: entry.priority, order: order))
    }
    return RouteSet(table: RouteTable(rules, labels: configuration.static.labels), routes: plans)
  }
}

/// `name@file` is `name`: there is one provider.
func localName(_ name: String) -> String {
  name.hasSuffix("@file") ? String(name.dropLast(5)) : name
}

/// Which routers answer on an entry point, and on which side of TLS.
struct EntryPointRouters {
  struct Entry {
    var name: String
    var rule: Rule
    var priority: Int
    var middlewares: [String]
    var service: String
    var labels: NamedValues<String> = [:]
    var redirect: RedirectScheme?
  }

  private(set) var plain: [Entry] = []
  private(set) var secure: [Entry] = []
  private(set) var hostOptions: [String: String] = [:]
  private(set) var usesTLS = false

  init(_ entryPoint: NamedValues<EntryPoint>.Element, _ configuration: ValidatedConfiguration) {
    usesTLS = entryPoint.value.http.tls != nil
    let usual = localName(entryPoint.value.http.tls?.options ?? "default")
    for router in configuration.routers {
      for binding in router.bindings where binding.entryPoint == entryPoint.name {
        let entry = Entry(
          name: router.name, rule: router.rule, priority: router.priority, middlewares: binding.middlewares,
          service: router.service, labels: router.labels)
        guard let tls = binding.tls else {
          plain.append(entry)
          continue
        }
        usesTLS = true
        secure.append(entry)
        let options = localName(tls.options)
        if options != usual { for host in router.rule.literalHosts { note(options, for: host, usual) } }
      }
    }
    addRedirection(entryPoint, configuration)
    let own = InternalServices.routers(on: entryPoint.name, configuration.static)
    if entryPoint.value.http.tls == nil { plain += own } else { secure += own }
  }

  /// Two routers that want different options for one host get the usual ones, as in Traefik.
  private mutating func note(_ options: String, for host: String, _ usual: String) {
    let isContradicted = hostOptions[host].map { $0 != options } ?? false
    hostOptions[host] = isContradicted ? usual : options
  }

  /// `http.redirections` is a router of its own that comes before the others.
  private mutating func addRedirection(
    _ entryPoint: NamedValues<EntryPoint>.Element, _ configuration: ValidatedConfiguration
  ) {
    guard let redirection = configuration.redirections[entryPoint.name] else { return }
    var target = RedirectScheme()
    target.scheme = redirection.scheme
    target.permanent = redirection.permanent
    target.port = redirection.port
    let entry = Entry(
      name: "\(entryPoint.name)-redirection@internal", rule: .match(.pathPrefix("/")), priority: redirection.priority,
      middlewares: [], service: "", redirect: target)
    if entryPoint.value.http.tls == nil { plain.append(entry) } else { secure.append(entry) }
  }
}
