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

  public init() {}
}

/// How a rate limit counts.
public enum RateLimitAlgorithm: String, Sendable, CaseIterable {
  case tokenBucket, leakyBucket, slidingWindow, fixedWindow
}
