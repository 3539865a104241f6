/// Where requests go: servers, or other services.
///
/// Source: Traefik v3, reference/routing-configuration/http/load-balancing/service.
public enum Service: Sendable, Equatable {
  /// Spreads requests over servers.
  case loadBalancer(LoadBalancer)
  /// Spreads requests over services by weight.
  case weighted(Weighted)
  /// Uses another service when the first has no server left.
  case failover(Failover)
  /// Spreads clients over services by a hash of their addresses.
  case highestRandomWeight(HighestRandomWeight)
  /// A service, and others that get copies of its requests.
  case mirroring(Mirroring)
}

/// Servers and how requests reach them.
public struct LoadBalancer: Sendable, Equatable {
  /// May be empty: every request is then answered with 503.
  public var servers: [Server] = []
  /// Nil: each request chooses anew.
  public var sticky: Sticky?
  /// Whether the client's `Host` is sent on; else the server's own.
  public var passHostHeader = true
  /// The name of an entry of `http.serversTransports`; nil: the static `serversTransport`.
  public var serversTransport: String?
  public var responseForwarding = ResponseForwarding()
  public var strategy = BalancerStrategy.wrr
  /// Ours: what `hrw` hashes.
  public var hashBy = HashBy()
  /// Nil: servers are not probed.
  public var healthCheck: HealthCheck?
  /// Nil: Traefik's passive check is off.
  public var passiveHealthCheck: PassiveHealthCheck?
  /// Ours. Nil: failures of requests take no server out.
  public var outlierDetection: OutlierDetection?

  public init() {}
}

/// How a server is chosen.
public enum BalancerStrategy: String, Sendable, CaseIterable {
  /// Weighted round robin.
  case wrr
  /// The cheaper of two picked by chance, by requests in flight and peak-sensitive round trips.
  case p2c
  /// Rendezvous hashing: one client, one server.
  case hrw
  /// The cheapest of all by requests in flight and round trips.
  case leasttime
  /// Ours: the one with the fewest requests in flight for its weight.
  case leastrequest
}

/// What `hrw` takes for the client's identity. With neither, or where a request has not got it: the client's address.
public struct HashBy: Sendable, Equatable {
  public var header: String?
  public var cookie: String?

  public init() {}
}

/// One server of a load balancer.
public struct Server: Sendable, Equatable {
  public var url = ServerURL(scheme: .http, host: "", port: 80)
  /// Its share of the requests; 0: none.
  public var weight = 1
  /// Whether the path of `url` is put before the request's.
  public var preservePath = false

  public init() {}
}

/// How responses are passed on. Traefik's only key, `flushInterval`, has nothing to say here: bytes are sent as they
/// come.
public struct ResponseForwarding: Sendable, Equatable {
  public init() {}
}

/// Keeps a client at one server or service.
public struct Sticky: Sendable, Equatable {
  public var cookie: StickyCookie?

  public init() {}
}

/// The cookie that remembers the choice.
public struct StickyCookie: Sendable, Equatable {
  /// Nil: a name made from the service's.
  public var name: String?
  public var secure = false
  public var httpOnly = false
  /// Nil: the attribute is not sent.
  public var sameSite: SameSite?
  /// In seconds; 0: a session cookie; negative: expired at once.
  public var maxAge = 0
  public var path = "/"
  /// Nil: the attribute is not sent.
  public var domain: String?

  public init() {}
}

/// The `SameSite` attribute of a cookie.
public enum SameSite: String, Sendable, CaseIterable {
  case none, lax, strict
}

/// Services by weight.
public struct Weighted: Sendable, Equatable {
  public var services: [WeightedService] = []
  public var sticky: Sticky?
  /// Whether services without a usable server are passed over, and the same is told upwards.
  public var healthCheck: HealthCheckPropagation?

  public init() {}
}

/// One service of a weighted one.
public struct WeightedService: Sendable, Equatable {
  public var name = ""
  /// Its share of the requests; 0: none.
  public var weight = 1

  public init() {}
}

/// A service and its replacement.
public struct Failover: Sendable, Equatable {
  public var service = ""
  public var fallback = ""
  /// Whether the health of the two is told upwards.
  public var healthCheck: HealthCheckPropagation?

  public init() {}
}

/// Services by a hash of the client's address.
public struct HighestRandomWeight: Sendable, Equatable {
  public var services: [WeightedService] = []
  public var healthCheck: HealthCheckPropagation?

  public init() {}
}

/// A service, and others that get copies of its requests; what those answer is thrown away.
public struct Mirroring: Sendable, Equatable {
  /// The service that answers.
  public var service = ""
  /// Whether copies have the request's body.
  public var mirrorBody = true
  /// Requests with more bytes of body are not copied; -1: no bound for one request.
  public var maxBodySize = -1
  public var mirrors: [MirrorService] = []
  /// Whether the health of the service is told upwards.
  public var healthCheck: HealthCheckPropagation?
  /// Ours: when a copy that has no answer is given up. Zero: never.
  public var timeout = Duration.seconds(30)
  /// Ours: copies that each mirror may have under way; further requests are not copied to it.
  public var maxInFlight = 1000

  public init() {}
}

/// One that gets copies.
public struct MirrorService: Sendable, Equatable {
  public var name = ""
  /// Of a hundred requests, how many are copied.
  public var percent = 0

  public init() {}
}
