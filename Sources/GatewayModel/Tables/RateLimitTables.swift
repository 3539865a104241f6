/// The keys of `rateLimit`.
///
/// Source: Traefik v3.7, pkg/config/dynamic/middlewares.go (`RateLimit`).
extension RateLimit: ConfigurationRecord {
  static let table = ConfigurationTable<RateLimit>(
    "RateLimit", "How many requests of one source may come in a time. More are answered with 429.",
    [
      .key("average", \.average, .integer(0...1_000_000_000), "How many requests a period; 0: no limit."),
      .key("period", \.period, .limitPeriod, "The period of average."),
      .key(
        "burst", \.burst, .integer(0...1_000_000_000),
        "How many may come at once (token bucket), or wait (leaky bucket); windows do not look at it."),
      .key(
        "sourceCriterion", \.sourceCriterion, .optional(.record()), default: "ipStrategy: {}", "What a source is."),
      .key("algorithm", \.algorithm, .word(), ours: true, "How the limit counts."),
      .key(
        "shadow", \.shadow, .boolean, ours: true, "Whether requests are only counted that would have been refused."),
      .key(
        "maxSources", \.maxSources, .integer(1...16_777_216), ours: true,
        "How many sources are remembered at the same time; each takes 48 to 96 bytes from the start."),
      .key(
        "redis", \.redis, .optional(.record()), "Where the counts are, so that several gateways share the limit."),
      .key(
        "dynamic", \.dynamic, .optional(.record()), ours: true,
        "A key of Redis or etcd that says average, period and burst while the gateway runs."),
    ])
}

extension RateLimitDynamic: ConfigurationRecord {
  static let table = ConfigurationTable<RateLimitDynamic>(
    "RateLimitDynamic",
    "A key whose value says how much the limit allows: YAML or JSON with average, period and burst.",
    [
      .key("redis", \.redis, .optional(.some("a key")), ours: true, "A key of Redis, asked every 250 ms."),
      .key("etcd", \.etcd, .optional(.some("a key")), ours: true, "A key of etcd v3, watched."),
      .key(
        "endpoints", \.endpoints, .list(.hostAndPort), ours: true,
        "Where the store is: host:port, tried in order; for Redis, those of the limit's redis without them."),
      .key("username", \.username, .string, ours: true, "The user."),
      .key("password", \.password, .string, ours: true, "The password."),
      .key("tls", \.tls, .switch(), ours: true, "TLS; without it the connection is plain."),
    ])
}

extension RateLimitThresholds: ConfigurationRecord {
  static let table = ConfigurationTable<RateLimitThresholds>(
    "RateLimitThresholds", "How much a limit allows.",
    [
      .key("average", \.average, .optional(.integer(0...1_000_000_000)), "How many requests a period; 0: no limit."),
      .key("period", \.period, .optional(.limitPeriod), "The period of average."),
      .key("burst", \.burst, .optional(.integer(0...1_000_000_000)), "How many may come at once, or wait."),
    ])
}

extension RateLimitRedis: ConfigurationRecord {
  private static let oneConnection = "one connection carries the decisions of all requests, in batches"

  static let table = ConfigurationTable<RateLimitRedis>(
    "RateLimitRedis", "The Redis through which several gateways share a limit.",
    [
      .key("endpoints", \.endpoints, .list(.hostAndPort), "Where it is: host:port, tried in order."),
      .key("username", \.username, .string, "The user of Redis' access lists; the default user without it."),
      .key("password", \.password, .string, "The password."),
      .key("db", \.db, .integer(0...1_000_000), "The number of the database."),
      .key("tls", \.tls, .switch(), "TLS; without it the connection is plain."),
      .key("dialTimeout", \.dialTimeout, .duration, "How long making a connection may take."),
      .key("readTimeout", \.readTimeout, .duration, "A connection that answers nothing for so long is given up."),
      .key(
        "timeout", \.timeout, .duration, ours: true,
        "How long a request waits for its decision before whenStoreIsDown decides."),
      .key(
        "whenStoreIsDown", \.whenStoreIsDown, .word(), ours: true,
        "What becomes of requests without a decision: allow lets them pass, deny answers 503, local keeps the whole "
          + "limit in each gateway."),
      .ignored(
        "writeTimeout", because: "writes do not wait; readTimeout bounds the answer", "How long a write may take."),
      .ignored("poolSize", because: oneConnection, "How many connections there are."),
      .ignored("minIdleConns", because: oneConnection, "How many idle connections there are at least."),
      .ignored("maxActiveConns", because: oneConnection, "How many connections there are at most."),
    ])
}

extension RateLimitRedisTLS: ConfigurationRecord {
  static let table = ConfigurationTable<RateLimitRedisTLS>(
    "RateLimitRedisTLS", "TLS towards Redis.",
    [
      .key("ca", \.ca, .optional(.some("a path, or PEM")), "Who may sign the server's certificate."),
      .key("cert", \.cert, .optional(.some("a path, or PEM")), "The gateway's own certificate."),
      .key("key", \.key, .optional(.some("a path, or PEM")), "Its key."),
      .key("insecureSkipVerify", \.insecureSkipVerify, .boolean, "Whether any certificate will do."),
    ])
}

extension ValueFormat<String> {
  /// Where a store is: `redis:6379`, `127.0.0.1:6379`, `[::1]:6379`.
  static var hostAndPort: Self {
    let expected = "host:port such as redis:6379"
    return Self(.string(expectation: expected, pattern: "^.+:[0-9]{1,5}$")) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      if HostAndPort(scalar.text) != nil { return scalar.text }
      let suggestion = HostAndPort(scalar.text + ":6379") == nil ? nil : scalar.text + ":6379"
      return decoding.refuse(node, expected: expected, suggestion: suggestion)
    }
  }
}

extension ValueFormat<Duration> {
  /// A microsecond to 366 days; 0 is a second, as in Traefik.
  static var limitPeriod: Self {
    let expected = "a duration from 1us to 366 days such as 1s, 1m or 24h, or a number of seconds"
    return Self(.duration, text: { DurationText.text($0) }) { node, decoding in
      guard case .scalar(let scalar) = node.content, let value = DurationText.parse(scalar.text) else {
        return decoding.refuse(node, expected: expected)
      }
      if value == .zero { return .seconds(1) }
      guard value >= .microseconds(1), value <= .seconds(366 * 86_400) else {
        return decoding.refuse(node, expected: expected)
      }
      return value
    }
  }
}
