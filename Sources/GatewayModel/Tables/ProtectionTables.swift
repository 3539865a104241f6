/// The keys of the middlewares that protect a service.
///
/// Source: Traefik v3.7, pkg/config/dynamic/middlewares.go, for what is not marked as ours; sony/gobreaker v2 for the
/// breaker's count form.

extension CircuitBreaker: ConfigurationRecord {
  static let table = ConfigurationTable<CircuitBreaker>(
    "CircuitBreaker",
    "Keeps requests from a service that fails: by an expression, as Traefik does, or by counts, as sony/gobreaker "
      + "does.",
    [
      .key(
        "expression", \.expression, .optional(.breakerExpression), default: "by counts",
        "When to open: NetworkErrorRatio(), LatencyAtQuantileMS(q), ResponseCodeRatio(from, to, dividedByFrom, "
          + "dividedByTo) and RequestCount(), compared and joined by && and ||."),
      .key("checkPeriod", \.checkPeriod, .duration, "How often the expression is looked at."),
      .key(
        "fallbackDuration", \.fallbackDuration, .duration, "With an expression: how long the breaker stays open."),
      .key(
        "recoveryDuration", \.recoveryDuration, .duration,
        "With an expression: how long requests are let through in growing number before it closes."),
      .key("responseCode", \.responseCode, .status, "The status of refused requests."),
      .key(
        "maxRequests", \.maxRequests, .integer(0...1_000_000), ours: true,
        "By counts: requests let through half-open, and successes in a row that close it. 0 is 1."),
      .key(
        "interval", \.interval, .duration, ours: true,
        "By counts: after this long a closed breaker forgets; 0: never."),
      .key(
        "timeout", \.timeout, .duration, ours: true,
        "By counts: how long the breaker is open before it is half-open. 0 is 60s."),
      .key(
        "consecutiveFailures", \.consecutiveFailures, .optional(.integer(1...1_000_000)), ours: true,
        default: "6, if failureRatio is not written", "By counts: failures in a row that open it."),
      .key(
        "failureRatio", \.failureRatio, .optional(.ratio), ours: true, default: "not by ratio",
        "By counts: failures over finished requests that open it."),
      .key(
        "minimumRequests", \.minimumRequests, .count, ours: true,
        "Finished requests below which neither failureRatio nor expression is looked at."),
      .key(
        "failureStatus", \.failureStatus, .lists(of: .statuses), ours: true, default: "[500-599]",
        "By counts: statuses of a server that are failures. That no server answers always is one."),
      .key(
        "fallback", \.fallback, .optional(.record()), ours: true, default: "a problem with responseCode",
        "What refused requests get instead."),
      .key("exposeState", \.exposeState, .boolean, ours: true, "Whether answers that pass tell the state as well."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be refused and refuses nothing."),
    ])
}

extension BreakerFallback: ConfigurationRecord {
  static let table = ConfigurationTable<BreakerFallback>(
    "BreakerFallback", "What an open breaker gives: another service's answer, or a fixed one.",
    [
      .key("service", \.service, .optional(.reference("service")), ours: true, "The service that answers instead."),
      .key("status", \.status, .status, ours: true, "The status of a fixed answer."),
      .key("headers", \.headers, .fields, ours: true, "The headers of a fixed answer."),
      .key("body", \.body, .string, ours: true, "The body of a fixed answer."),
    ])
}

extension Retry: ConfigurationRecord {
  static let table = ConfigurationTable<Retry>(
    "Retry",
    "Tries again what failed before a server answered, where that is safe: nothing was sent, or the request may arrive "
      + "twice and its body is kept.",
    [
      .key(
        "attempts", \.attempts, .integer(1...20), required: true, "Tries in all, the first included."),
      .key(
        "initialInterval", \.initialInterval, .duration,
        "The longest first pause; the last is twice as long. Each is drawn from the whole of it. 0: at once."),
      .key(
        "timeout", \.timeout, .duration, "No try begins later than this after the request; 0: no bound of its own."),
      .key(
        "maxRequestBodyBytes", \.maxRequestBodyBytes, .keptBytes,
        "Bodies up to this size are kept to be sent again, at most 16MiB; larger ones are sent once. -1: 16MiB."),
      .key(
        "status", \.status, .lists(of: .statuses), default: "none",
        "Statuses of a server that are tried again."),
      .key(
        "disableRetryOnNetworkError", \.disableRetryOnNetworkError, .boolean, "Tries again by status only."),
      .key(
        "retryNonIdempotentMethod", \.retryNonIdempotentMethod, .boolean,
        "Also POST, PATCH and unknown methods, which a server may then have carried out twice."),
      .key(
        "budgetRatio", \.budgetRatio, .ratio, ours: true, default: "0.2",
        "At most this share of a service's requests are tried again."),
      .key(
        "budgetFloor", \.budgetFloor, .integer(0...1_000_000), ours: true,
        "Tries a second that the budget allows however few requests there are."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be tried again and tries nothing."),
    ])
}

extension Hedge: ConfigurationRecord {
  static let table = ConfigurationTable<Hedge>(
    "Hedge",
    "Asks a second server when the first takes long, and takes the answer that comes first. Only idempotent requests "
      + "without a body.",
    [
      .key(
        "percentile", \.percentile, .percentile, ours: true, default: "95",
        "Waits until this per cent of the last half minute's requests would have been answered."),
      .key("delay", \.delay, .duration, ours: true, "A fixed time to wait instead; 0: by percentile."),
      .key(
        "budgetRatio", \.budgetRatio, .ratio, ours: true, default: "0.1",
        "At most this share of a service's requests are asked twice."),
      .key(
        "budgetFloor", \.budgetFloor, .integer(0...1_000_000), ours: true,
        "Second requests a second that the budget allows however few requests there are."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be asked twice and asks nobody."),
    ])
}

extension Timeout: ConfigurationRecord {
  static let table = ConfigurationTable<Timeout>(
    "Timeout", "A deadline for the whole exchange, tries and pauses included: 504 when it passes.",
    [
      .key("duration", \.duration, .duration, required: true, ours: true, "How long an exchange may take."),
      .key(
        "header", \.header, .fieldName, ours: true,
        "Tells the server the milliseconds that are left. From a client it is its own deadline, if earlier."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be cut off and cuts nothing."),
    ])
}

extension AdaptiveConcurrency: ConfigurationRecord {
  static let table = ConfigurationTable<AdaptiveConcurrency>(
    "AdaptiveConcurrency",
    "Limits how many requests a service has at once, by how long it takes to answer; more get 503.",
    [
      .key("initialLimit", \.initialLimit, .integer(1...1_000_000), ours: true, "The limit at the start."),
      .key("minLimit", \.minLimit, .integer(1...1_000_000), ours: true, "The least limit."),
      .key("maxLimit", \.maxLimit, .integer(1...1_000_000), ours: true, "The greatest limit."),
      .key(
        "tolerance", \.tolerance, .tolerance, ours: true, default: "1.5",
        "How many times as long as at its best the service may take before the limit shrinks."),
      .key("window", \.window, .duration, ours: true, "How often the limit is worked out."),
      .key("shadow", \.shadow, .boolean, ours: true, "Counts what would be refused and refuses nothing."),
    ])
}

extension ValueFormat<Int> {
  /// A size, or -1 for Traefik's "unlimited".
  static var keptBytes: Self {
    scalar(.string(expectation: "a number of bytes, a size such as 32KiB, or -1", pattern: nil)) { text in
      if text == "-1" { return -1 }
      let digits = text.prefix { $0.isASCII && $0.isNumber }
      guard let value = Int(digits) else { return nil }
      let units = ["": 1, "b": 1, "kib": 1024, "mib": 1 << 20, "kb": 1000, "mb": 1_000_000, "k": 1024, "m": 1 << 20]
      guard let unit = units[text.dropFirst(digits.count).lowercased()] else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: unit)
      return overflow ? nil : product
    }
  }
}

extension ValueFormat<BreakerExpression> {
  /// Mistakes inside an expression have their own places.
  static var breakerExpression: Self {
    let expected = "an expression such as NetworkErrorRatio() > 0.3"
    return Self(.string(expectation: expected, pattern: nil), text: { "\"\($0)\"" }) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      do throws(ExpressionMistake) {
        return try BreakerExpression.parse(scalar.text)
      } catch {
        decoding.note(
          .error, .expression, at: decoding.text.position(inside: node, offset: error.offset),
          "\(decoding.path): \(error.what)", expected: error.expected, suggestion: error.suggestion)
        return nil
      }
    }
  }
}

extension ValueFormat<Double> {
  static var percentile: Self {
    scalar(.string(expectation: "a percentile over 0 and below 100, such as 95", pattern: nil)) { text in
      Double(text).flatMap { $0 > 0 && $0 < 100 ? $0 : nil }
    }
  }

  static var tolerance: Self {
    scalar(.string(expectation: "a factor from 1 to 100, such as 1.5", pattern: nil)) { text in
      Double(text).flatMap { $0 >= 1 && $0 <= 100 ? $0 : nil }
    }
  }

  /// From 0, which is not included, to 1.
  static var ratio: Self {
    scalar(.string(expectation: "a ratio over 0 and up to 1, such as 0.5", pattern: nil)) { text in
      Double(text).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil }
    }
  }
}
