/// How many requests a source may send in a time. More are answered with 429.
///
/// Source: Traefik v3, reference/routing-configuration/http/middlewares/ratelimit, and
/// pkg/config/dynamic/middlewares.go.
public struct RateLimit: Sendable, Equatable {
  /// Requests a period; 0: no limit.
  public var average = 0
  public var period = Duration.seconds(1)
  /// Requests at once; with a leaky bucket, places in its queue.
  public var burst = 1
  /// Nil: each address is a source.
  public var sourceCriterion: SourceCriterion?
  /// Ours.
  public var algorithm = RateLimitAlgorithm.tokenBucket
  /// Ours: count what would be refused, and refuse nothing.
  public var shadow = false
  /// Ours: how many sources are remembered at the same time. Traefik's is 65536.
  public var maxSources = 65_536
  /// Nil: the limit is this process's own.
  public var redis: RateLimitRedis?
  /// Ours: where average, period and burst are read from while the gateway runs. Nil: nowhere.
  public var dynamic: RateLimitDynamic?

  public init() {}
}

/// A key of Redis or etcd whose value says how much a limit allows.
public struct RateLimitDynamic: Sendable, Equatable {
  /// A key of Redis.
  public var redis: String?
  /// A key of etcd.
  public var etcd: String?
  /// `host:port`, tried in order. Without them, for Redis, those of the limit's `redis`.
  public var endpoints: [String] = []
  public var username = ""
  public var password = ""
  public var tls: RateLimitRedisTLS?

  public init() {}
}

/// What the value of such a key may say: what it leaves out is as configured.
public struct RateLimitThresholds: Sendable, Equatable {
  public var average: Int?
  public var period: Duration?
  public var burst: Int?

  public init() {}

  /// Reads a value: YAML or JSON with the keys of the configuration.
  ///
  /// - Parameter name: how mistakes call it.
  public static func parse(_ bytes: [UInt8], name: String) -> Result<RateLimitThresholds, RateLimitThresholdsMistake> {
    guard bytes.count <= 4096 else {
      return .failure(RateLimitThresholdsMistake(text: "\(name) has \(bytes.count) bytes, expected at most 4096"))
    }
    let source = ConfigurationSource(name: name, bytes: bytes, format: .yaml, role: .dynamic)
    let (text, root, mistakes) = ConfigurationText.read(source)
    var decoding = Decoding(text)
    var thresholds = RateLimitThresholds()
    if let root { table.decode(root, into: &thresholds, &decoding) }
    let errors = (mistakes + decoding.mistakes).filter { $0.kind != .warning }
    guard errors.isEmpty else {
      return .failure(RateLimitThresholdsMistake(text: errors.map(\.description).joined(separator: "; ")))
    }
    guard thresholds != RateLimitThresholds() else {
      return .failure(
        RateLimitThresholdsMistake(text: "\(name) says nothing, expected average, period or burst"))
    }
    return .success(thresholds)
  }
}

/// Why a value is no thresholds.
public struct RateLimitThresholdsMistake: Error, Sendable, Equatable, CustomStringConvertible {
  let text: String
  public var description: String { text }
}

/// The Redis through which several gateways share a limit.
public struct RateLimitRedis: Sendable, Equatable {
  /// `host:port`, tried in order.
  public var endpoints = ["localhost:6379"]
  public var username = ""
  public var password = ""
  public var db = 0
  public var tls: RateLimitRedisTLS?
  public var dialTimeout = Duration.seconds(5)
  public var readTimeout = Duration.seconds(3)
  /// Ours: how long a request waits for a decision.
  public var timeout = Duration.milliseconds(100)
  /// Ours: what becomes of requests without a decision.
  public var whenStoreIsDown = StoreDownPolicy.local

  public init() {}
}

/// TLS towards Redis: files, or PEM itself.
public struct RateLimitRedisTLS: Sendable, Equatable {
  public var ca: String?
  public var cert: String?
  public var key: String?
  public var insecureSkipVerify = false

  public init() {}
}

/// What a shared limit does while its store cannot decide.
public enum StoreDownPolicy: String, Sendable, CaseIterable {
  /// Lets everything pass.
  case allow
  /// Refuses everything.
  case deny
  /// Each gateway keeps the whole limit for itself.
  case local
}

/// How a rate limit counts.
public enum RateLimitAlgorithm: String, Sendable, CaseIterable {
  case tokenBucket, leakyBucket, slidingWindow, fixedWindow
}
