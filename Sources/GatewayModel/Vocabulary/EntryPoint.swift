/// A port the gateway listens on, with what holds for every connection and request that comes in there.
///
/// Source: Traefik v3, reference/install-configuration/entrypoints, and pkg/config/static/entrypoints.go.
public struct EntryPoint: Sendable, Equatable {
  public var address = ListenAddress(host: "", port: 0)
  /// Whether routers that name no entry point use this one.
  public var asDefault = false
  public var http = EntryPointHTTP()
  public var http2 = EntryPointHTTP2()
  public var forwardedHeaders = ForwardedHeaders()
  public var transport = EntryPointTransport()
  /// Whether another process may listen on the port as well, to take over from this one.
  public var reusePort = false
  /// Nil: the PROXY protocol is not expected.
  public var proxyProtocol: ProxyProtocol?

  public init() {}
}

/// What holds for every HTTP request of an entry point.
public struct EntryPointHTTP: Sendable, Equatable {
  public var redirections = Redirections()
  /// Middlewares that run before those of each router, by name.
  public var middlewares: [String] = []
  /// TLS for every router of the entry point that has no `tls` of its own. Nil: none.
  public var tls: RouterTLS?
  /// Whether `;` in a query is sent on as `%3B`.
  public var encodeQuerySemicolons = false
  /// Whether slashes next to each other in a path become one before rules see it. Dot segments are refused either way.
  public var sanitizePath = true
  /// Traefik's name for the largest head; `limits.headBytes` is ours and wins.
  public var maxHeaderBytes: Int?
  /// Ours: what a request may weigh.
  public var limits = RequestLimits()

  public init() {}

  /// The largest request head in bytes that counts: `limits.headBytes`, else `maxHeaderBytes`, else 32 KiB.
  public var headBytesMax: Int { limits.headBytes ?? maxHeaderBytes ?? RequestLimits.headBytesDefault }

  /// The longest request line in bytes that counts: what is written, else 8 KiB, and in a smaller head all of it.
  public var requestLineBytesMax: Int {
    limits.requestLineBytes ?? min(RequestLimits.requestLineBytesDefault, headBytesMax)
  }
}

/// Ours: what a request may weigh before it is refused with 413, 414 or 431.
public struct RequestLimits: Sendable, Equatable {
  public static let headBytesDefault = 32 * 1024
  public static let requestLineBytesDefault = 8 * 1024

  /// The request line, in bytes; see `EntryPointHTTP.requestLineBytesMax`.
  public var requestLineBytes: Int?
  /// Request line and fields together, in bytes; see `EntryPointHTTP.headBytesMax`.
  public var headBytes: Int?
  /// Number of fields.
  public var fields = 100
  /// The body, in bytes. Nil: unlimited, streamed.
  public var bodyBytes: Int?

  public init() {}
}

/// Redirections of a whole entry point.
public struct Redirections: Sendable, Equatable {
  /// Nil: none.
  public var entryPoint: RedirectEntryPoint?

  public init() {}
}

/// Sends every request to another entry point or port.
public struct RedirectEntryPoint: Sendable, Equatable {
  /// The name of an entry point, or `:port`.
  public var to = ""
  public var scheme = "https"
  /// 301 or 308 rather than 302 or 307.
  public var permanent = true
  /// The priority of the router this makes: by default one below the greatest, so that it comes first.
  public var priority = Int.max - 1

  public init() {}
}

/// HTTP/2 of an entry point.
public struct EntryPointHTTP2: Sendable, Equatable {
  /// Streams one client connection may have open.
  public var maxConcurrentStreams = 250

  public init() {}
}

/// Which peers are believed about `X-Forwarded-*`.
public struct ForwardedHeaders: Sendable, Equatable {
  /// Believe everybody.
  public var insecure = false
  public var trustedIPs: [IPRange] = []

  public init() {}
}

/// Which peers may send the PROXY protocol's header.
public struct ProxyProtocol: Sendable, Equatable {
  /// Accept it from everybody.
  public var insecure = false
  public var trustedIPs: [IPRange] = []

  public init() {}
}

/// Timeouts and life time of client connections.
public struct EntryPointTransport: Sendable, Equatable {
  public var respondingTimeouts = RespondingTimeouts()
  public var lifeCycle = LifeCycle()
  /// Requests a connection may carry before it is closed; 0: unlimited.
  public var keepAliveMaxRequests = 0
  /// How long a connection may live before it is closed between two requests; zero: unlimited.
  public var keepAliveMaxTime: Duration = .zero

  public init() {}
}

/// Timeouts of client connections; zero means none.
public struct RespondingTimeouts: Sendable, Equatable {
  /// The whole request, body included.
  public var readTimeout: Duration = .seconds(60)
  /// Writing the response.
  public var writeTimeout: Duration = .zero
  /// A connection between two requests.
  public var idleTimeout: Duration = .seconds(180)
  /// Ours: from the first byte of a request to the end of its head.
  public var headTimeout: Duration = .seconds(10)

  public init() {}
}

/// How an entry point stops.
public struct LifeCycle: Sendable, Equatable {
  /// How long new requests are still taken after the signal.
  public var requestAcceptGraceTimeout: Duration = .zero
  /// How long running requests may then take.
  public var graceTimeOut: Duration = .seconds(10)

  public init() {}
}
