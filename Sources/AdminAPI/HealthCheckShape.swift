import GatewayModel

/// Health checks of services in the JSON shapes of Traefik's API.
enum HealthCheckShape {
  static func active(_ check: HealthCheck) -> JSON {
    let headers = check.headers.map { ($0.name, Optional(JSON.string($0.value))) }
    return .object([
      ("scheme", .string(orNothing: check.scheme?.rawValue)),
      ("mode", .string(check.mode.rawValue)),
      ("path", .string(check.path)),
      ("method", check.method == "GET" ? nil : .string(check.method)),
      ("status", check.status.map { .integer(Int($0)) }),
      ("port", check.port.map { .integer(Int($0)) }),
      ("interval", .string(GoText.duration(check.interval))),
      ("unhealthyInterval", check.unhealthyInterval.map { .string(GoText.duration($0)) }),
      ("timeout", .string(GoText.duration(check.timeout))),
      ("hostname", .string(orNothing: check.hostname)),
      ("followRedirects", .boolean(check.followRedirects)),
      ("headers", headers.isEmpty ? nil : .object(headers)),
    ])
  }

  static func passive(_ check: PassiveHealthCheck) -> JSON {
    .object([
      ("failureWindow", .string(GoText.duration(check.failureWindow))),
      ("maxFailedAttempts", .integer(check.maxFailedAttempts)),
    ])
  }
}
