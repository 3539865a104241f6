import GatewayModel

/// Timeouts of middlewares and probes for the tables.
extension TimeoutTableBuilder {
  /// What the middlewares of the chain say about the exchange.
  func exchange(_ view: RouterView) -> [TimeoutInForce] {
    view.steps.flatMap { step -> [TimeoutInForce] in
      let path = ConfigurationPath.middleware(step.name)
      func row(_ section: String, _ key: String, _ meaning: String, _ value: Duration?) -> TimeoutInForce {
        TimeoutInForce(
          .exchange, of: step.name, "\(section).\(key)", meaning, value,
          origin(key.split(separator: ".").reduce(path.key(section)) { $0.key(String($1)) }, "middleware"))
      }
      switch step.middleware {
      case .timeout(let timeout):
        return [row("timeout", "duration", "the whole exchange, tries and pauses included", timeout.duration.bound)]
      case .retry(let retry):
        return [
          row(
            "retry", "initialInterval", "the first pause between tries; the last is twice as long",
            retry.initialInterval),
          row("retry", "timeout", "after this no other try begins", retry.timeout.bound),
        ]
      case .hedge(let hedge) where hedge.delay > .zero:
        return [row("hedge", "delay", "then a second server is asked", hedge.delay)]
      case .circuitBreaker(let breaker) where breaker.expression != nil:
        return [
          row("circuitBreaker", "checkPeriod", "between two looks at the expression", breaker.checkPeriod),
          row("circuitBreaker", "fallbackDuration", "the breaker stays open", breaker.fallbackDuration),
          row("circuitBreaker", "recoveryDuration", "then requests pass in growing number", breaker.recoveryDuration),
        ]
      case .circuitBreaker(let breaker):
        return [
          row("circuitBreaker", "interval", "a closed breaker forgets its counts", breaker.interval.bound),
          row("circuitBreaker", "timeout", "the breaker stays open", breaker.openTime.value),
        ]
      case .rateLimit(let limit):
        guard let redis = limit.redis else { return [] }
        return [
          row("rateLimit", "redis.timeout", "a request waits for a decision", redis.timeout),
          row("rateLimit", "redis.dialTimeout", "a connection to Redis", redis.dialTimeout),
          row("rateLimit", "redis.readTimeout", "an answer of Redis", redis.readTimeout),
        ]
      default:
        return []
      }
    }
  }

  func removals(_ view: RouterView) -> [Removal] {
    view.targets.compactMap { target in
      target.balancer.healthCheck.map {
        Removal(service: target.name, span: $0.schedule.detection(of: .hangs), sum: $0.schedule.sum)
      }
    }
  }

  /// Probes, and what takes servers out without them.
  func health(_ view: RouterView) -> [TimeoutInForce] {
    view.targets.flatMap { target -> [TimeoutInForce] in
      let path = ConfigurationPath.service(target.name).key("loadBalancer")
      func row(_ section: String, _ keys: [String], _ meaning: String, _ value: Duration?) -> TimeoutInForce {
        let place = keys.reduce(path.key(section)) { $0.key($1) }
        return TimeoutInForce(
          .probe, of: target.name, ([section] + keys).joined(separator: "."), meaning, value, origin(place, "service"))
      }
      var rows: [TimeoutInForce] = []
      if let check = target.balancer.healthCheck {
        rows += [
          row("healthCheck", ["interval"], "between two probes of a server that is up", check.interval),
          row(
            "healthCheck", ["unhealthyInterval"], "between two probes of a server that is down",
            check.unhealthyInterval ?? check.interval),
          row("healthCheck", ["timeout"], "one probe", check.timeout),
        ]
        for phase in check.phases(usesTLS: target.balancer.usesTLS) {
          rows.append(row("healthCheck", ["timeouts", phase.key], "a part of a probe", phase.value))
        }
      }
      if let passive = target.balancer.passiveHealthCheck {
        rows.append(
          row(
            "passiveHealthCheck", ["failureWindow"], "failures are counted, and the server is left out",
            passive.failureWindow))
      }
      if let outliers = target.balancer.outlierDetection {
        rows += [
          row("outlierDetection", ["interval"], "between two comparisons of error rates", outliers.interval.bound),
          row("outlierDetection", ["baseEjectionTime"], "the first ejection", outliers.baseEjectionTime),
          row("outlierDetection", ["maxEjectionTime"], "the longest ejection", outliers.maxEjectionTime),
        ]
      }
      return rows
    }
  }
}
