import AdminAPI
import Observability
import Testing

@testable import GatewayRuntime

/// Suites whose clients block: one test after the other, so that they leave threads to the gateways they ask.
@Suite(.serialized) enum OverServices {}

extension OverServices {
  @Suite struct OutlierDetectionTests {
    private static func main(_ servers: [NamedServer], _ rest: String) -> String {
      let list = servers.map { "{ url: \"\($0.url)\" }" }.joined(separator: ", ")
      return "main: { loadBalancer: { servers: [ \(list) ], \(rest) } }"
    }

    private static func ejections(_ gateway: ServiceGateway, _ server: Int, _ outcome: String) -> Double {
      let labels = "service=\"main@file\",url=\"\(gateway.servers[server].url)\",outcome=\"\(outcome)\""
      return gateway.metric("sluice_service_server_ejections_total{\(labels)}") ?? 0
    }

    private static func isUp(_ gateway: ServiceGateway, _ server: Int) -> Double? {
      gateway.metric("sluice_service_server_up{service=\"main@file\",url=\"\(gateway.servers[server].url)\"}")
    }

    @Test("a server that fails three times in a row is left out and says so")
    func consecutive() async throws {
      try await ServiceGateway.with(["a", "b", "c"], loops: 2) {
        Self.main($0, "outlierDetection: { consecutiveErrors: 3, baseEjectionTime: 60s }")
      } _: { (gateway: ServiceGateway) async throws in
        #expect(Self.isUp(gateway, 1) == 1)
        gateway.servers[1].change { $0.status = 503 }
        // Both shards together may see no more than three failures.
        let shares = try gateway.shares(60)
        #expect(shares["503"] == 3)
        #expect(Self.ejections(gateway, 1, "ejected") == 1)
        #expect(Self.isUp(gateway, 1) == 0)
        let up = gateway.gateway.adminSources(startedAt: 0).isServerUp
        #expect(!up("main", gateway.servers[1].url) && up("main@file", gateway.servers[0].url))
      }
    }

    @Test("a server that was left out comes back after its time")
    func comesBack() async throws {
      try await ServiceGateway.with(["a", "b", "c"], loops: 2) {
        Self.main($0, "outlierDetection: { consecutiveErrors: 3, baseEjectionTime: 700ms }")
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[1].change { $0.status = 503 }
        #expect(try await gateway.until {
          _ = try gateway.ask()
          return Self.ejections(gateway, 1, "ejected") > 0
        })
        gateway.servers[1].change { $0.status = 200 }
        #expect(try await gateway.until { Self.isUp(gateway, 1) == 1 })
        #expect((try gateway.shares(30))["b"] ?? 0 > 0)
      }
    }

    @Test("at most half are left out: when all fail, some go on being asked")
    func ceiling() async throws {
      try await ServiceGateway.with(["a", "b", "c"]) {
        Self.main($0, "outlierDetection: { consecutiveErrors: 2, baseEjectionTime: 60s }")
      } _: { (gateway: ServiceGateway) async throws in
        for server in gateway.servers { server.change { $0.status = 500 } }
        #expect(try gateway.shares(40) == ["500": 40])
        #expect((0..<3).count { Self.isUp(gateway, $0) == 0 } == 1)
        #expect((0..<3).reduce(0) { $0 + Self.ejections(gateway, $1, "ceiling") } > 0)
        for server in gateway.servers { server.change { $0.status = 200 } }
        #expect(try gateway.shares(10).values.reduce(0, +) == 10)
      }
    }

    @Test("shadow counts what it would do and does nothing")
    func shadow() async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.main($0, "outlierDetection: { consecutiveErrors: 2, shadow: true }")
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.status = 500 }
        #expect(try gateway.shares(20) == ["500": 10, "b": 10])
        #expect(Self.ejections(gateway, 0, "would_eject") == 5)
        #expect(Self.isUp(gateway, 0) == 1)
      }
    }

    @Test("a client that goes away counts against nobody")
    func clientGone() async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.main($0, "outlierDetection: { consecutiveErrors: 1 }")
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.isSilent = true }
        gateway.servers[1].change { $0.isSilent = true }
        for _ in 0..<6 {
          let client = try RawClient(port: gateway.port)
          client.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
          let before = gateway.servers.reduce(0) { $0 + $1.served }
          #expect(try await gateway.until { gateway.servers.reduce(0) { $0 + $1.served } >= before })
        }
        #expect(try await gateway.until { gateway.gateway.ledger.snapshot { $0.kind == .exchange }.isEmpty })
        #expect(Self.isUp(gateway, 0) == 1 && Self.isUp(gateway, 1) == 1)
      }
    }

    @Test("Traefik's passiveHealthCheck: after one failure out for the window, then the fallback of a failover serves")
    func passive() async throws {
      try await ServiceGateway.with(["a", "b"]) { servers in
        """
        first:
          loadBalancer:
            servers: [ { url: "\(servers[0].url)" } ]
            passiveHealthCheck: { failureWindow: 3s }
        second: { loadBalancer: { servers: [ { url: "\(servers[1].url)" } ] } }
        main: { failover: { service: first, fallback: second } }
        """
      } _: { (gateway: ServiceGateway) async throws in
        #expect(try gateway.shares(5) == ["a": 5])
        gateway.servers[0].change { $0.status = 502 }
        #expect(try gateway.ask().status == 502)
        #expect(try gateway.ask().body == "b")
        gateway.servers[0].change { $0.status = 200 }
        #expect(try await gateway.until { try gateway.ask().body == "a" })
      }
    }

    @Test("what was found out about a server stays over a reload that keeps it, and is forgotten with its settings")
    func reload() async throws {
      let settings = "outlierDetection: { consecutiveErrors: 1, baseEjectionTime: 60s }"
      try await ServiceGateway.with(["a", "b"]) {
        Self.main($0, settings)
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.status = 500 }
        _ = try gateway.shares(6)
        #expect(Self.isUp(gateway, 0) == 0)
        let kept = try await gateway.reload(Self.main(gateway.servers, settings + ", strategy: p2c"))
        #expect(kept == .installed(generation: 2))
        #expect(Self.isUp(gateway, 0) == 0)
        #expect(try gateway.shares(6) == ["b": 6])
        _ = try await gateway.reload(Self.main(gateway.servers, "outlierDetection: { consecutiveErrors: 9 }"))
        #expect(Self.isUp(gateway, 0) == 1)
      }
    }
  }
}
