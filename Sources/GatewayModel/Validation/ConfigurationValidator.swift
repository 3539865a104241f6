/// Checks what no table can: that names lead somewhere, that nothing runs in circles, that values fit together.
///
/// Input are decoded sources, output is a `ValidatedConfiguration` or every mistake there is, each at its place.
/// The checks run on the merged configuration, because a router in one file may use a service of another; places
/// are looked up in the trees only when there is something to say, so a right configuration pays nothing for them.
public enum ConfigurationValidator {
  /// Validates sources together. One of them should be the main file; without one, static defaults hold.
  public static func validate(_ sources: [DecodedSource], allowUnsupported: Bool = false) -> ConfigurationOutcome {
    // What stands in a text that cannot be read is not known, so nothing can be said about references.
    if sources.contains(where: { $0.root == nil && $0.mistakes.contains { $0.kind == .error } }) {
      return outcome(nil, sources.flatMap(\.mistakes), allowUnsupported)
    }
    var validation = Validation(sources, allowUnsupported: allowUnsupported)
    validation.merge()
    validation.checkStatic()
    validation.checkTLS()
    validation.checkSPIFFE()
    validation.checkServices()
    validation.checkMiddlewares()
    let redirections = validation.redirections()
    let routers = validation.routers()
    return outcome(
      ValidatedConfiguration(
        static: validation.static, dynamic: validation.dynamic, routers: routers, redirections: redirections),
      sources.flatMap(\.mistakes) + validation.mistakes, allowUnsupported)
  }

  private static func outcome(
    _ configuration: ValidatedConfiguration?, _ mistakes: [Mistake], _ allowUnsupported: Bool
  ) -> ConfigurationOutcome {
    var mistakes = mistakes.inFileOrder()
    if allowUnsupported {
      for index in mistakes.indices where mistakes[index].kind == .unsupported { mistakes[index].kind = .warning }
    }
    return ConfigurationOutcome(configuration: mistakes.refuse ? nil : configuration, mistakes: mistakes)
  }
}

/// The state of one validation. Its checks stand in extensions, by subject.
struct Validation {
  let sources: [DecodedSource]
  let allowUnsupported: Bool
  var `static`: StaticConfiguration
  var dynamic = DynamicConfiguration()
  private(set) var mistakes: [Mistake] = []
  /// Names that a source declares whether or not they could be decoded: references to them are no mistakes.
  private(set) var declared: [Section: Set<String>] = [:]
  private var sorted: [Section: [String]] = [:]
  /// Declared, but of a type that is not supported: what uses them is left out.
  var unusable: [Section: Set<String>] = [:]

  /// The sections that hold names other parts refer to.
  enum Section: String, CaseIterable {
    case routers, services, middlewares, serversTransports
    case tlsOptions = "options"
    case tlsStores = "stores"

    var parent: String { self == .tlsOptions || self == .tlsStores ? "tls" : "http" }
    var path: ConfigurationPath { [.key(parent), .key(rawValue)] }

    /// One of them in a message.
    var noun: String {
      switch self {
      case .routers: "router"
      case .services: "service"
      case .middlewares: "middleware"
      case .serversTransports: "servers transport"
      case .tlsOptions: "entry of tls.options"
      case .tlsStores: "entry of tls.stores"
      }
    }
  }

  init(_ sources: [DecodedSource], allowUnsupported: Bool) {
    self.sources = sources
    self.allowUnsupported = allowUnsupported
    self.static = sources.first { $0.role == .main }?.static ?? StaticConfiguration()
  }

  // MARK: - Mistakes

  /// Notes a mistake about the value at `path`, or about the nearest section above it that is written somewhere.
  mutating func note(
    _ kind: Mistake.Kind = .error, _ code: Mistake.Code, at path: ConfigurationPath, _ what: String,
    expected: String? = nil, suggestion: String? = nil, key: Bool = false
  ) {
    // Looking places up costs time; nobody reads what is beyond the bound.
    guard mistakes.count <= Decoding.mistakesMax else { return }
    note(
      Mistake(
        kind, code, at: location(of: path, key: key), path: path.description, what: what, expected: expected,
        suggestion: suggestion))
  }

  /// Whether a key is written, rightly or not.
  func isWritten(_ path: ConfigurationPath) -> Bool { sources.contains { $0.node(at: path) != nil } }

  /// Notes a mistake; those beyond a bound that no reader reaches become one line.
  mutating func note(_ mistake: Mistake) {
    if mistakes.count < Decoding.mistakesMax {
      mistakes.append(mistake)
    } else if mistakes.count == Decoding.mistakesMax {
      let location = SourceLocation(
        file: mistake.file, position: SourcePosition(line: mistake.line, column: mistake.column))
      mistakes.append(Mistake(.error, .tooMany, at: location, what: "there are more mistakes, which are not shown"))
    }
  }

  func location(of path: ConfigurationPath, key: Bool = false) -> SourceLocation {
    var path = path
    var key = key
    while !path.components.isEmpty {
      for source in sources {
        if let location = key ? source.keyLocation(of: path) : source.location(of: path) { return location }
      }
      path.components.removeLast()
      key = true
    }
    return SourceLocation(file: sources.first?.name ?? "configuration", position: .start)
  }

  // MARK: - Merging

  /// Puts the dynamic configuration of all sources together; a name in two files is a mistake that names both places.
  mutating func merge() {
    for section in Section.allCases { declare(section) }
    for source in sources { add(source.dynamic) }
    normaliseReferences()
    unusable[.middlewares] = (declared[.middlewares] ?? []).subtracting(dynamic.http.middlewares.names)
    unusable[.services] = (declared[.services] ?? []).subtracting(dynamic.http.services.names)
  }

  private mutating func declare(_ section: Section) {
    var names: Set<String> = []
    for (index, source) in sources.enumerated() {
      guard
        case .mapping(let entries)? = source.root?.entry(section.parent)?.value.entry(section.rawValue)?.value.content
      else { continue }
      names.reserveCapacity(names.count + entries.count)
      // A key that stands twice in one text is a mistake of reading it.
      for entry in entries where !names.insert(entry.key).inserted {
        guard mistakes.count <= Decoding.mistakesMax else { break }
        let path = section.path.key(entry.key)
        guard let first = sources[..<index].first(where: { $0.node(at: path) != nil }) else { continue }
        let place = first.keyLocation(of: path).map { "\($0)" } ?? first.name
        note(
          Mistake(
            .error, .duplicateName, at: SourceLocation(file: source.name, position: entry.keyPosition),
            path: path.description, what: "the \(section.noun) \(Decoding.quote(entry.key)) is defined twice",
            expected: "it once; the first is at \(place)"))
      }
    }
    declared[section] = names
  }

  private mutating func add(_ other: DynamicConfiguration) {
    func add<Value>(_ values: NamedValues<Value>, to all: inout NamedValues<Value>) {
      // Most gateways have one file, whose thousands of routers are not copied.
      if all.isEmpty { return all = values }
      for element in values where all[element.name] == nil { all[element.name] = element.value }
    }
    add(other.http.routers, to: &dynamic.http.routers)
    add(other.http.services, to: &dynamic.http.services)
    add(other.http.middlewares, to: &dynamic.http.middlewares)
    add(other.http.serversTransports, to: &dynamic.http.serversTransports)
    add(other.tls.options, to: &dynamic.tls.options)
    add(other.tls.stores, to: &dynamic.tls.stores)
    dynamic.tls.certificates += other.tls.certificates
  }

  // MARK: - References

  /// Checks one reference. `known` are the names that exist; unusable ones exist too.
  mutating func checkReference(
    _ name: String, to section: Section, at place: @autoclosure () -> ConfigurationPath
  ) {
    if declared[section]?.contains(name) == true { return }
    let path = place()
    if let at = name.lastIndex(of: "@") {
      let provider = name[name.index(after: at)...]
      if provider == "internal" {
        noteInternal(name, section, at: path)
      } else {
        note(
          .unsupported, .unknownReference, at: path,
          "\(Decoding.quote(name)) is of the provider \(provider): Traefik has this, Sluice not yet")
      }
      return
    }
    let names = sortedNames(section)
    let suggestion = Suggestion.nearest(to: name, in: names)
    let list = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
    note(
      .unknownReference, at: path, "there is no \(section.noun) \(Decoding.quote(name))",
      expected: suggestion != nil ? nil : names.isEmpty ? "one to be defined under \(section.path)" : "one of \(list)",
      suggestion: suggestion)
  }

  private mutating func sortedNames(_ section: Section) -> [String] {
    if let names = sorted[section] { return names }
    let names = (declared[section] ?? []).sorted()
    sorted[section] = names
    return names
  }

  private mutating func noteInternal(_ name: String, _ section: Section, at path: ConfigurationPath) {
    let known: [String] =
      switch section {
      case .services: Self.internalServices
      case .serversTransports: ["default@internal"]
      default: []
      }
    guard !known.contains(name) else { return }
    note(
      .unknownReference, at: path, "there is no internal \(section.noun) \(Decoding.quote(name))",
      expected: known.isEmpty ? nil : "one of \(known.joined(separator: ", "))",
      suggestion: Suggestion.nearest(to: name, in: known))
  }

  /// Services the gateway itself is: Traefik's names.
  static let internalServices = [
    "api@internal", "dashboard@internal", "ping@internal", "prometheus@internal", "noop@internal",
  ]
}

extension Validation {
  mutating func note(
    _ code: Mistake.Code, at path: ConfigurationPath, _ what: String, expected: String? = nil,
    suggestion: String? = nil,
    key: Bool = false
  ) {
    note(.error, code, at: path, what, expected: expected, suggestion: suggestion, key: key)
  }

  /// `name@file` and `name` are the same: all names a source can hold are of the file provider.
  static func bare(_ name: String) -> String { name.hasSuffix("@file") ? String(name.dropLast(5)) : name }

  /// Whether a reference of the router is not bare; few are, and what does not change is not copied.
  private static func isQualified(_ router: Router) -> Bool {
    router.service.hasSuffix("@file") || router.tls?.options.hasSuffix("@file") == true
      || router.middlewares.contains { $0.hasSuffix("@file") }
  }

  /// Makes all references bare.
  private mutating func normaliseReferences() {
    for element in `static`.entryPoints {
      var entryPoint = element.value
      entryPoint.http.middlewares = entryPoint.http.middlewares.map(Self.bare)
      if let tls = entryPoint.http.tls { entryPoint.http.tls?.options = Self.bare(tls.options) }
      `static`.entryPoints[element.name] = entryPoint
    }
    for element in dynamic.http.routers where Self.isQualified(element.value) {
      var router = element.value
      router.middlewares = router.middlewares.map(Self.bare)
      router.service = Self.bare(router.service)
      if let tls = router.tls { router.tls?.options = Self.bare(tls.options) }
      dynamic.http.routers[element.name] = router
    }
    for element in dynamic.http.services { dynamic.http.services[element.name] = Self.bare(element.value) }
    for element in dynamic.http.middlewares {
      switch element.value {
      case .chain(var chain):
        chain.middlewares = chain.middlewares.map(Self.bare)
        dynamic.http.middlewares[element.name] = .chain(chain)
      case .errors(var errors):
        errors.service = Self.bare(errors.service)
        dynamic.http.middlewares[element.name] = .errors(errors)
      case .circuitBreaker(var breaker):
        if let service = breaker.fallback?.service { breaker.fallback?.service = Self.bare(service) }
        dynamic.http.middlewares[element.name] = .circuitBreaker(breaker)
      default:
        break
      }
    }
  }

  private static func bare(_ service: Service) -> Service {
    switch service {
    case .loadBalancer(var balancer):
      balancer.serversTransport = balancer.serversTransport.map(bare)
      return .loadBalancer(balancer)
    case .weighted(var weighted):
      for index in weighted.services.indices { weighted.services[index].name = bare(weighted.services[index].name) }
      return .weighted(weighted)
    case .failover(var failover):
      failover.service = bare(failover.service)
      failover.fallback = bare(failover.fallback)
      return .failover(failover)
    case .highestRandomWeight(var hashed):
      for index in hashed.services.indices { hashed.services[index].name = bare(hashed.services[index].name) }
      return .highestRandomWeight(hashed)
    case .mirroring(var mirroring):
      mirroring.service = bare(mirroring.service)
      for index in mirroring.mirrors.indices { mirroring.mirrors[index].name = bare(mirroring.mirrors[index].name) }
      return .mirroring(mirroring)
    }
  }
}
