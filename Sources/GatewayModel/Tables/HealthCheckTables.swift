/// The keys of active and passive health checks.
///
/// Source: Traefik v3.7, pkg/config/dynamic/http_config.go (`ServerHealthCheck`, `PassiveServerHealthCheck`). Traefik
/// replaces an interval or timeout of zero by the default at run time; here it is refused with its place.

extension HealthCheck: ConfigurationRecord {
  static let table = ConfigurationTable<HealthCheck>(
    "HealthCheck", "Probes that ask servers whether they are well.",
    [
      .key("path", \.path, .path, "What is asked for."),
      .key("mode", \.mode, .word(), "http, or grpc for grpc.health.v1."),
      .key("scheme", \.scheme, .optional(.word()), default: "that of the URL", "How a probe connects."),
      .key("port", \.port, .optional(.port), default: "that of the URL", "The port."),
      .key("hostname", \.hostname, .optional(.some("a host name")), default: "that of the URL", "What Host says."),
      .key("method", \.method, .method, "The method."),
      .key("status", \.status, .optional(.status), default: "200 to 399", "The status that is well."),
      .key("headers", \.headers, .fields, "Headers of probes."),
      .key(
        "followRedirects", \.followRedirects, .boolean, "Whether up to ten redirections on the same host are followed."
      ),
      .key("interval", \.interval, .positiveDuration, "Between two probes of a server that is up."),
      .key(
        "unhealthyInterval", \.unhealthyInterval, .optional(.positiveDuration), default: "interval",
        "Between two probes of a server that is down."),
      .key("timeout", \.timeout, .positiveDuration, "For a probe as a whole."),
      .key("timeouts", \.timeouts, .record(), ours: true, "For the parts of a probe."),
      .key("rise", \.rise, .integer(1...1000), ours: true, "Good answers in a row that bring a server up."),
      .key("fall", \.fall, .integer(1...1000), ours: true, "Bad answers in a row that take a server down."),
      .key("jitter", \.jitter, .integer(0...100), ours: true, "Percent of the interval by which chance moves a probe."),
    ])
}

extension HealthCheckTimeouts: ConfigurationRecord {
  static let table = ConfigurationTable<HealthCheckTimeouts>(
    "HealthCheckTimeouts", "For the parts of a probe; what is not written has the time of the whole.",
    [
      .key("connect", \.connect, .optional(.positiveDuration), ours: true, "Making the connection."),
      .key("tls", \.tls, .optional(.positiveDuration), ours: true, "The TLS handshake."),
      .key("firstByte", \.firstByte, .optional(.positiveDuration), ours: true, "From the request to the first byte."),
      .key("body", \.body, .optional(.positiveDuration), ours: true, "From the response's head to its end."),
    ])
}

extension PassiveHealthCheck: ConfigurationRecord {
  static let table = ConfigurationTable<PassiveHealthCheck>(
    "PassiveHealthCheck", "Leaves out servers that fail requests in a row.",
    [
      .key(
        "failureWindow", \.failureWindow, .positiveDuration,
        "The time in which the failures must come, and for which the server is left out."),
      .key("maxFailedAttempts", \.maxFailedAttempts, .integer(1...1000), "Failures in a row."),
    ])
}

extension OutlierDetection: ConfigurationRecord {
  static let table = ConfigurationTable<OutlierDetection>(
    "OutlierDetection", "Leaves out servers that fail while the others do not.",
    [
      .key("consecutiveErrors", \.consecutiveErrors, .integer(0...100_000), ours: true, "Failures in a row; 0: none."),
      .key("interval", \.interval, .duration, ours: true, "How often error rates are compared; 0s for never."),
      .key(
        "minimumRequests", \.minimumRequests, .integer(1...1_000_000_000), ours: true,
        "Requests a server, and its peers together, must have had in an interval."),
      .key(
        "errorRateOverPeers", \.errorRateOverPeers, .integer(1...100), ours: true,
        "Percentage points its error rate must be above that of its peers."),
      .key("baseEjectionTime", \.baseEjectionTime, .positiveDuration, ours: true, "The first ejection."),
      .key("maxEjectionTime", \.maxEjectionTime, .positiveDuration, ours: true, "The longest ejection."),
      .key(
        "maxEjectedPercent", \.maxEjectedPercent, .integer(0...100), ours: true,
        "Percent of the servers that may be out at once."),
      .key("shadow", \.shadow, .boolean, ours: true, "Whether it only counts what it would do."),
    ])
}

extension HealthCheckPropagation: ConfigurationRecord {
  static let table = ConfigurationTable<HealthCheckPropagation>("HealthCheckPropagation", "There or not.", [])
}

extension ValueFormat<Duration> {
  /// More than zero.
  static var positiveDuration: Self {
    scalar(.duration, text: { DurationText.text($0) }) { text in
      DurationText.parse(text).flatMap { $0 > .zero ? $0 : nil }
    }
  }
}

extension ValueFormat<String> {
  /// A method (RFC 9110 section 9.1).
  static var method: Self {
    text("the name of a method", pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") { FieldText.isName($0) }
  }
}
