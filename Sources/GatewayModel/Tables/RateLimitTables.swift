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
      .notYet("redis", "Where the counts are when several gateways share the limit."),
    ])
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
