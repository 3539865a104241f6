/// What may change while the gateway runs: routes, services, middlewares, certificates.
///
/// Source: Traefik v3, reference/routing-configuration, and pkg/config/dynamic.
public struct DynamicConfiguration: Sendable, Equatable {
  public var http = HTTPConfiguration()
  public var tls = TLSConfiguration()

  public init() {}
}

/// Routes, and what they lead to.
public struct HTTPConfiguration: Sendable, Equatable {
  public var routers: NamedValues<Router> = [:]
  public var services: NamedValues<Service> = [:]
  public var middlewares: NamedValues<Middleware> = [:]
  public var serversTransports: NamedValues<ServersTransport> = [:]

  public init() {}
}

/// Which requests go to which service, and through which middlewares.
public struct Router: Sendable, Equatable {
  /// The rule as written; `ValidatedRouter.rule` is the parsed one.
  public var rule = ""
  /// Empty: the default entry points.
  public var entryPoints: [String] = []
  /// 0: the length of the rule in bytes.
  public var priority = 0
  public var middlewares: [String] = []
  public var service = ""
  /// Nil: the router takes plain requests only, unless its entry point has `http.tls`.
  public var tls: RouterTLS?
  /// Ours: what policies may ask for as `label.NAME`.
  public var labels = NamedValues<String>()

  public init() {}
}

/// The TLS side of a router or entry point.
public struct RouterTLS: Sendable, Equatable {
  /// The name of an entry of `tls.options`.
  public var options = "default"

  public init() {}
}
