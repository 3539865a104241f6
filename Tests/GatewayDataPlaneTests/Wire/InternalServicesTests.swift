import GatewayModel
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// What the gateway itself is, reached by routers: a server of the test stands where the admin server listens.
  @Suite(.timeLimit(.minutes(5))) struct InternalServicesTests {
    /// Answers with the target it was asked for.
    private static func admin() throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        peer.patience = 60_000
        while let head = try? peer.readHead() {
          let target = head.split(separator: " ")[1]
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(target.utf8.count)\r\n\r\n\(target)")
        }
      }
    }

    /// Asks for `target` and compares what the admin server was asked for, or the status that is not 200.
    private static func expect(_ gateway: BuiltGateway, _ target: String, _ wanted: String) throws {
      let client = try Peer.connect(to: gateway.port)
      try client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
      let answer = try client.readResponse()
      #expect((answer.status == 200 ? answer.text : "\(answer.status)") == wanted, "\(target)")
    }

    @Test("a router opens the one service it names and nothing beside it, whatever its rule says")
    func routers() async throws {
      let admin = try Self.admin()
      let text = """
          routers:
            api: {rule: "PathPrefix(`/`)", service: api@internal, priority: 1}
            health: {rule: "Path(`/alive`)", service: ping@internal}
            numbers: {rule: "PathPrefix(`/numbers`)", service: prometheus@internal}
        admin: {address: "127.0.0.1:\(admin.port)"}
        api: {}
        ping: {manualRouting: true}
        """
      try await BuiltGateway.with(text) { gateway in
        try Self.expect(gateway, "/api/version", "/api/version")
        try Self.expect(gateway, "/api/http/routers?per_page=1", "/api/http/routers?per_page=1")
        try Self.expect(gateway, "/alive", "/ping")
        try Self.expect(gateway, "/numbers/of/today", "/metrics")
        for target in ["/debug/ledger", "/metrics", "/ping", "/", "/apis"] {
          try Self.expect(gateway, target, "404")
        }
      }
    }

    @Test("ping and metrics are served on the entry points that ask for them, before every other router")
    func entryPoints() async throws {
      let admin = try Self.admin()
      let text = """
          routers: { all: {rule: "PathPrefix(`/`)", service: noop@internal, priority: 100000} }
        admin: {address: ":\(admin.port)"}
        ping: {entryPoint: web}
        metrics: {prometheus: {entryPoint: web}}
        """
      try await BuiltGateway.with(text) { gateway in
        try Self.expect(gateway, "/ping", "/ping")
        try Self.expect(gateway, "/metrics", "/metrics")
        try Self.expect(gateway, "/api/version", "503")
      }
    }

    @Test(
      "what cannot be had is refused with what is missing",
      arguments: [
        ("dashboard@internal", "", "Traefik has dashboard@internal, Sluice not yet"),
        ("ping@internal", "", "ping@internal needs `ping: {}` in the static configuration"),
        ("api@internal", "", "api@internal needs `api: {}` in the static configuration"),
        ("api@internal", "admin: {address: '127.0.0.1:0'}", "api@internal needs a fixed port in admin.address"),
      ])
    func refused(_ service: String, _ more: String, _ why: String) async throws {
      let text = "  routers: { own: {rule: \"PathPrefix(`/`)\", service: \(service)} }\n\(more)"
      do {
        try await BuiltGateway.with(text) { _ in }
        Issue.record("it was taken")
      } catch let failure as BuildFailure {
        #expect(failure.problems.map(\.path) == ["http.routers.own.service"])
        #expect(failure.problems.first?.what.hasPrefix(why) == true)
      }
    }

    @Test("a policy that asks for a claim needs somebody before it who verifies tokens")
    func claimsWithoutToken() async throws {
      let rule = "{rules: [{name: banned, when: 'claim.role == \"banned\"', action: deny}]}"
      let text = """
          routers: { own: {rule: "PathPrefix(`/`)", service: s, middlewares: [may]} }
          middlewares: { may: {policy: \(rule)} }
          services: { s: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}} }
        """
      do {
        try await BuiltGateway.with(text) { _ in }
        Issue.record("it was taken")
      } catch let failure as BuildFailure {
        #expect(failure.problems.map(\.path) == ["http.routers.own.middlewares"])
        #expect(failure.problems.first?.what.contains("jwt has to stand before it") == true)
      }
    }
  }
}
