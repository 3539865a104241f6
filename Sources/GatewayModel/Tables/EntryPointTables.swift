/// The keys of entry points.
///
/// Source: Traefik v3.7, pkg/config/static/entrypoints.go.

extension EntryPoint: ConfigurationRecord {
  static let table = ConfigurationTable<EntryPoint>(
    "EntryPoint", "A port the gateway listens on.",
    [
      .key(
        "address", \.address, .address, required: true, "Host and port; without a host, every address of the machine."),
      .key("asDefault", \.asDefault, .boolean, "Whether routers that name no entry point use this one."),
      .key("http", \.http, .record(), "What holds for every HTTP request that comes in here."),
      .key("http2", \.http2, .record(), "HTTP/2."),
      .key("forwardedHeaders", \.forwardedHeaders, .record(), "Who is believed about X-Forwarded-*."),
      .key("transport", \.transport, .record(), "Timeouts and life time of connections."),
      .key("proxyProtocol", \.proxyProtocol, .switch(), "Who may send the PROXY protocol's header."),
      .key(
        "reusePort", \.reusePort, .boolean,
        "Whether another process may listen on the port too. "
          + "Without it a port that is in use is a mistake at the start."),
      .notYet("allowACMEByPass", "Whether routers may answer ACME challenges."),
      .notYet("http3", "HTTP/3."),
      .notYet("udp", "UDP sessions."),
      .notYet("observability", "Access log, metrics and traces of this entry point."),
    ])
}

extension EntryPointHTTP: ConfigurationRecord {
  static let table = ConfigurationTable<EntryPointHTTP>(
    "EntryPointHTTP", "What holds for every HTTP request of an entry point.",
    [
      .key("redirections", \.redirections, .record(), "Redirections of the whole entry point."),
      .key(
        "middlewares", \.middlewares, .list(.reference("middleware")),
        "Middlewares that run before those of each router."),
      .key("tls", \.tls, .switch(), "TLS for every router of the entry point that has no tls of its own."),
      .key(
        "encodeQuerySemicolons", \.encodeQuerySemicolons, .boolean,
        "Whether ; in a query becomes %3B, to rules and servers; otherwise it becomes &."),
      .key(
        "sanitizePath", \.sanitizePath, .boolean,
        "Whether slashes next to each other in a path become one. Dot segments are refused either way."),
      .key(
        "maxHeaderBytes", \.maxHeaderBytes, .optional(.integer(256...1_073_741_824)), default: "32768",
        "The largest request head in bytes. Traefik's default is 1048576. limits.headBytes is the same and wins."),
      .key("limits", \.limits, .record(), ours: true, "What a request may weigh."),
      .notYet("encodedCharacters", "Which encoded characters a path may hold."),
      .notYet("underscoreHeadersStrategy", "What happens to headers with underscores."),
    ])
}

extension RequestLimits: ConfigurationRecord {
  static let table = ConfigurationTable<RequestLimits>(
    "RequestLimits", "What a request may weigh before it is refused with 413, 414 or 431.",
    [
      .key(
        "requestLineBytes", \.requestLineBytes, .optional(.bytes), ours: true, default: "8192",
        "The request line; by default no more than a whole head."),
      .key(
        "headBytes", \.headBytes, .optional(.bytes), ours: true, default: "32768", "Request line and fields together."),
      .key("fields", \.fields, .integer(1...100_000), ours: true, "Number of fields."),
      .key("bodyBytes", \.bodyBytes, .optional(.bytes), ours: true, default: "unlimited", "The body."),
    ])
}

extension Redirections: ConfigurationRecord {
  static let table = ConfigurationTable<Redirections>(
    "Redirections", "Redirections of a whole entry point.",
    [.key("entryPoint", \.entryPoint, .optional(.record()), "Sends every request to another entry point.")])
}

extension RedirectEntryPoint: ConfigurationRecord {
  static let table = ConfigurationTable<RedirectEntryPoint>(
    "RedirectEntryPoint", "Sends every request to another entry point or port.",
    [
      .key(
        "to", \.to, .some("the name of an entry point, or a port such as :443"), required: true,
        "The name of an entry point, or :port."),
      .key("scheme", \.scheme, .word(of: ["http", "https"], "http or https"), "The scheme of the new URL."),
      .key("permanent", \.permanent, .boolean, "301 or 308 rather than 302 or 307."),
      .key("priority", \.priority, .integer(), "The priority of the router this makes."),
    ])
}

extension EntryPointHTTP2: ConfigurationRecord {
  static let table = ConfigurationTable<EntryPointHTTP2>(
    "EntryPointHTTP2", "HTTP/2 of an entry point.",
    [
      .key(
        "maxConcurrentStreams", \.maxConcurrentStreams, .integer(1...2_147_483_647),
        "Streams one connection may have open."),
      .notYet("maxDecoderHeaderTableSize", "The largest HPACK table for requests."),
      .notYet("maxEncoderHeaderTableSize", "The largest HPACK table for responses."),
    ])
}

extension ForwardedHeaders: ConfigurationRecord {
  static let table = ConfigurationTable<ForwardedHeaders>(
    "ForwardedHeaders", "Which peers are believed about X-Forwarded-*.",
    [
      .key("insecure", \.insecure, .boolean, "Believe everybody."),
      .key("trustedIPs", \.trustedIPs, .list(.range), "Believe these addresses and networks."),
      .ignored(
        "connection", because: "middlewares see the fields that Connection names, and they end here as in Traefik",
        "Fields named by Connection that middlewares may see."),
      .notYet("notAppendXForwardedFor", "Whether X-Forwarded-For is passed on as it came."),
      .notYet("addXForwardedSchemeHeaders", "Whether X-Forwarded-Scheme and X-Scheme are set."),
    ])
}

extension ProxyProtocol: ConfigurationRecord {
  static let table = ConfigurationTable<ProxyProtocol>(
    "ProxyProtocol", "Which peers may send the PROXY protocol's header.",
    [
      .key("insecure", \.insecure, .boolean, "Accept it from everybody."),
      .key("trustedIPs", \.trustedIPs, .list(.range), "Accept it from these addresses and networks."),
    ])
}

extension EntryPointTransport: ConfigurationRecord {
  static let table = ConfigurationTable<EntryPointTransport>(
    "EntryPointTransport", "Timeouts and life time of client connections.",
    [
      .key("respondingTimeouts", \.respondingTimeouts, .record(), "Timeouts of requests and responses."),
      .key("lifeCycle", \.lifeCycle, .record(), "How the entry point stops."),
      .key(
        "keepAliveMaxRequests", \.keepAliveMaxRequests, .count,
        "Requests a connection may carry before it is closed; 0 for any number."),
      .key(
        "keepAliveMaxTime", \.keepAliveMaxTime, .duration,
        "How long a connection may live before it is closed between two requests; 0s for any time."),
    ])
}

extension RespondingTimeouts: ConfigurationRecord {
  static let table = ConfigurationTable<RespondingTimeouts>(
    "RespondingTimeouts", "Timeouts of client connections; 0s means none.",
    [
      .key("readTimeout", \.readTimeout, .duration, "The whole request, body included."),
      .key("writeTimeout", \.writeTimeout, .duration, "Writing the response."),
      .key("idleTimeout", \.idleTimeout, .duration, "A connection between two requests."),
      .key(
        "headTimeout", \.headTimeout, .duration, ours: true, "From a request's first byte to the end of its head."),
    ])
}

extension LifeCycle: ConfigurationRecord {
  static let table = ConfigurationTable<LifeCycle>(
    "LifeCycle", "How an entry point stops.",
    [
      .key(
        "requestAcceptGraceTimeout", \.requestAcceptGraceTimeout, .duration,
        "How long new requests are still taken after the signal to stop."),
      .key("graceTimeOut", \.graceTimeOut, .duration, "How long running requests may then take."),
    ])
}
