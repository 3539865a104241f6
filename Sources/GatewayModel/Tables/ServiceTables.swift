/// The keys of services.
///
/// Source: Traefik v3.7, pkg/config/dynamic/http_config.go.

extension ValueFormat<Service> {
  static var service: Self {
    .variant(
      ConfigurationTable<VariantSlot<Service>>(
        "Service", "Where requests go: one of these.", choice: true,
        [
          .variant("loadBalancer", Service.loadBalancer, "Servers."),
          .variant("weighted", Service.weighted, "Services by weight."),
          .variant("failover", Service.failover, "A service and its replacement."),
          .variant("highestRandomWeight", Service.highestRandomWeight, "Services by a hash of the client's address."),
          .variant("mirroring", Service.mirroring, "A service, and others that get copies of its requests."),
          .notYet("middlewares", "Steps before the service."),
        ]))
  }
}

extension LoadBalancer: ConfigurationRecord {
  static let table = ConfigurationTable<LoadBalancer>(
    "LoadBalancer", "Servers and how requests reach them.",
    [
      .key("servers", \.servers, .list(.record()), "The servers. Without any, requests are answered with 503."),
      .key("sticky", \.sticky, .optional(.record()), "Keeps a client at one server."),
      .key("passHostHeader", \.passHostHeader, .boolean, "Whether the client's Host is sent on."),
      .key(
        "serversTransport", \.serversTransport, .optional(.reference("servers transport")),
        "How connections to the servers are made."),
      .key("responseForwarding", \.responseForwarding, .record(), "How responses are passed on."),
      .key(
        "strategy", \.strategy, .word(),
        "How a server is chosen: in turn by weight, the cheaper of two, by hash, the cheapest, or the least busy."),
      .key("hashBy", \.hashBy, .record(), ours: true, "What hrw hashes; the client's address without it."),
      .key("healthCheck", \.healthCheck, .switch(), "Asks servers whether they are well."),
      .key(
        "passiveHealthCheck", \.passiveHealthCheck, .switch(), "Leaves out servers that fail requests in a row."),
      .key(
        "outlierDetection", \.outlierDetection, .switch(), ours: true,
        "Leaves out servers that fail while the others do not."),
    ])
}

extension Server: ConfigurationRecord {
  static let table = ConfigurationTable<Server>(
    "Server", "One server of a load balancer.",
    [
      .key("url", \.url, .url, required: true, "Scheme, host and port."),
      .key("weight", \.weight, .integer(0...1_000_000), "Its share of the requests."),
      .key("preservePath", \.preservePath, .boolean, "Whether the path of the URL is put before the request's."),
    ])
}

extension ResponseForwarding: ConfigurationRecord {
  static let table = ConfigurationTable<ResponseForwarding>(
    "ResponseForwarding", "How responses are passed on.",
    [
      .ignored(
        "flushInterval", because: "bytes are sent on as they come",
        "How long bytes may be held before they are sent.")
    ])
}

extension Sticky: ConfigurationRecord {
  static let table = ConfigurationTable<Sticky>(
    "Sticky", "Keeps a client at one server or service.",
    [.key("cookie", \.cookie, .switch(), "By a cookie.")])
}

extension StickyCookie: ConfigurationRecord {
  static let table = ConfigurationTable<StickyCookie>(
    "StickyCookie", "The cookie that remembers the choice.",
    [
      .key("name", \.name, .optional(.fieldName), default: "made from the service's name", "Its name."),
      .key("secure", \.secure, .boolean, "For TLS only."),
      .key("httpOnly", \.httpOnly, .boolean, "Hidden from scripts."),
      .key("sameSite", \.sameSite, .optional(.word()), "Whether it goes along with requests from other sites."),
      .key("maxAge", \.maxAge, .integer(), "Seconds it is kept; 0 for a session, negative for not at all."),
      .key("path", \.path, .path, "The path it is for."),
      .key("domain", \.domain, .optional(.some("a domain")), "The domain it is for."),
    ])
}

extension Weighted: ConfigurationRecord {
  static let table = ConfigurationTable<Weighted>(
    "Weighted", "Services by weight.",
    [
      .key("services", \.services, .list(.record()), required: true, "The services."),
      .key("sticky", \.sticky, .optional(.record()), "Keeps a client at one service."),
      .key(
        "healthCheck", \.healthCheck, .switch(),
        "Whether services without a usable server are passed over, and the same is passed up."),
    ])
}

extension HighestRandomWeight: ConfigurationRecord {
  static let table = ConfigurationTable<HighestRandomWeight>(
    "HighestRandomWeight", "Services by a hash of the client's address.",
    [
      .key("services", \.services, .list(.record()), required: true, "The services."),
      .key(
        "healthCheck", \.healthCheck, .switch(),
        "Whether services without a usable server are passed over, and the same is passed up."),
    ])
}

extension HashBy: ConfigurationRecord {
  static let table = ConfigurationTable<HashBy>(
    "HashBy", "What hrw hashes: one of these; requests without it are hashed by address.",
    [
      .key("header", \.header, .optional(.fieldName), ours: true, "The value of this header."),
      .key("cookie", \.cookie, .optional(.fieldName), ours: true, "The value of this cookie."),
    ])
}

extension WeightedService: ConfigurationRecord {
  static let table = ConfigurationTable<WeightedService>(
    "WeightedService", "One service of a weighted one.",
    [
      .key("name", \.name, .reference("service"), required: true, "Which service."),
      .key("weight", \.weight, .integer(0...1_000_000), "Its share of the requests."),
    ])
}

extension Failover: ConfigurationRecord {
  static let table = ConfigurationTable<Failover>(
    "Failover", "A service and its replacement.",
    [
      .key(
        "service", \.service, .reference("service"), required: true, "The service that is used while it has a server."),
      .key("fallback", \.fallback, .reference("service"), required: true, "The service that is used otherwise."),
      .key("healthCheck", \.healthCheck, .switch(), "Whether the health of the two is passed up."),
      .notYet("errors", "Statuses that count as failures."),
    ])
}

extension Mirroring: ConfigurationRecord {
  static let table = ConfigurationTable<Mirroring>(
    "Mirroring", "A service, and others that get copies of its requests.",
    [
      .key("service", \.service, .reference("service"), required: true, "The service that answers."),
      .key("mirrorBody", \.mirrorBody, .boolean, "Whether copies have the request's body."),
      .key(
        "maxBodySize", \.maxBodySize, .integer(-1...Int.max),
        "Bytes of body; requests with more are not copied. -1: no bound for one request."),
      .key("mirrors", \.mirrors, .list(.record()), "Who gets copies."),
      .key("healthCheck", \.healthCheck, .switch(), "Whether the health of the service is passed up."),
      .key("timeout", \.timeout, .duration, ours: true, "When a copy is given up; 0s: never."),
      .key(
        "maxInFlight", \.maxInFlight, .integer(1...100_000), ours: true,
        "Copies that each mirror may have under way; further requests are not copied to it."),
    ])
}

extension MirrorService: ConfigurationRecord {
  static let table = ConfigurationTable<MirrorService>(
    "MirrorService", "A service that gets copies.",
    [
      .key("name", \.name, .reference("service"), required: true, "Which service."),
      .key("percent", \.percent, .integer(0...100), "Of a hundred requests, how many are copied."),
    ])
}
