import GatewayModel

/// Traefik's resources in Kubernetes as dynamic configuration.
///
/// Source: Traefik v3, reference/routing-configuration/kubernetes/crd. Names become `NAMESPACE-NAME@kubernetescrd`, as
/// Traefik makes them; a route's own services become a service of the route's name. Keys below are Traefik's own, so
/// the tables that read files read them, and what Sluice has not is told at its place. Secrets cannot be seen here:
///  keys that name them are left out.
struct CustomResources {
  static let provider = "kubernetescrd"

  private var sections: [(section: String, name: String, node: ConfigurationNode)] = []
  private(set) var namesSecrets = false
  private var position: SourcePosition?

  /// Nil when there was no resource of Traefik's.
  var tree: ConfigurationNode? {
    guard let position, !sections.isEmpty else { return nil }
    func section(_ name: String) -> (String, ConfigurationNode)? {
      let found = sections.filter { $0.section == name }
      guard !found.isEmpty else { return nil }
      return (name, .mapping(found.map { ($0.name, $0.node) }, at: found[0].node.position))
    }
    let http = ["routers", "services", "middlewares", "serversTransports"].compactMap(section)
    let tls = ["options"].compactMap(section)
    return .mapping(
      [("http", http), ("tls", tls)].filter { !$0.1.isEmpty }.map { ($0.0, .mapping($0.1, at: position)) }, at: position
    )
  }

  mutating func read(_ resource: ConfigurationNode) {
    let version = resource["apiVersion"]?.text ?? ""
    guard version.hasPrefix("traefik.io/") || version.hasPrefix("traefik.containo.us/"), let spec = resource["spec"],
      let kind = resource["kind"]?.text
    else { return }
    let namespace = resource["metadata"]?["namespace"]?.text ?? "default"
    let name = resource["metadata"]?["name"]?.text ?? ""
    let whole = Self.name(name, namespace)
    position = position ?? resource.position
    switch kind {
    case "IngressRoute": readRoutes(spec, name, namespace)
    case "Middleware": sections.append(("middlewares", whole, middleware(spec, whole, namespace)))
    case "TraefikService": sections.append(("services", whole, traefikService(spec, whole, namespace)))
    case "ServersTransport":
      sections.append(("serversTransports", whole, spec.without(["rootCAsSecrets", "certificatesSecrets", "rootCAs"])))
    case "TLSOption":
      let secrets = spec["clientAuth"]?["secretNames"] != nil
      sections.append(("options", whole, secrets ? spec.without(["clientAuth"]) : spec))
    default: break
    }
  }

  private static func name(_ name: String, _ namespace: String) -> String { "\(namespace)-\(name)@\(provider)" }

  /// `{name, namespace}` as the name of what it refers to.
  private static func reference(_ node: ConfigurationNode, _ namespace: String) -> ConfigurationNode {
    let text = node["name"]?.text ?? ""
    let whole = text.contains("@") ? text : name(text, node["namespace"]?.text ?? namespace)
    return .text(whole, at: node["name"]?.position ?? node.position)
  }

  private mutating func readRoutes(_ spec: ConfigurationNode, _ name: String, _ namespace: String) {
    for (index, route) in (spec["routes"]?.elements ?? []).enumerated() {
      let whole = Self.name("\(name)-\(index)", namespace)
      var router: [(String, ConfigurationNode)] = []
      if let rule = route["match"] { router.append(("rule", rule)) }
      if let entryPoints = spec["entryPoints"] { router.append(("entryPoints", entryPoints)) }
      for key in ["priority", "syntax", "observability"] {
        if let value = route[key] { router.append((key == "syntax" ? "ruleSyntax" : key, value)) }
      }
      if let middlewares = route["middlewares"] {
        let names = middlewares.elements.map { Self.reference($0, namespace) }
        router.append(("middlewares", .list(names, at: middlewares.position)))
      }
      let services = route["services"] ?? .list([], at: route.position)
      router.append(("service", service(services.elements, whole, namespace, at: services.position)))
      if let tls = spec["tls"] { router.append(("tls", self.tls(tls, namespace))) }
      sections.append(("routers", whole, .mapping(router, at: route.position)))
    }
  }

  private mutating func tls(_ tls: ConfigurationNode, _ namespace: String) -> ConfigurationNode {
    namesSecrets = namesSecrets || tls["secretName"] != nil
    let node = ConfigurationNode(
      .mapping(tls.entries.filter { $0.key != "secretName" && $0.key != "store" }), at: tls.position)
    guard let options = tls["options"] else { return node }
    // The option `default` is that of the default store, whatever the namespace.
    return node.with(
      "options",
      options["name"]?.text == "default"
        ? .text("default", at: options.position)
        : Self.reference(options, namespace))
  }

  /// A service for some `services` of a route: one is a load balancer, several are weighted. Returns its name.
  private mutating func service(
    _ parts: [ConfigurationNode], _ name: String, _ namespace: String, at position: SourcePosition
  ) -> ConfigurationNode {
    guard parts.count != 1 else { return oneService(parts[0], name, namespace) }
    let bare = name.prefix { $0 != "@" }
    let weighted = parts.enumerated().map { index, part -> ConfigurationNode in
      let reference = oneService(part, "\(bare)-\(index)@\(Self.provider)", namespace)
      return .mapping(
        [("name", reference)] + (part["weight"].map { [("weight", $0)] } ?? []), at: part.position)
    }
    sections.append(
      (
        "services", name,
        .mapping([("weighted", .mapping([("services", .list(weighted, at: position))], at: position))], at: position)
      ))
    return .text(name, at: position)
  }

  private mutating func oneService(
    _ part: ConfigurationNode, _ name: String, _ namespace: String
  ) -> ConfigurationNode {
    if part["kind"]?.text == "TraefikService" { return Self.reference(part, namespace) }
    let host = part["name"]?.text ?? ""
    let port = part["port"]?.text ?? "80"
    let scheme = part["scheme"]?.text ?? (port == "443" || port == "https" ? "https" : "http")
    // A port may have a name, which only the Service knows.
    let number = Int(port) == nil ? (scheme == "https" ? "443" : "80") : port
    let url = "\(scheme)://\(host).\(part["namespace"]?.text ?? namespace).svc:\(number)"
    var balancer: [(String, ConfigurationNode)] = [
      ("servers", .list([.mapping([("url", .text(url, at: part.position))], at: part.position)], at: part.position))
    ]
    let others: Set<String> = ["name", "namespace", "kind", "port", "scheme", "weight", "nativeLB", "nodePortLB"]
    for entry in part.entries where !others.contains(entry.key) {
      let isTransport = entry.key == "serversTransport"
      let value =
        isTransport ? .text(Self.name(entry.value.text ?? "", namespace), at: entry.value.position) : entry.value
      balancer.append((entry.key, value))
    }
    sections.append(
      ("services", name, .mapping([("loadBalancer", .mapping(balancer, at: part.position))], at: part.position)))
    return .text(name, at: part.position)
  }

  private mutating func traefikService(
    _ spec: ConfigurationNode, _ name: String, _ namespace: String
  ) -> ConfigurationNode {
    guard let weighted = spec["weighted"] else { return spec }
    let bare = name.prefix { $0 != "@" }
    let parts = (weighted["services"]?.elements ?? []).enumerated().map { index, part -> ConfigurationNode in
      let reference = oneService(part, "\(bare)-\(index)@\(Self.provider)", namespace)
      return .mapping([("name", reference)] + (part["weight"].map { [("weight", $0)] } ?? []), at: part.position)
    }
    return spec.with("weighted", weighted.with("services", .list(parts, at: weighted.position)))
  }

  private mutating func middleware(
    _ spec: ConfigurationNode, _ name: String, _ namespace: String
  ) -> ConfigurationNode {
    var spec = spec
    if let chain = spec["chain"], let names = chain["middlewares"] {
      let all = names.elements.map { Self.reference($0, namespace) }
      spec = spec.with("chain", chain.with("middlewares", .list(all, at: names.position)))
    }
    if let errors = spec["errors"], let service = errors["service"], case .mapping = service.content {
      let bare = name.prefix { $0 != "@" }
      let reference = oneService(service, "\(bare)-errors@\(Self.provider)", namespace)
      spec = spec.with("errors", errors.with("service", reference))
    }
    if let auth = spec["basicAuth"], let secret = auth["secret"] {
      // Somebody can log in; who, and with which password, the Secret knows.
      let user = ConfigurationNode.text("secret:{SHA}\(String(repeating: "A", count: 27))=", at: secret.position)
      spec = spec.with("basicAuth", auth.without(["secret"]).with("users", .list([user], at: secret.position)))
    }
    return spec
  }
}
