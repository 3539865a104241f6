/// Middlewares that protect a service, and the callers of one that fails: circuit breaker, retry, hedge, timeout,
/// adaptive concurrency.
///
/// Source: Traefik v3, reference/routing-configuration/http/middlewares (circuitbreaker, retry); the others and the
/// keys marked so in Tables/ProtectionTables.swift are ours.

/// Keeps requests from a service that fails. Either by Traefik's expression, or by counts as sony/gobreaker does.
public struct CircuitBreaker: Sendable, Equatable {
  /// Nil: by counts.
  public var expression: BreakerExpression?
  /// How often the expression is looked at, at most.
  public var checkPeriod = Duration.milliseconds(100)
  /// How long the breaker is open before it recovers.
  public var fallbackDuration = Duration.seconds(10)
  /// How long requests are let through in growing number before the breaker closes.
  public var recoveryDuration = Duration.seconds(10)
  /// The status of refused requests.
  public var responseCode: UInt16 = 503

  /// Requests let through half-open, and successes in a row that close it.
  public var maxRequests = 1
  /// After this long a closed breaker forgets its counts; zero: never.
  public var interval = Duration.zero
  /// How long the breaker is open before it is half-open.
  public var timeout = Duration.seconds(60)
  /// Failures in a row that open it. Nil: 6, gobreaker's "more than 5", unless `failureRatio` is written.
  public var consecutiveFailures: Int?
  /// Failures over finished requests that open it. Nil: not by ratio.
  public var failureRatio: Double?
  /// Finished requests below which neither ratio nor expression is looked at.
  public var minimumRequests = 0
  /// Statuses of a server that are failures.
  public var failureStatus: [StatusRange] = CircuitBreaker.failureStatusDefault
  /// What refused requests get instead of a problem. Nil: the problem.
  public var fallback: BreakerFallback?
  /// Whether answers that pass tell the state.
  public var exposeState = false
  /// Counts what would be refused and refuses nothing.
  public var shadow = false

  /// The server's own errors: 500 to 599.
  public static let failureStatusDefault: [StatusRange] = StatusRange(lowest: 500, highest: 599).map { [$0] } ?? []

  public init() {}
}

/// What an open breaker gives: another service's answer, or a fixed one.
public struct BreakerFallback: Sendable, Equatable {
  /// Nil: the fixed response.
  public var service: String?
  public var status: UInt16 = 503
  public var headers: NamedValues<String> = [:]
  public var body = ""

  public init() {}
}

/// Tries again where that is safe.
public struct Retry: Sendable, Equatable {
  /// Tries in all, the first included, as in Traefik.
  public var attempts = 0
  /// The first pause; grows to twice as much. Zero: at once.
  public var initialInterval = Duration.zero
  /// No try begins later than this after the request. Zero: no bound of its own.
  public var timeout = Duration.zero
  /// Bodies up to this size are kept to be sent again. Negative: Traefik's "unlimited", which Sluice bounds.
  public var maxRequestBodyBytes = 2 * 1024 * 1024
  /// Statuses of a server that are tried again. Empty: network errors only.
  public var status: [StatusRange] = []
  public var disableRetryOnNetworkError = false
  /// Also methods that are not idempotent (POST, PATCH).
  public var retryNonIdempotentMethod = false
  /// At most this share of requests are tried again.
  public var budgetRatio = 0.2
  /// Tries a second that the budget allows however few requests there are.
  public var budgetFloor = 3
  /// Counts what would be tried again and tries nothing.
  public var shadow = false

  public init() {}
}

/// Asks a second server when the first takes long, and takes the answer that comes first.
public struct Hedge: Sendable, Equatable {
  /// Wait until this per cent of requests would have been answered.
  public var percentile = 95.0
  /// A fixed time to wait instead. Zero: by percentile.
  public var delay = Duration.zero
  /// At most this share of requests are asked twice.
  public var budgetRatio = 0.1
  /// Second requests a second that the budget allows however few requests there are.
  public var budgetFloor = 1
  public var shadow = false

  public init() {}
}

/// A deadline for the whole exchange, tries and pauses included.
public struct Timeout: Sendable, Equatable {
  public var duration = Duration.zero
  /// The field that tells the server, in milliseconds, how much is left; also read from the client, whose own deadline
  /// can be earlier.
  public var header = "X-Request-Timeout-Ms"
  public var shadow = false

  public init() {}
}

/// Limits how many requests a service has at once, by how long it takes to answer.
public struct AdaptiveConcurrency: Sendable, Equatable {
  public var initialLimit = 20
  public var minLimit = 5
  public var maxLimit = 1000
  /// How much longer than at its best the service may take before the limit shrinks.
  public var tolerance = 1.5
  /// How often the limit is worked out.
  public var window = Duration.seconds(1)
  public var shadow = false

  public init() {}
}
