import ConfigurationLint

/// A router with a timeout of 10 s and what a case adds to it.
private func chain(_ names: String, _ middlewares: String, transport: String = "", service: String = "") -> String {
  Around.router(
    ", middlewares: [\(names)]", service: (transport.isEmpty ? "" : ", serversTransport: t") + service,
    transport: transport.isEmpty ? "" : Around.timeouts(transport), middlewares: middlewares)
}

private let whole = "whole: {timeout: {duration: 10s}}"

private func probed(_ check: String) -> String { Around.router(service: ", healthCheck: {\(check)}") }

private func liveness(_ probe: String, _ spec: String = "") -> String {
  Around.deployment(spec, container: "livenessProbe: {httpGet: {path: /l, port: 1}, \(probe)}")
}

let attemptCases: [LintCase] = [
  LintCase(
    code: .tryLongerThanWhole, shows: chain("whole", whole, transport: "responseHeaderTimeout: 11s"),
    mended: chain("whole", whole, transport: "responseHeaderTimeout: 10s")),
  LintCase(
    code: .triesLongerThanWhole,
    shows: chain(
      "whole, again", whole + ", again: {retry: {attempts: 3, initialInterval: 100ms}}",
      transport: "dialTimeout: 1s, responseHeaderTimeout: 3s"),
    mended: chain(
      "whole, again", whole + ", again: {retry: {attempts: 3, initialInterval: 100ms}}",
      transport: "dialTimeout: 1s, responseHeaderTimeout: 2s")),
  LintCase(
    code: .retryOverridden,
    shows: chain("a, b", "a: {retry: {attempts: 3}}, b: {retry: {attempts: 2}}"),
    mended: chain("a", "a: {retry: {attempts: 3}}, b: {retry: {attempts: 2}}")),
  LintCase(
    code: .retriesMultiply, shows: chain("a", "a: {retry: {attempts: 3}}"),
    mended: chain("a", "a: {retry: {attempts: 1}}"),
    with: ["kind: VirtualService\nspec: {hosts: [api.default.svc.cluster.local], http: [{retries: {attempts: 1}}]}"]),
  LintCase(
    code: .retriesWithoutServers, shows: chain("a", "a: {retry: {attempts: 3}}"),
    mended: chain("a", "a: {retry: {attempts: 2}}").replacing(
      "servers: [{", with: "servers: [{url: 'http://b'}, {")),
  LintCase(
    code: .hedgeAfterTry,
    shows: chain("h", "h: {hedge: {delay: 3s}}", transport: "dialTimeout: 1s, responseHeaderTimeout: 2s"),
    mended: chain("h", "h: {hedge: {delay: 2s}}", transport: "dialTimeout: 1s, responseHeaderTimeout: 2s")),
]

let stackingCases: [LintCase] = [
  LintCase(
    code: .probeLongerThanInterval, shows: probed("interval: 5s, timeout: 6s"),
    mended: probed("interval: 5s, timeout: 6s, timeouts: {connect: 1s, firstByte: 2s, body: 2s}")),
  LintCase(
    code: .phasesLongerThanProbe, shows: probed("timeout: 5s, timeouts: {connect: 2s, firstByte: 4s}"),
    mended: probed("timeout: 5s, timeouts: {connect: 2s, firstByte: 3s}")),
  LintCase(
    code: .breakerShorterThanDetection,
    shows: chain(
      "b", "b: {circuitBreaker: {timeout: 16s}}", service: ", healthCheck: {interval: 5s, timeout: 2s, fall: 3}"),
    mended: chain(
      "b", "b: {circuitBreaker: {timeout: 17s}}", service: ", healthCheck: {interval: 5s, timeout: 2s, fall: 3}")),
  LintCase(
    code: .probesStacked, shows: probed("interval: 5s, timeout: 2s, fall: 3"), mended: Around.router(),
    with: [liveness("initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 2")]),
  LintCase(
    code: .restartBeforeRemoval, shows: probed("interval: 30s, timeout: 5s, fall: 3"),
    mended: probed("interval: 5s, timeout: 2s, fall: 3"),
    with: [liveness("periodSeconds: 10, timeoutSeconds: 2")]),
  LintCase(
    code: .stopBeforeRemoval, shows: probed("interval: 5s, timeout: 2s, fall: 2"),
    mended: probed("interval: 5s, timeout: 2s, fall: 2"), with: [Around.deployment("")],
    mendedWith: [Around.deployment("", container: "image: x, lifecycle: {preStop: {sleep: {seconds: 10}}}")]),
  LintCase(
    code: .failoverWithoutProbe,
    shows: Around.router().replacing("service: api", with: "service: f")
      .replacing("services: {", with: "services: {f: {failover: {service: api, fallback: api}}, "),
    mended: probed("interval: 5s").replacing("service: api", with: "service: f")
      .replacing("services: {", with: "services: {f: {failover: {service: api, fallback: api}}, ")),
]
