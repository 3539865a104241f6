import Crypto
import GatewayModel
import NIOSSL
import Observability
import ResiliencePolicies

/// Compiles services and the transports of their servers.
struct ServiceBuilder {
  private let configuration: StaticConfiguration
  private let dynamic: DynamicConfiguration
  private let ownServices: [String]
  private let surroundings: SnapshotBuilder.Surroundings
  private(set) var plans: [String: ServicePlan] = [:]
  private(set) var servers: [ServerPlan] = []
  /// By the name of the middleware that asks.
  private(set) var askedServers: [String: ServerPlan] = [:]
  private(set) var cursorCount = 0
  private(set) var problems: [BuildProblem] = []
  private var numbers: [String: ServerRegistry.Entry] = [:]
  private var serversByKey: [String: ServerPlan] = [:]
  private var ways: [String: ServerTLS.Way] = [:]

  /// What is known of servers, taken over from the Snapshot before where service and server are the same.
  private(set) var states: ServerStates
  private(set) var probes = ProbeCollection()

  init(
    _ configuration: ValidatedConfiguration, _ surroundings: SnapshotBuilder.Surroundings, previous: ServerStates
  ) {
    states = previous.successor()
    self.configuration = configuration.static
    dynamic = configuration.dynamic
    ownServices = InternalServices.used(configuration)
    self.surroundings = surroundings
  }

  mutating func buildAll() {
    var keys: [String] = []
    var trusts: [String: ServerTrust] = [:]
    for service in dynamic.http.services {
      guard case .loadBalancer(let balancer) = service.value else { continue }
      let trust = ServerTrust(transport(balancer.serversTransport))
      for server in balancer.servers {
        let key = key(server, balancer)
        keys.append(key)
        if server.url.scheme == .https { trusts[key] = trust }
      }
    }
    let asked = AskedServices(dynamic.http.middlewares)
    let own = ownServices.isEmpty ? nil : InternalServices.url(configuration.admin.address)
    numbers = surroundings.registry.numbers(
      for: keys + asked.services.map(\.key) + (own == nil ? [] : [Self.ownKey]), trusts: trusts)
    if let own { buildOwn(own) }
    for service in asked.services { buildAsked(service) }
    for service in dynamic.http.services { _ = plan(service.name, depth: 0) }
    // Those that nobody uses yet: their files are looked at with all others, and not when somebody does.
    for transport in dynamic.http.serversTransports where transport.value.spiffe == nil {
      _ = way(transport.value, name: transport.name)
    }
    // Stands behind routers that only redirect.
    plans[""] = ServicePlan(
      name: "noop@internal", kind: .loadBalancer([]), cursor: 0, sticky: nil, series: nil, failures: nil, retries: nil)
  }

  private static let ownKey = "admin"

  /// The admin server, behind the names that routers give it.
  private mutating func buildOwn(_ url: ServerURL) {
    guard let number = numbers[Self.ownKey] else { return }
    let server = ServerPlan(
      number, url: url, passHost: true, preservePath: false, tls: nil, transport: TransportPlan(ServersTransport()),
      ledgerOwner: surroundings.series.ledgerOwner("server", url.description),
      stickyToken: StickyCompiler.token(url.description))
    servers.append(server)
    for name in ownServices {
      plans[name] = ServicePlan(
        name: name, kind: .loadBalancer([ServicePlan.WeightedServer(server: server, weight: 1)]), cursor: cursorCount,
        sticky: nil, series: surroundings.series.service(name),
        failures: surroundings.series.failures(service: name),
        retries: surroundings.series.metrics.retries(service: name))
      cursorCount += ServicePlan.cursorsNeeded(1)
    }
  }

  private func key(_ server: Server, _ balancer: LoadBalancer) -> String {
    let protocols = transport(balancer.serversTransport).disableHTTP2
    return "\(server.url.description)|\(balancer.serversTransport ?? "")|\(protocols)|\(balancer.passHostHeader)"
      + "|\(server.preservePath)"
  }

  private mutating func plan(_ name: String, depth: Int) -> ServicePlan? {
    let name = localName(name)
    if let made = plans[name] { return made }
    guard depth < 16, let service = dynamic.http.services[name] else { return nil }
    let kind: ServicePlan.Kind
    var sticky: Sticky?
    var memberCount = 1
    var policy = ServicePlan.Policy()
    switch service {
    case .loadBalancer(let balancer):
      let built = members(of: balancer, name)
      kind = .loadBalancer(built)
      memberCount = built.count
      sticky = balancer.sticky
      policy = self.policy(balancer, name, built)
      if let check = balancer.healthCheck { collectProbes(check, balancer, name, built, policy.outliers) }
    case .weighted(let weighted):
      let children = children(weighted.services, depth)
      kind = .weighted(children)
      memberCount = children.count
      sticky = weighted.sticky
    case .highestRandomWeight(let hashed):
      kind = .hashed(children(hashed.services, depth))
    case .failover(let failover):
      guard let main = plan(failover.service, depth: depth + 1),
        let fallback = plan(failover.fallback, depth: depth + 1)
      else { return nil }
      kind = .failover(main: main, fallback: fallback)
    case .mirroring(let mirroring):
      guard let main = plan(mirroring.service, depth: depth + 1) else { return nil }
      kind = .mirroring(main: main, mirrorPlan(mirroring, name, depth))
    }
    let made = ServicePlan(
      name: name + "@file", kind: kind, cursor: cursorCount, sticky: StickyCompiler.compile(sticky, service: name),
      policy: policy,
      series: surroundings.series.service(name + "@file"),
      failures: surroundings.series.failures(service: name + "@file"),
      retries: surroundings.series.metrics.retries(service: name + "@file"))
    cursorCount += ServicePlan.cursorsNeeded(memberCount)
    plans[name] = made
    return made
  }

  private mutating func children(_ services: [WeightedService], _ depth: Int) -> [ServicePlan.WeightedChild] {
    services.compactMap { child in
      plan(child.name, depth: depth + 1).map { ServicePlan.WeightedChild(service: $0, weight: max(0, child.weight)) }
    }
  }

  private mutating func mirrorPlan(_ mirroring: Mirroring, _ service: String, _ depth: Int) -> MirrorPlan {
    let targets = mirroring.mirrors.compactMap { mirror -> MirrorPlan.Target? in
      guard mirror.percent > 0, let plan = plan(mirror.name, depth: depth + 1) else { return nil }
      return MirrorPlan.Target(
        service: plan, percent: UInt64(clamping: mirror.percent), places: MirrorPlaces(mirroring.maxInFlight),
        ledgerOwner: surroundings.series.ledgerOwner("mirror", plan.name),
        outcomes: surroundings.series.mirrors(service: service + "@file", mirror: plan.name))
    }
    return MirrorPlan(mirroring, targets)
  }

  private mutating func members(of balancer: LoadBalancer, _ service: String) -> [ServicePlan.WeightedServer] {
    let isWatched = OutlierSettings(balancer) != nil
    let hasStatus = isWatched || balancer.healthCheck != nil
    return balancer.servers.enumerated().compactMap { index, server in
      let path = "http.services.\(service).loadBalancer.servers[\(index)]"
      guard let plan = serverPlan(server, balancer, path: path) else { return nil }
      return ServicePlan.WeightedServer(
        server: plan, weight: max(0, server.weight),
        status: hasStatus ? states.status(service, key(server, balancer), balancer) : nil,
        ejections: isWatched ? surroundings.series.ejections(service: service + "@file", server: plan.url) : nil)
    }
  }

  private mutating func policy(
    _ balancer: LoadBalancer, _ service: String, _ members: [ServicePlan.WeightedServer]
  ) -> ServicePlan.Policy {
    var policy = ServicePlan.Policy()
    policy.strategy = balancer.strategy
    if let header = balancer.hashBy.header { policy.hashKey = .header(Array(header.utf8)) }
    if let cookie = balancer.hashBy.cookie { policy.hashKey = .cookie(Array(cookie.utf8)) }
    if let settings = OutlierSettings(balancer) {
      policy.outliers = states.watch(service, settings, members.compactMap(\.status))
    }
    return policy
  }

  private mutating func collectProbes(
    _ check: HealthCheck, _ balancer: LoadBalancer, _ service: String, _ members: [ServicePlan.WeightedServer],
    _ outliers: OutlierWatch?
  ) {
    for (number, (member, server)) in zip(members, balancer.servers).enumerated() {
      guard let status = member.status, let endpoint = self.endpoint(check, server.url, balancer) else { continue }
      let address = "\(server.url.scheme)://\(server.url.authority)|\(balancer.serversTransport ?? "")"
      probes.add(
        "\(address)|\(check)", url: member.server.url, endpoint: endpoint, check: check,
        ledgerOwner: member.server.ledgerOwner,
        watcher: ProbePlan.Watcher(service: service + "@file", status: status, outliers: outliers, member: number))
    }
  }

  /// Where probes of a server connect.
  private mutating func endpoint(
    _ check: HealthCheck, _ url: ServerURL, _ balancer: LoadBalancer
  ) -> ProbePlan.Endpoint? {
    var target = url
    target.port = check.port ?? url.port
    if let scheme = check.scheme { target.scheme = ServerURL.Scheme(scheme) }
    let transport = self.transport(balancer.serversTransport)
    var tls: ServerTLS?
    if target.scheme == .https {
      guard let way = way(transport, name: balancer.serversTransport) else { return nil }
      tls = ServerTLS(way, name: transport.serverName ?? (IPAddress(url.host) == nil ? url.host : nil))
    }
    return ProbePlan.Endpoint(
      host: url.host, port: target.port, tls: tls, wire: ServerWire(target.scheme, transport),
      authority: Array((check.hostname ?? target.authority).utf8))
  }

  private mutating func serverPlan(_ server: Server, _ balancer: LoadBalancer, path: String) -> ServerPlan? {
    let key = key(server, balancer)
    if let made = serversByKey[key] { return made }
    guard let number = numbers[key] else { return nil }
    let transport = self.transport(balancer.serversTransport)
    var tls: ServerTLS?
    if server.url.scheme == .https {
      guard let way = way(transport, name: balancer.serversTransport) else { return nil }
      let name = transport.serverName ?? (IPAddress(server.url.host) == nil ? server.url.host : nil)
      tls = ServerTLS(way, name: name)
    }
    let made = ServerPlan(
      number, url: server.url, passHost: balancer.passHostHeader, preservePath: server.preservePath, tls: tls,
      wire: ServerWire(server.url.scheme, transport), transport: TransportPlan(transport),
      ledgerOwner: surroundings.series.ledgerOwner("server", server.url.description),
      stickyToken: StickyCompiler.token(server.url.description))
    serversByKey[key] = made
    servers.append(made)
    return made
  }

  private func transport(_ name: String?) -> ServersTransport {
    if let name, let named = dynamic.http.serversTransports[localName(name)] { return named }
    var transport = ServersTransport()
    let defaults = configuration.serversTransport
    transport.insecureSkipVerify = defaults.insecureSkipVerify
    transport.rootCAs = defaults.rootCAs
    transport.maxIdleConnsPerHost = defaults.maxIdleConnsPerHost
    transport.forwardingTimeouts = defaults.forwardingTimeouts
    transport.spiffe = defaults.spiffe
    return transport
  }

  /// The server that a middleware asks: one of its own, with its own timeouts and TLS.
  private mutating func buildAsked(_ service: AskedServices.Service) {
    guard let number = numbers[service.key] else { return }
    let transport = service.transport
    var tls: ServerTLS?
    if service.url.scheme == .https {
      let path = "http.middlewares.\(service.middleware)"
      guard let way = way(transport, name: service.key, path: path) else { return }
      tls = ServerTLS(way, name: IPAddress(service.url.host) == nil ? service.url.host : nil)
    }
    let url = service.url.description
    let made = ServerPlan(
      number, url: service.url, passHost: false, preservePath: false, tls: tls, transport: TransportPlan(transport),
      ledgerOwner: surroundings.series.ledgerOwner("server", url), stickyToken: StickyCompiler.token(url))
    askedServers[service.middleware] = made
    if !servers.contains(where: { $0.id == number.number }) { servers.append(made) }
  }

  /// - Parameter path: the key that asks for it; nil: that of the transport.
  private mutating func way(_ transport: ServersTransport, name: String?, path: String? = nil) -> ServerTLS.Way? {
    if let made = ways[name ?? ""] { return made }
    let path = path ?? name.map { "http.serversTransports.\(localName($0))" } ?? "serversTransport"
    do {
      let made: ServerTLS.Way?
      if let peers = transport.spiffe { made = try identity(peers) } else { made = try certificates(transport, path) }
      ways[name ?? ""] = made
      return made
    } catch {
      problems.append(BuildProblem(path: path, what: "refused by the TLS library: \(error)"))
      return nil
    }
  }

  private func identity(_ peers: SPIFFEPeers) throws -> ServerTLS.Way {
    let contexts = try surroundings.identities.contexts { material in
      var client = NIOSSL.TLSConfiguration.makeClientConfiguration()
      // Names are not checked: who it is says the SVID.
      client.certificateVerification = .noHostnameVerification
      client.trustRoots = .certificates([])
      client.certificateChain = material.chain.map { .certificate($0) }
      client.privateKey = .privateKey(material.key)
      client.applicationProtocols = ["http/1.1"]
      let http1 = try NIOSSLContext(configuration: client)
      client.applicationProtocols = ["h2", "http/1.1"]
      return (http1: http1, negotiating: try NIOSSLContext(configuration: client))
    }
    return .identity(contexts, PeerCheck(source: surroundings.identities, peers: peers))
  }

  private mutating func certificates(_ transport: ServersTransport, _ path: String) throws -> ServerTLS.Way? {
    var client = NIOSSL.TLSConfiguration.makeClientConfiguration()
    client.applicationProtocols = ["http/1.1"]
    if transport.insecureSkipVerify { client.certificateVerification = .none }
    if !transport.rootCAs.isEmpty {
      client.trustRoots = .certificates(
        CertificateLoader.certificates(of: transport.rootCAs, path: path + ".rootCAs", problems: &problems))
    }
    if let pair = transport.certificates.first {
      let path = path + ".certificates[0]"
      guard let own = CertificateLoader.load(pair.certFile, pair.keyFile, path: path, problems: &problems) else {
        return nil
      }
      client.certificateChain = own.chain.map { .certificate($0) }
      client.privateKey = .privateKey(own.key)
    }
    let http1 = try NIOSSLContext(configuration: client)
    client.applicationProtocols = ["h2", "http/1.1"]
    return .certificates(.init(http1: http1, negotiating: try NIOSSLContext(configuration: client)))
  }
}

/// Compiles sticky cookies.
enum StickyCompiler {
  static func compile(_ sticky: Sticky?, service: String) -> StickyPlan? {
    guard let cookie = sticky?.cookie else { return nil }
    // Traefik's default name: an underscore and the start of a SHA-1 of the service's name.
    let name = cookie.name ?? "_" + hexadecimal(Insecure.SHA1.hash(data: Array(service.utf8)), digits: 5)
    var attributes = "; Path=\(cookie.path)"
    if let domain = cookie.domain { attributes += "; Domain=\(domain)" }
    if cookie.maxAge != 0 { attributes += "; Max-Age=\(max(0, cookie.maxAge))" }
    if cookie.httpOnly { attributes += "; HttpOnly" }
    if cookie.secure { attributes += "; Secure" }
    if let sameSite = cookie.sameSite {
      attributes += "; SameSite=" + sameSite.rawValue.prefix(1).uppercased() + sameSite.rawValue.dropFirst()
    }
    return StickyPlan(name: name, attributes: attributes) { token($0) }
  }

  static func token(_ text: String) -> [UInt8] {
    Array(hexadecimal(SHA256.hash(data: Array(text.utf8)), digits: 16).utf8)
  }

  private static func hexadecimal(_ digest: some Sequence<UInt8>, digits: Int) -> String {
    String(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined().prefix(digits))
  }
}
