/// Metrics of what each protection of a service knows. What they decided is counted by `PolicySeries`.
///
/// Labels say under which name a protection stands in the configuration, and for which service.
enum ProtectionFamilies {
  private static let owner = ["middleware", "service"]

  static let breakerState = MetricFamily(
    "sluice_circuit_breaker_state", .gauge, help: "State of a circuit breaker: closed 0, open 1, half-open 2.",
    labels: owner)
  static let breakerTransitions = MetricFamily(
    "sluice_circuit_breaker_transitions_total", .counter, help: "How often a circuit breaker became what it is called.",
    labels: owner + ["state"])
  static let breakerResults = MetricFamily(
    "sluice_circuit_breaker_results_total", .counter,
    help: "Requests that a circuit breaker let through, by what they counted as.", labels: owner + ["result"])
  static let retryBudget = MetricFamily(
    "sluice_retry_budget_tries", .gauge, help: "Tries that a retry budget would allow now.", labels: owner)
  static let hedgeDelay = MetricFamily(
    "sluice_hedge_delay_seconds", .gauge, help: "After how long a second server is asked; 0: not at all.",
    unit: "seconds", labels: owner)
  static let concurrencyLimit = MetricFamily(
    "sluice_adaptive_concurrency_limit", .gauge, help: "Requests that a service may have at once.", labels: owner)
  static let concurrencyInFlight = MetricFamily(
    "sluice_adaptive_concurrency_in_flight", .gauge, help: "Requests that a service has.", labels: owner)
  static let concurrencyBest = MetricFamily(
    "sluice_adaptive_concurrency_best_seconds", .gauge,
    help: "Time a service takes to answer at its best, as learned; 0: not yet.", unit: "seconds", labels: owner)
}

/// A number that a protection has learned or has left.
public struct ProtectionGauge: Sendable {
  /// Which number.
  public enum Kind: Sendable, CaseIterable {
    case retryBudget, hedgeDelay, concurrencyLimit, concurrencyInFlight, concurrencyBest

    var family: MetricFamily {
      switch self {
      case .retryBudget: ProtectionFamilies.retryBudget
      case .hedgeDelay: ProtectionFamilies.hedgeDelay
      case .concurrencyLimit: ProtectionFamilies.concurrencyLimit
      case .concurrencyInFlight: ProtectionFamilies.concurrencyInFlight
      case .concurrencyBest: ProtectionFamilies.concurrencyBest
      }
    }
  }

  public var kind: Kind
  public var middleware: String
  public var service: String
  public var value: Double

  public init(_ kind: Kind, middleware: String, service: String, value: Double) {
    self.kind = kind
    self.middleware = middleware
    self.service = service
    self.value = value
  }
}

/// A circuit breaker as it is shown: names, state and numbers, without the data plane's types.
public struct BreakerStatus: Sendable, Equatable {
  public var middleware: String
  public var service: String
  /// `closed`, `open`, `half-open`.
  public var state: String
  /// 0, 1, 2.
  public var stateNumber: Int
  public var isShadow: Bool
  public var generation: UInt64
  /// When the state ends by itself, in seconds from now; nil: it does not.
  public var secondsLeft: Double?
  /// Of the present generation, by name.
  public var counts: [(name: String, value: UInt64)]
  /// Since the breaker was made, by state.
  public var transitions: [(state: String, count: UInt64)]
  /// Since the breaker was made, by what requests counted as.
  public var results: [(result: String, count: UInt64)]

  public init(
    middleware: String, service: String, state: String, stateNumber: Int, isShadow: Bool, generation: UInt64,
    secondsLeft: Double?, counts: [(name: String, value: UInt64)], transitions: [(state: String, count: UInt64)],
    results: [(result: String, count: UInt64)]
  ) {
    self.middleware = middleware
    self.service = service
    self.state = state
    self.stateNumber = stateNumber
    self.isShadow = isShadow
    self.generation = generation
    self.secondsLeft = secondsLeft
    self.counts = counts
    self.transitions = transitions
    self.results = results
  }

  public static func == (left: BreakerStatus, right: BreakerStatus) -> Bool {
    left.middleware == right.middleware && left.service == right.service && left.stateNumber == right.stateNumber
      && left.generation == right.generation && left.isShadow == right.isShadow
      && left.counts.elementsEqual(right.counts, by: ==)
  }
}

extension GatewayMetrics {
  /// Asks `read` at each scrape what the other protections have learned.
  public func collectProtections(_ read: @escaping @Sendable () -> [ProtectionGauge]) {
    for kind in ProtectionGauge.Kind.allCases {
      registry.collect(kind.family) {
        read().filter { $0.kind == kind }.map {
          MetricSample(labels: [$0.middleware, $0.service], value: $0.value)
        }
      }
    }
  }

  /// Asks `read` at each scrape how the breakers are.
  public func collectBreakers(_ read: @escaping @Sendable () -> [BreakerStatus]) {
    registry.collect(ProtectionFamilies.breakerState) {
      read().map { MetricSample(labels: [$0.middleware, $0.service], value: Double($0.stateNumber)) }
    }
    registry.collect(ProtectionFamilies.breakerTransitions) {
      read().flatMap { breaker in
        breaker.transitions.map {
          MetricSample(labels: [breaker.middleware, breaker.service, $0.state], value: Double($0.count))
        }
      }
    }
    registry.collect(ProtectionFamilies.breakerResults) {
      read().flatMap { breaker in
        breaker.results.map {
          MetricSample(labels: [breaker.middleware, breaker.service, $0.result], value: Double($0.count))
        }
      }
    }
  }
}
