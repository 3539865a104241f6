import GatewayModel
import NIOCore
import Observability
import ResiliencePolicies

/// One whole configuration, compiled for the data plane: immutable, shared by all shards, with a generation number.
///
/// Publishing is handing a reference to each shard; a request keeps the Snapshot it began with. Everything that a
/// request would otherwise look up by name (services, middlewares, metric series) is a reference or an index here.
public final class Snapshot: Sendable {
  public let generation: UInt64
  /// In the order of the static configuration; a connection knows its entry point by index.
  public let entryPoints: [EntryPointPlan]
  /// Every server that any service names.
  public let servers: [ServerPlan]
  /// Every service with servers of its own.
  public let services: [ServicePlan]
  /// Servers with probes.
  let probes: [ProbePlan]
  /// The certificates served, for metrics.
  public let certificateExpiries: [CertificateExpiry]
  /// Number of cursors that the balancers of all services need per shard.
  let cursorCount: Int

  init(
    generation: UInt64, entryPoints: [EntryPointPlan], servers: [ServerPlan], services: [ServicePlan] = [],
    probes: [ProbePlan] = [], cursorCount: Int, certificateExpiries: [CertificateExpiry] = []
  ) {
    self.probes = probes
    self.services = services
    self.certificateExpiries = certificateExpiries
    self.generation = generation
    self.entryPoints = entryPoints
    self.servers = servers
    self.cursorCount = cursorCount
  }
}

/// What a request on one entry point meets.
public final class EntryPointPlan: Sendable {
  public let name: String
  let nameBytes: [UInt8]
  public let index: Int
  /// Routers for plain connections, and those for TLS: as in Traefik, a router with `tls` answers only there.
  let plain: RouteSet
  let secure: RouteSet
  let limits: WireLimits
  let cleaning: TargetCleaning
  let forwarding: ForwardedFields
  let timeouts: ClientTimeouts
  let keepAliveMaxRequests: Int
  let keepAliveMaxNanoseconds: UInt64
  let http2StreamsMax: Int
  /// Nil on entry points without TLS.
  let tls: TLSTable?
  let ledgerOwner: UInt32
  let series: RequestSeries?
  let openConnections: CounterSeries?

  init(
    name: String, index: Int, plain: RouteSet, secure: RouteSet, configuration: EntryPoint, tls: TLSTable?,
    ledgerOwner: UInt32, series: RequestSeries?, openConnections: CounterSeries?
  ) {
    self.openConnections = openConnections
    self.name = name
    nameBytes = Array(name.utf8)
    self.index = index
    self.plain = plain
    self.secure = secure
    let http = configuration.http
    limits = WireLimits(
      lineBytesMax: http.requestLineBytesMax, headBytesMax: http.headBytesMax, fieldsMax: http.limits.fields,
      bodyBytesMax: http.limits.bodyBytes.map { UInt64($0) } ?? .max)
    cleaning = TargetCleaning(http)
    forwarding = ForwardedFields(configuration.forwardedHeaders)
    timeouts = ClientTimeouts(configuration.transport.respondingTimeouts)
    keepAliveMaxRequests = configuration.transport.keepAliveMaxRequests
    keepAliveMaxNanoseconds = configuration.transport.keepAliveMaxTime.nanoseconds
    http2StreamsMax = configuration.http2.maxConcurrentStreams
    self.tls = tls
    self.ledgerOwner = ledgerOwner
    self.series = series
  }
}

/// Routers behind one table.
struct RouteSet: Sendable {
  let table: RouteTable
  /// By the number that the table gives.
  let routes: [RouterPlan]
}

/// Client timeouts in nanoseconds; zero is none.
struct ClientTimeouts: Sendable {
  let head: UInt64
  let read: UInt64
  let write: UInt64
  let idle: UInt64

  init(_ timeouts: RespondingTimeouts) {
    head = timeouts.headTimeout.nanoseconds
    read = timeouts.readTimeout.nanoseconds
    write = timeouts.writeTimeout.nanoseconds
    idle = timeouts.idleTimeout.nanoseconds
  }
}

extension Duration {
  /// Whole nanoseconds, not negative and not over 292 years.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    return UInt64(clamping: min(seconds, 9_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}

/// A router, compiled.
public final class RouterPlan: Sendable {
  public let name: String
  let nameBytes: [UInt8]
  let middlewares: [any Middleware]
  let hasResponders: Bool
  public let service: ServicePlan
  let series: RequestSeries?
  let ledgerOwner: UInt32
  /// Stands for the router where sources of requests are told apart.
  let sourceSeed: SourceKey
  let labels: [RouterLabel]

  init(
    name: String, middlewares: [any Middleware], service: ServicePlan, series: RequestSeries?, ledgerOwner: UInt32,
    labels: [RouterLabel] = []
  ) {
    self.labels = labels
    self.name = name
    nameBytes = Array(name.utf8)
    sourceSeed = RequestSource.seed(router: nameBytes)
    self.middlewares = middlewares
    self.hasResponders = middlewares.contains { $0.actsOnResponse }
    self.service = service
    self.series = series
    self.ledgerOwner = ledgerOwner
  }
}

/// A value by name that the operator gave a router, for policies.
struct RouterLabel: Sendable {
  let name: [UInt8]
  let value: [UInt8]

  static func list(_ labels: NamedValues<String>) -> [RouterLabel] {
    labels.map { RouterLabel(name: Array($0.name.utf8), value: Array($0.value.utf8)) }
  }
}

/// A server: where it is, and how connections to it are made.
public final class ServerPlan: Sendable {
  /// Stable over generations while address and transport are the same; indexes the shards' pools.
  public let id: Int
  /// Tells it from servers that had the same `id` in former generations.
  let life: UInt64
  public let url: String
  let urlBytes: [UInt8]
  public let host: String
  public let port: UInt16
  /// A literal address, so that no name has to be resolved.
  let address: SocketAddress?
  /// The server's own `Host`, for `passHostHeader: false` and requests without one.
  let hostField: [UInt8]
  let passHost: Bool
  /// Put before the path when `preservePath` is set.
  let pathPrefix: [UInt8]
  let tls: ServerTLS?
  let wire: ServerWire
  let transport: TransportPlan
  let ledgerOwner: UInt32
  /// Identifies the server in sticky cookies, as Traefik does: the start of a hash of its URL.
  let stickyToken: [UInt8]

  init(
    _ entry: ServerRegistry.Entry, url: ServerURL, passHost: Bool, preservePath: Bool, tls: ServerTLS?,
    wire: ServerWire = .http1, transport: TransportPlan, ledgerOwner: UInt32, stickyToken: [UInt8]
  ) {
    self.wire = wire
    id = entry.number
    life = entry.life
    self.url = url.description
    urlBytes = Array(url.description.utf8)
    host = url.host
    port = url.port
    address = try? SocketAddress(ipAddress: url.host, port: Int(url.port))
    hostField = Array(url.authority.utf8)
    self.passHost = passHost
    let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
    pathPrefix = preservePath ? Array(path.utf8) : []
    self.tls = tls
    self.transport = transport
    self.ledgerOwner = ledgerOwner
    self.stickyToken = stickyToken
  }
}

/// Which HTTP a server is spoken to in.
enum ServerWire: Sendable {
  case http1
  /// By prior knowledge: `h2c://`.
  case http2
  /// What ALPN agrees upon: `https://`, unless `disableHTTP2`.
  case negotiated

  init(_ scheme: ServerURL.Scheme, _ transport: ServersTransport) {
    switch scheme {
    case .http: self = .http1
    case .h2c: self = .http2
    case .https: self = transport.disableHTTP2 ? .http1 : .negotiated
    }
  }
}

/// `serversTransports`, in the units of the loop.
struct TransportPlan: Sendable, Equatable {
  var dialNanoseconds: UInt64
  var responseHeaderNanoseconds: UInt64
  var idleNanoseconds: UInt64
  /// HTTP/2: 0 for never.
  var readIdleNanoseconds: UInt64
  var pingNanoseconds: UInt64
  var idleMax: Int
  var openMax = 65_536
  /// Streams that one HTTP/2 connection may have in its life; over it another one takes over. A connection has numbers
  /// for 2^30 streams (RFC 9113 section 5.1.1), which ten thousand requests a second use up in thirty hours.
  var streamsOfLifeMax = 1 << 28

  init(_ transport: ServersTransport) {
    let timeouts = transport.forwardingTimeouts
    dialNanoseconds = timeouts.dialTimeout.nanoseconds
    responseHeaderNanoseconds = timeouts.responseHeaderTimeout.nanoseconds
    idleNanoseconds = timeouts.idleConnTimeout.nanoseconds == 0 ? .max / 2 : timeouts.idleConnTimeout.nanoseconds
    readIdleNanoseconds = timeouts.readIdleTimeout.nanoseconds
    pingNanoseconds = timeouts.pingTimeout.nanoseconds
    idleMax = max(0, transport.maxIdleConnsPerHost)
  }
}
