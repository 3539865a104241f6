/// Probes: requests of the gateway's own that ask a server whether it is well.
///
/// Source: Traefik v3, reference/routing-configuration/http/load-balancing/service#health-check. `rise`, `fall`,
/// `jitter` and `timeouts` are ours.
public struct HealthCheck: Sendable, Equatable {
  /// The path, with a query if wanted. For `grpc` it is not used.
  public var path = "/"
  public var mode = HealthCheckMode.http
  /// Nil: that of the server's URL.
  public var scheme: HealthCheckScheme?
  /// Nil: that of the server's URL.
  public var port: UInt16?
  /// What `Host` says. Nil: the server's own.
  public var hostname: String?
  public var method = "GET"
  /// The one status that is well. Nil: 200 to 399.
  public var status: UInt16?
  public var headers: NamedValues<String> = [:]
  /// Whether a redirection on the same host is followed.
  public var followRedirects = true
  /// Between two probes of a server that is up.
  public var interval: Duration = .seconds(30)
  /// Between two probes of a server that is down. Nil: `interval`.
  public var unhealthyInterval: Duration?
  /// For a probe from its start to its end.
  public var timeout: Duration = .seconds(5)
  /// For the parts of a probe.
  public var timeouts = HealthCheckTimeouts()
  /// Good answers in a row that bring a server up.
  public var rise = 1
  /// Bad answers in a row that take a server down.
  public var fall = 1
  /// Percent of the interval by which chance moves a probe.
  public var jitter = 10

  public init() {}
}

/// What a probe speaks.
public enum HealthCheckMode: String, Sendable, CaseIterable {
  case http
  /// `grpc.health.v1.Health/Check` for the whole server, over HTTP/2.
  case grpc
}

/// How a probe connects.
public enum HealthCheckScheme: String, Sendable, CaseIterable {
  case http, https, h2c
}

/// How long each part of a probe may take. Nil: as long as the whole.
public struct HealthCheckTimeouts: Sendable, Equatable {
  public var connect: Duration?
  public var tls: Duration?
  /// From the request to the first byte of the response.
  public var firstByte: Duration?
  /// From the response's head to its end.
  public var body: Duration?

  public init() {}
}

/// Traefik's passive check: failures in a row take a server out for a while.
public struct PassiveHealthCheck: Sendable, Equatable {
  /// The time in which the failures must come, and for which the server stays out.
  public var failureWindow: Duration = .seconds(10)
  public var maxFailedAttempts = 1

  public init() {}
}

/// Ours: which servers stand out among their peers, and for how long they stay out.
public struct OutlierDetection: Sendable, Equatable {
  /// Failures in a row; 0: not looked at.
  public var consecutiveErrors = 5
  /// How often error rates are compared; 0: never.
  public var interval: Duration = .seconds(10)
  public var minimumRequests = 100
  /// Percentage points above the error rate of the peers.
  public var errorRateOverPeers = 20
  public var baseEjectionTime: Duration = .seconds(30)
  public var maxEjectionTime: Duration = .seconds(300)
  public var maxEjectedPercent = 50
  /// Whether it only counts what it would do.
  public var shadow = false

  public init() {}
}

/// `healthCheck: {}` of services that are made of services.
public struct HealthCheckPropagation: Sendable, Equatable {
  public init() {}
}
