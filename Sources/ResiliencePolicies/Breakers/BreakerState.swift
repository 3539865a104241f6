/// What a circuit breaker does with requests. The raw value is that of the metric.
public enum BreakerState: UInt8, Sendable, CaseIterable {
  /// Requests pass and are counted. Can move to `open`.
  case closed = 0
  /// Requests are refused until a time. Can move to `halfOpen`.
  case open = 1
  /// Some requests pass to see how the service is: a fixed number, or a growing share (Traefik's "recovering"). Can
  /// move to `closed`, `open`.
  case halfOpen = 2

  /// As in `X-Circuit-Breaker-State` and gobreaker's texts.
  public var text: StaticString {
    switch self {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half-open"
    }
  }
}

/// The right of a request to be counted: in which generation of the breaker it began.
public struct BreakerTicket: Sendable, Equatable {
  /// Generation and state, as the breaker packs them.
  let word: UInt64

  /// One of the requests that a half-open breaker lets through.
  public var isProbe: Bool { word & 3 == UInt64(BreakerState.halfOpen.rawValue) }
}

/// What became of a request that a breaker let through.
public struct BreakerResult: Sendable, Equatable {
  /// How it counts.
  public enum Kind: UInt8, Sendable, CaseIterable {
    case success = 0
    case failure = 1
    /// Says nothing about the service: the client went away, the gateway refused. Counts as if it had never been.
    case excluded = 2
  }

  public var kind: Kind
  /// No server answered, or one answered with 502 or 504.
  public var isNetworkError: Bool
  /// What the client would be told; 0: nothing.
  public var status: UInt16
  /// From the request to the response's head.
  public var latencyNanoseconds: UInt64

  public init(_ kind: Kind, isNetworkError: Bool = false, status: UInt16 = 200, latencyNanoseconds: UInt64 = 0) {
    self.kind = kind
    self.isNetworkError = isNetworkError
    self.status = status
    self.latencyNanoseconds = latencyNanoseconds
  }
}

/// What a breaker says of a request.
public enum BreakerVerdict: Sendable, Equatable {
  case pass(BreakerTicket)
  /// `retryAfterNanoseconds`: until the breaker may let a request through; 0 when that is not known.
  case refuse(BreakerState, retryAfterNanoseconds: UInt64)
}

/// Everything a breaker knows, for metrics and people.
public struct BreakerPicture: Sendable, Equatable {
  public var state: BreakerState
  public var generation: UInt64
  /// Of the present generation.
  public var counts: BreakerCounts
  /// Since the breaker was made, by `BreakerState`'s raw value: how often it became that.
  public var transitions: [UInt64]
  /// Since the breaker was made, by `BreakerResult.Kind`'s raw value.
  public var results: [UInt64]
  /// When the state ends by itself, in nanoseconds from now; nil: it does not.
  public var remainingNanoseconds: UInt64?
}

/// Counts of one generation.
public struct BreakerCounts: Sendable, Equatable {
  /// Requests that finished, in half-open those let through.
  public var requests: UInt64 = 0
  public var successes: UInt64 = 0
  public var failures: UInt64 = 0
  public var exclusions: UInt64 = 0
  public var consecutiveSuccesses: UInt64 = 0
  public var consecutiveFailures: UInt64 = 0

  public init() {}
}
