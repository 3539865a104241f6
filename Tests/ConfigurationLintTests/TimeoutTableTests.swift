import ConfigurationLint
import GatewayModel
import Testing

@Suite("timeouts in force")
struct TimeoutTableTests {
  static let yaml = """
    entryPoints:
      web:
        address: ':80'
        transport:
          respondingTimeouts: {readTimeout: 20s}
          lifeCycle: {graceTimeOut: 30s}
      other: {address: ':81', proxyProtocol: {insecure: true}}
    serversTransport: {forwardingTimeouts: {dialTimeout: 2s}}
    http:
      routers:
        api: {rule: 'Host(`a`)', service: api, entryPoints: [web]}
        both: {rule: 'Host(`b`)', service: w, entryPoints: [other]}
      services:
        api: {loadBalancer: {servers: [{url: 'http://a'}]}}
        tls: {loadBalancer: {serversTransport: t, servers: [{url: 'https://b'}]}}
        w: {weighted: {services: [{name: api}, {name: tls}]}}
      serversTransports:
        t: {forwardingTimeouts: {responseHeaderTimeout: 3s}}
    """

  private func table(_ router: String) throws -> TimeoutTable {
    try #require(LintFixture(Self.yaml).lint()?.timeouts(of: router).first)
  }

  private func row(_ table: TimeoutTable, _ name: String, _ subject: String = "") throws -> TimeoutInForce {
    try #require(table.timeouts.first { $0.name == name && $0.subject == subject })
  }

  @Test("values and where they come from: default, entry point, static") func origins() throws {
    let table = try table("api")
    let read = try row(table, "readTimeout")
    #expect(read.value == .seconds(20))
    guard
      case .written("entry point", "entryPoints.web.transport.respondingTimeouts.readTimeout", let place) = read.origin
    else { return #expect(Bool(false), "\(read.origin)") }
    #expect("\(place)" == "g.yml:5:41")
    let head = try row(table, "headTimeout")
    #expect(head.value == .seconds(10))
    #expect(head.origin == .standard(path: "entryPoints.web.transport.respondingTimeouts.headTimeout"))
    let dial = try row(table, "dialTimeout", "api")
    #expect(dial.value == .seconds(2))
    guard case .written("static", "serversTransport.forwardingTimeouts.dialTimeout", _) = dial.origin else {
      return #expect(Bool(false), "\(dial.origin)")
    }
    #expect(try row(table, "responseHeaderTimeout", "api").value == nil)
    #expect(table.worstCase.value == nil && table.worstCase.text.contains("responseHeaderTimeout is 0s"))
  }

  @Test("a named transport replaces the static one; each part of a weighted service has its own") func transports()
    throws
  {
    let table = try table("both")
    // Traefik's rule: a named transport does not inherit from the static one.
    #expect(try row(table, "dialTimeout", "tls").value == .seconds(30))
    #expect(try row(table, "TLS handshake", "tls").value == .seconds(30))
    #expect(try row(table, "responseHeaderTimeout", "tls").value == .seconds(3))
    #expect(try row(table, "PROXY header").origin == .builtIn)
    // The drain is that of the longest entry point, whichever the router listens on.
    #expect(try row(table, "graceTimeOut").value == .seconds(30))
  }

  @Test("an unknown router has no table") func unknown() {
    #expect(LintFixture(Self.yaml).lint()?.timeouts(of: "nobody").isEmpty == true)
  }
}

@Suite("timeouts of breakers")
struct BreakerTimeoutTests {
  @Test(
    "a breaker's times are those of its form",
    arguments: [
      (
        "expression: 'NetworkErrorRatio() > 0.3', fallbackDuration: 7s",
        ["checkPeriod", "fallbackDuration", "recoveryDuration"], "7s"
      ),
      ("consecutiveFailures: 3, timeout: 7s", ["interval", "timeout"], "7s"),
      ("consecutiveFailures: 3", ["interval", "timeout"], "60s"),
    ])
  func rows(_ breaker: String, _ names: [String], _ open: String) throws {
    let yaml = Around.router(
      ", middlewares: [b]",
      service: "", middlewares: "b: {circuitBreaker: {\(breaker)}}")
    let table = try #require(LintFixture(yaml).lint()?.timeouts().first)
    let rows = table.timeouts.filter { $0.hop == .exchange && $0.subject == "b" }
    #expect(rows.map(\.name) == names.map { "circuitBreaker.\($0)" })
    #expect(rows.contains { $0.value == (open == "7s" ? .seconds(7) : .seconds(60)) })
  }

  @Test("the service of a fallback is used") func fallback() {
    let yaml = Around.router(
      ", middlewares: [b]", middlewares: "b: {circuitBreaker: {consecutiveFailures: 3, fallback: {service: spare}}}"
    ).replacing("services: {", with: "services: {spare: {loadBalancer: {servers: [{url: 'http://s'}]}}, ")
    #expect(!LintFixture(yaml).codes().contains(.serviceUnused))
  }
}
