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
