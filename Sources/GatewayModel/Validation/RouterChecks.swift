/// Routers: rules parsed, references and entry points looked up.
extension Validation {
  /// Traefik keeps the thousand priorities below the greatest for routers of its own (pkg/server/router,
  /// maxUserPriority).
  static let priorityMax = Int.max - 1000

  /// The routers that can work. Those with mistakes, or with parts that are not supported, are left out.
  mutating func routers() -> [ValidatedRouter] {
    let doors = Doors(`static`.entryPoints)
    var routers: [ValidatedRouter] = []
    routers.reserveCapacity(dynamic.http.routers.count)
    for element in dynamic.http.routers {
      if let router = validate(element.value, name: element.name, doors) { routers.append(router) }
    }
    return routers
  }

  private mutating func validate(_ router: Router, name: String, _ doors: Doors) -> ValidatedRouter? {
    let path = Section.routers.path.key(name)
    var bindings: [ValidatedRouter.Binding] = []
    for (index, entryPoint) in router.entryPoints.enumerated() where doors.http[entryPoint] == nil {
      noteUnknownEntryPoint(entryPoint, at: path.key("entryPoints").index(index))
    }
    for (index, middleware) in router.middlewares.enumerated() {
      checkReference(middleware, to: .middlewares, at: path.key("middlewares").index(index))
    }
    if !router.service.isEmpty { checkReference(router.service, to: .services, at: path.key("service")) }
    if let tls = router.tls { checkOptions(tls, at: path.key("tls").key("options")) }
    if router.priority > Self.priorityMax {
      note(
        .wrongValue, at: path.key("priority"),
        "\(path.key("priority")) is \(router.priority), reserved for the gateway's own routers",
        expected: "at most \(Self.priorityMax)")
    }
    for entryPoint in router.entryPoints.isEmpty ? doors.defaults : router.entryPoints {
      guard let http = doors.http[entryPoint] else { continue }
      bindings.append(
        .init(
          entryPoint: entryPoint, middlewares: http.middlewares + router.middlewares, tls: router.tls ?? http.tls))
    }
    guard !router.rule.isEmpty, let rule = parse(router.rule, at: path), !router.service.isEmpty,
      isUsable(router, name: name, bindings)
    else { return nil }
    checkOptionsHold(router, rule, bindings, at: path)
    return ValidatedRouter(
      name: name, rule: rule, ruleText: router.rule,
      priority: router.priority == 0 ? Rule.defaultPriority(of: router.rule) : router.priority,
      service: router.service, bindings: bindings, labels: router.labels)
  }

  /// TLS is agreed upon before there is a request, by the name that the client asks for: options of a router hold for
  /// the hosts that its rule names outright.
  private mutating func checkOptionsHold(
    _ router: Router, _ rule: Rule, _ bindings: [ValidatedRouter.Binding], at path: ConfigurationPath
  ) {
    guard let options = router.tls?.options, rule.literalHosts.isEmpty,
      options == "default" || declared[.tlsOptions]?.contains(options) == true
    else { return }
    let isOwn = bindings.contains { binding in
      (`static`.entryPoints[binding.entryPoint]?.http.tls?.options ?? "default") != options
    }
    guard isOwn else { return }
    note(
      .warning, .conflict, at: path.key("tls").key("options"),
      "\(path): the TLS options \(Decoding.quote(options)) hold for no host, since its rule names none outright",
      expected: "Host(`…`) in the rule, or the options at http.tls of the entry point")
  }

  private mutating func parse(_ text: String, at router: ConfigurationPath) -> Rule? {
    switch Rule.parse(text) {
    case .success(let rule):
      for label in rule.labelNames where `static`.labels[label] == nil {
        let suggestion = Suggestion.nearest(to: label, in: `static`.labels.names)
        note(
          .unknownReference, at: router.key("rule"), "there is no label \(Decoding.quote(label))",
          expected: suggestion == nil ? "one to be defined under labels" : nil, suggestion: suggestion)
      }
      return rule
    case .failure(let mistake):
      note(mistake, at: router.key("rule"))
      return nil
    }
  }

  /// Notes a mistake of a rule at its place inside the rule.
  mutating func note(_ mistake: ExpressionMistake, at path: ConfigurationPath) {
    var location = self.location(of: path)
    for source in sources {
      guard let node = source.node(at: path) else { continue }
      location = SourceLocation(
        file: source.name, position: source.text.position(inside: node, offset: mistake.offset))
      break
    }
    note(
      Mistake(
        .error, .rule, at: location, path: path.description, what: "\(path): \(mistake.what)",
        expected: mistake.expected.isEmpty ? nil : mistake.expected, suggestion: mistake.suggestion))
  }

  /// Whether all parts of a router are supported. One that is not is noted: with `--allow-unsupported` the router is
  /// left out rather than served without a part that may protect it.
  private mutating func isUsable(_ router: Router, name: String, _ bindings: [ValidatedRouter.Binding]) -> Bool {
    let middlewares = unusable[.middlewares] ?? []
    let services = unusable[.services] ?? []
    let missing =
      bindings.lazy.flatMap(\.middlewares).first { middlewares.contains($0) || isForeign($0, .middlewares) }
      ?? (services.contains(router.service) || isForeign(router.service, .services) ? router.service : nil)
    guard let missing else { return true }
    guard allowUnsupported else { return false }
    note(
      .warning, .unsupported, at: Section.routers.path.key(name),
      "the router \(Decoding.quote(name)) is left out: it needs \(Decoding.quote(missing))", key: true)
    return false
  }

  /// Whether a name is of a provider that no source stands for.
  private func isForeign(_ name: String, _ section: Section) -> Bool {
    guard name.utf8.contains(UInt8(ascii: "@")), declared[section]?.contains(name) != true else { return false }
    return section == .middlewares || !name.hasSuffix("@internal")
  }
}

/// What routers ask of EntryPoints, looked up once for all routers.
private struct Doors {
  /// Those marked `asDefault`, else all.
  let defaults: [String]
  let http: [String: EntryPointHTTP]

  init(_ entryPoints: NamedValues<EntryPoint>) {
    let marked = entryPoints.filter { $0.value.asDefault }.map(\.name)
    defaults = marked.isEmpty ? entryPoints.names.filter { $0 != "traefik" } : marked
    http = Dictionary(entryPoints.map { ($0.name, $0.value.http) }) { first, _ in first }
  }
}
