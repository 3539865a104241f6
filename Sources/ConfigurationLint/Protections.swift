import GatewayModel

/// What the middlewares of a router promise about time.
extension RouterView {
  /// Every middleware of one kind, with its name, in the order of the chain.
  func all<Kind>(_ kind: (Middleware) -> Kind?) -> [(name: String, value: Kind)] {
    steps.compactMap { step in kind(step.middleware).map { (step.name, $0) } }
  }

  /// The `timeout` that ends an exchange first; those that only count are left out.
  var deadline: (name: String, value: Timeout)? {
    all(\.timeout).filter { $0.value.duration > .zero && !$0.value.shadow }
      .min { $0.value.duration < $1.value.duration }
  }

  /// The `retry` that counts: the innermost of the chain.
  var retry: (name: String, value: Retry)? {
    all(\.retry).last.flatMap { $0.value.attempts > 1 && !$0.value.shadow ? $0 : nil }
  }
}

extension Middleware {
  var timeout: Timeout? { if case .timeout(let timeout) = self { timeout } else { nil } }
  var retry: Retry? { if case .retry(let retry) = self { retry } else { nil } }
  var hedge: Hedge? { if case .hedge(let hedge) = self { hedge } else { nil } }
  var circuitBreaker: CircuitBreaker? { if case .circuitBreaker(let breaker) = self { breaker } else { nil } }
}

extension Retry {
  /// The longest pauses between tries: from `initialInterval` to twice that in equal factors, as Traefik's.
  var longestPauses: [Duration] {
    let count = min(max(attempts - 1, 0), 64)
    guard count > 0 else { return [] }
    let step = Self.root(of: 2, count)
    var factor = 1.0
    return (0..<count).map { _ in
      defer { factor *= step }
      return initialInterval * factor
    }
  }

  /// The `n`-th root by bisection: there is no Foundation here.
  private static func root(of value: Double, _ n: Int) -> Double {
    var (low, high) = (1.0, value)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if (0..<n).reduce(1.0, { power, _ in power * middle }) < value { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

extension CircuitBreaker {
  /// How long it refuses before it lets a request through to see.
  var openTime: (key: String, value: Duration) {
    if expression != nil { return ("fallbackDuration", fallbackDuration) }
    return ("timeout", timeout == .zero ? .seconds(60) : timeout)
  }
}

extension HealthCheck {
  /// When its probes begin, without the chance of `jitter`: what pictures and sums show.
  var schedule: ProbeSchedule { ProbeSchedule(interval: interval, timeout: timeout, threshold: fall) }

  /// The parts of a probe that have a time of their own, in the order in which they come.
  func phases(usesTLS: Bool) -> [(key: String, value: Duration)] {
    let all: [(String, Duration?)] = [
      ("connect", timeouts.connect), ("tls", usesTLS ? timeouts.tls : nil), ("firstByte", timeouts.firstByte),
      ("body", timeouts.body),
    ]
    return all.compactMap { phase in phase.1.map { (phase.0, $0) } }
  }

  /// The longest a probe may take: the sum of its parts when all have a time, and never more than the whole.
  func longest(usesTLS: Bool) -> Duration {
    let phases = phases(usesTLS: usesTLS)
    guard phases.count == (usesTLS ? 4 : 3) else { return timeout }
    return min(timeout, phases.reduce(.zero) { $0 + $1.value })
  }
}
