/// What the gateway needs to start: where it listens, where routes come from, what it reports.
///
/// Names, meanings and defaults are those of Traefik v3's static configuration
/// (doc.traefik.io/traefik/reference/install-configuration); a property is called as its key is. Keys of ours, which
/// Traefik does not have, say so in the reference (`Documentation/configuration.md`).
public struct StaticConfiguration: Sendable, Equatable {
  public var entryPoints: NamedValues<EntryPoint> = [:]
  public var providers = Providers()
  public var log = LogSettings()
  /// Nil: no access log. Traefik's rule: the section, even empty, switches it on.
  public var accessLog: AccessLog?
  public var metrics = Metrics()
  /// Nil: no ping endpoint.
  public var ping: Ping?
  /// Nil: no API.
  public var api: API?
  /// The defaults for connections to servers; a named `http.serversTransports` entry replaces them.
  public var serversTransport = DefaultServersTransport()
  /// Nil: the gateway has no identity of its own.
  public var spiffe: SPIFFESettings?
  /// Ours: where the admin server listens.
  public var admin = Admin()
  /// Ours: how many event loops run.
  public var runtime = RuntimeSettings()
  /// Ours: where the request labels that rules ask for come from.
  public var labels: NamedValues<LabelSource> = [:]

  public init() {}
}

/// Where dynamic configuration comes from.
public struct Providers: Sendable, Equatable {
  /// Changes of files that come within this time are one reload. Traefik's default is two seconds.
  public var providersThrottleDuration: Duration = .milliseconds(100)
  /// Nil: no file but the one the gateway was started with.
  public var file: FileProvider?

  public init() {}
}

/// A file or a directory of files with dynamic configuration. Exactly one of both is set.
public struct FileProvider: Sendable, Equatable {
  public var filename: String?
  public var directory: String?
  /// Whether changes are followed.
  public var watch = true

  public init() {}
}

/// The gateway's own log.
public struct LogSettings: Sendable, Equatable {
  public var level = LogLevel.error
  public var format = LogFormat.common
  /// Nil: standard output.
  public var filePath: String?

  public init() {}
}

/// Traefik's levels, from the most to the least talkative.
public enum LogLevel: String, Sendable, CaseIterable {
  case trace = "TRACE"
  case debug = "DEBUG"
  case info = "INFO"
  case warn = "WARN"
  case error = "ERROR"
  case fatal = "FATAL"
  case panic = "PANIC"
}

/// How a line of a log is written.
public enum LogFormat: String, Sendable, CaseIterable {
  case common, json
}

/// Metrics exporters.
public struct Metrics: Sendable, Equatable {
  /// Nil: no `/metrics`.
  public var prometheus: Prometheus?

  public init() {}
}

/// The Prometheus exposition.
public struct Prometheus: Sendable, Equatable {
  /// Upper bounds of the latency histograms' buckets, in seconds, ascending.
  public var buckets: [Double] = [0.1, 0.3, 1.2, 5]
  public var addEntryPointsLabels = true
  public var addRoutersLabels = false
  public var addServicesLabels = true
  /// The entry point that serves `/metrics`; `traefik`, when it is not defined, means the admin server.
  public var entryPoint = "traefik"
  /// Whether a router to `prometheus@internal` replaces the default one.
  public var manualRouting = false

  public init() {}
}

/// The `/ping` endpoint.
public struct Ping: Sendable, Equatable {
  /// The entry point that serves `/ping`; `traefik`, when it is not defined, means the admin server.
  public var entryPoint = "traefik"
  /// Whether a router to `ping@internal` replaces the default one.
  public var manualRouting = false
  /// The status while the gateway drains.
  public var terminatingStatusCode: UInt16 = 503

  public init() {}
}

/// The API of Traefik's shape.
public struct API: Sendable, Equatable {
  public var basePath = "/"
  /// Whether the API is served on the entry point `traefik` without a router.
  public var insecure = false

  public init() {}
}

/// Defaults for connections to servers.
public struct DefaultServersTransport: Sendable, Equatable {
  public var insecureSkipVerify = false
  /// Paths, or certificates in PEM.
  public var rootCAs: [String] = []
  /// Idle connections kept for one server and event loop together; negative: no reuse.
  public var maxIdleConnsPerHost = ServersTransport.maxIdleConnsPerHostDefault
  public var forwardingTimeouts = ForwardingTimeouts()
  /// Nil: servers are checked by name and `rootCAs`.
  public var spiffe: SPIFFEPeers?

  public init() {}
}

/// Ours: the admin server.
public struct Admin: Sendable, Equatable {
  /// Loopback by default: it shows internals and is not meant for strangers.
  public var address = ListenAddress(host: "127.0.0.1", port: 9180)

  public init() {}
}

/// Ours: how the process runs.
public struct RuntimeSettings: Sendable, Equatable {
  /// Nil: one for each physical core.
  public var eventLoops: Int?
  /// Probes of servers that may start in a second, all services together.
  public var probesPerSecond = 200

  public init() {}
}

/// Ours: where one request label comes from, for rules such as `Label(`env`, `prod`)` or `env == "prod"`.
public struct LabelSource: Sendable, Equatable {
  /// What is read of a request.
  public enum Origin: Sendable, Equatable {
    /// Always this text.
    case value(String)
    /// The first value of this request header.
    case header(String)
    /// The first value of this query parameter.
    case query(String)
  }

  public var origin: Origin
  /// The label's value when the header or parameter is missing; nil: the label is absent.
  public var `default`: String?

  public init(origin: Origin, default: String? = nil) {
    self.origin = origin
    self.default = `default`
  }
}
