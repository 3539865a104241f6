import GatewayModel

/// Services of a compose file: their names, their stop times, and Traefik's labels as dynamic configuration.
///
/// Source: the Compose Specification (services, labels, stop_grace_period) and Traefik v3,
/// reference/install-configuration/providers/docker and routing-configuration/other-providers/docker: names get
/// `@docker`, a router without a service leads to the container's only one, a service without a URL to the container.
struct ComposeReader {
  /// Names that labels define are of this provider.
  static let provider = "docker"

  let file: String
  private(set) var workloads: [Workload] = []
  private var trees: [ConfigurationNode] = []

  init(file: String) { self.file = file }

  /// The labels of all services; nil when there are none.
  var tree: ConfigurationNode? {
    trees.isEmpty ? nil : trees.dropFirst().reduce(trees[0]) { $0.merged(with: $1) }
  }

  mutating func read(_ root: ConfigurationNode) {
    for service in root["services"]?.entries ?? [] {
      var workload = Workload(
        kind: "compose service", name: service.key, location: SourceLocation(file: file, position: service.keyPosition))
      workload.namespace = ""
      workload.hosts = [service.key.lowercased()]
      if let name = service.value["container_name"]?.text { workload.hosts.insert(name.lowercased()) }
      // Docker waits ten seconds, Kubernetes thirty.
      workload.terminationGrace = .seconds(10)
      if let grace = service.value.entry("stop_grace_period") {
        workload.terminationGrace = grace.value.text.flatMap { DurationText.parse($0) } ?? workload.terminationGrace
        workload.terminationGraceLocation = SourceLocation(file: file, position: grace.keyPosition)
      }
      let command = service.value["command"]
      let words = command?.elements.compactMap(\.text) ?? [command?.text].compactMap(\.self)
      workload.read(
        image: service.value["image"]?.text ?? "", words: words,
        at: SourceLocation(file: file, position: service.keyPosition))
      workloads.append(workload)
      readLabels(service)
    }
  }

  private mutating func readLabels(_ service: ConfigurationNode.Entry) {
    var labels = LabelTree(at: service.keyPosition)
    var isEnabled = true
    for node in [service.value["labels"], service.value["deploy"]?["labels"]].compactMap(\.self) {
      for (name, value, position) in Self.labels(node) {
        if name.lowercased() == "traefik.enable" { isEnabled = value.lowercased() != "false" }
        labels.add(name, value, at: position)
      }
    }
    guard isEnabled, !labels.isEmpty, let http = labels.node["http"] else { return }
    var services = http["services"]?.entries ?? []
    let routers = http["routers"]?.entries ?? []
    if services.isEmpty, !routers.isEmpty {
      // Traefik makes a service of the container's name.
      services = [.init(key: service.key, keyPosition: service.keyPosition, value: Self.server(service, nil))]
    }
    for index in services.indices { services[index].value = Self.server(service, services[index].value) }
    let only = services.count == 1 ? services[0].key : nil
    let complete = routers.map { router -> ConfigurationNode.Entry in
      var router = router
      if router.value["service"] == nil, let only {
        router.value = router.value.with("service", .text(only, at: router.keyPosition))
      }
      if router.value["rule"] == nil {
        router.value = router.value.with("rule", .text("Host(`\(service.key)`)", at: router.keyPosition))
      }
      return router
    }
    var all = http.without(["routers", "services"])
    if !complete.isEmpty { all = all.with("routers", ConfigurationNode(.mapping(complete), at: http.position)) }
    if !services.isEmpty { all = all.with("services", ConfigurationNode(.mapping(services), at: http.position)) }
    trees.append(.mapping([("http", all.qualified(Self.provider))], at: service.keyPosition))
  }

  /// `loadbalancer.server.port=8080` as a server of the container.
  private static func server(
    _ container: ConfigurationNode.Entry, _ service: ConfigurationNode?
  ) -> ConfigurationNode {
    let service = service ?? .mapping([], at: container.keyPosition)
    if !service.entries.isEmpty, service["loadBalancer"] == nil { return service }
    let balancer = service["loadBalancer"] ?? .mapping([], at: container.keyPosition)
    guard balancer["servers"] == nil else { return service }
    let server = balancer["server"]
    let position = server?.position ?? container.keyPosition
    let scheme = server?["scheme"]?.text ?? "http"
    let port = server?["port"]?.text ?? firstPort(container.value) ?? "80"
    let url = server?["url"]?.text ?? "\(scheme)://\(container.key):\(port)"
    let one = (server ?? .mapping([], at: position)).without(["port", "scheme", "url"])
      .with("url", .text(url, at: server?["port"]?.position ?? position))
    let complete = ConfigurationNode(
      .mapping(balancer.entries.filter { $0.key.lowercased() != "server" }), at: position
    )
    .with("servers", .list([one], at: position))
    return service.with("loadBalancer", complete)
  }

  /// The container's side of `expose` or `ports`, as Traefik takes the lowest that is exposed.
  private static func firstPort(_ service: ConfigurationNode) -> String? {
    let ports = ((service["expose"]?.elements ?? []) + (service["ports"]?.elements ?? [])).compactMap { node -> Int? in
      if let target = node["target"]?.integer { return target }
      return node.text?.split(separator: "/").first?.split(separator: ":").last.flatMap { Int($0) }
    }
    return ports.min().map { "\($0)" }
  }

  /// `- name=value`, or `name: value`.
  private static func labels(_ node: ConfigurationNode) -> [(String, String, SourcePosition)] {
    let mapped = node.entries.map { ($0.key, $0.value.text ?? "", $0.value.position) }
    let listed = node.elements.compactMap { element -> (String, String, SourcePosition)? in
      guard let text = element.text else { return nil }
      let name = text.prefix { $0 != "=" }
      // In a compose file "$$" is a dollar.
      return (String(name), String(text.dropFirst(name.count + 1)), element.position)
    }
    return (mapped + listed).map { ($0.0, $0.1.dollars, $0.2) }
  }
}

extension String {
  /// With `$$` as `$`: what Compose's interpolation leaves.
  fileprivate var dollars: String {
    var text = ""
    var rest = self[...]
    while let range = rest.firstRange(of: "$$") {
      text += rest[..<range.lowerBound] + "$"
      rest = rest[range.upperBound...]
    }
    return text + rest
  }
}
