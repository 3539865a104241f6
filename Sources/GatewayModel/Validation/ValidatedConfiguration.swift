/// A configuration in which every name leads somewhere and every rule is parsed.
///
/// What a snapshot is built from. Its parts are `Equatable`, so a reload can tell which pools, limiters and
/// routers stay. References are bare names: `name@file` became `name`; `name@internal` stayed.
public struct ValidatedConfiguration: Sendable, Equatable {
  public var `static`: StaticConfiguration
  /// All sources merged, in the order of the sources and of their files.
  public var dynamic: DynamicConfiguration
  /// `dynamic.http.routers` with everything looked up that an entry point adds.
  public var routers: [ValidatedRouter]
  /// Entry points whose every request is redirected, by entry point.
  public var redirections: NamedValues<ValidatedRedirection>

  public init(
    static: StaticConfiguration, dynamic: DynamicConfiguration, routers: [ValidatedRouter],
    redirections: NamedValues<ValidatedRedirection>
  ) {
    self.static = `static`
    self.dynamic = dynamic
    self.routers = routers
    self.redirections = redirections
  }
}

/// A router that can be put to work.
public struct ValidatedRouter: Sendable, Equatable {
  /// A router on one of its entry points.
  public struct Binding: Sendable, Equatable {
    public var entryPoint: String
    /// The entry point's middlewares, then the router's.
    public var middlewares: [String]
    /// The router's `tls`, else that of the entry point's `http.tls`. Nil: plain requests only.
    public var tls: RouterTLS?

    public init(entryPoint: String, middlewares: [String], tls: RouterTLS?) {
      self.entryPoint = entryPoint
      self.middlewares = middlewares
      self.tls = tls
    }
  }

  public var name: String
  public var rule: Rule
  /// The rule as written.
  public var ruleText: String
  /// As written, or the length of the rule in bytes when none was.
  public var priority: Int
  /// The name of a service, or one of `api@internal`, `dashboard@internal`, `ping@internal`, `prometheus@internal`,
  /// `noop@internal`.
  public var service: String
  /// One for each entry point: those the router names, else the default ones.
  public var bindings: [Binding]
  /// What policies may ask for as `label.NAME`.
  public var labels: NamedValues<String>

  public init(
    name: String, rule: Rule, ruleText: String, priority: Int, service: String, bindings: [Binding],
    labels: NamedValues<String> = [:]
  ) {
    self.name = name
    self.rule = rule
    self.ruleText = ruleText
    self.priority = priority
    self.service = service
    self.bindings = bindings
    self.labels = labels
  }
}

/// Where an entry point sends all requests: what Traefik makes an internal router of.
public struct ValidatedRedirection: Sendable, Equatable {
  public var scheme: String
  /// The port of the new URL.
  public var port: UInt16
  public var permanent: Bool
  public var priority: Int

  public init(scheme: String, port: UInt16, permanent: Bool, priority: Int) {
    self.scheme = scheme
    self.port = port
    self.permanent = permanent
    self.priority = priority
  }
}

/// What checking a configuration comes to.
public struct ConfigurationOutcome: Sendable {
  /// Nil when a mistake refuses it.
  public var configuration: ValidatedConfiguration?
  /// All mistakes and warnings, in the order of files and lines.
  public var mistakes: [Mistake]

  public init(configuration: ValidatedConfiguration?, mistakes: [Mistake]) {
    self.configuration = configuration
    self.mistakes = mistakes
  }

  /// Decodes and validates sources together.
  ///
  /// - Parameter allowUnsupported: turns "Traefik has this, Sluice not yet" into warnings. A router that needs
  ///   such a middleware or service is then left out: without its `forwardAuth` it would be open to everybody.
  public init(checking sources: [ConfigurationSource], allowUnsupported: Bool = false) {
    self = ConfigurationValidator.validate(sources.map { DecodedSource($0) }, allowUnsupported: allowUnsupported)
  }
}
