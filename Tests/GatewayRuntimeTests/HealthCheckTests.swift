import AdminAPI
import Foundation
import NIOCore
import NIOPosix
import Observability
import Testing

@testable import GatewayRuntime

extension OverServices {
  @Suite struct HealthCheckTests {
    /// Down after five failures in a row: one probe that is late, on a machine full of tests, puts nobody out.
    private static let quick = "healthCheck: { path: /health, interval: 100ms, timeout: 100ms, fall: 5 }"

    private static func main(_ urls: [String], _ rest: String = quick) -> String {
      "main: { loadBalancer: { servers: [ \(urls.map { "{ url: \"\($0)\" }" }.joined(separator: ", ")) ], \(rest) } }"
    }

    private static func isUp(_ gateway: ServiceGateway, _ server: Int, service: String = "main") -> Double? {
      gateway.metric("sluice_service_server_up{service=\"\(service)@file\",url=\"\(gateway.servers[server].url)\"}")
    }

    @Test("a server that fails its probes gets nothing until they succeed; when all fail the answer is 503")
    func downAndUp() async throws {
      try await ServiceGateway.with(["a", "b"], loops: 2) {
        Self.main($0.map(\.url))
      } _: { (gateway: ServiceGateway) async throws in
        #expect(try await gateway.until { gateway.servers[0].count("/health") > 0 })
        gateway.servers[0].change { $0.health = 500 }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 0 })
        #expect(try gateway.shares(20) == ["b": 20])
        let up = gateway.gateway.adminSources(startedAt: 0).isServerUp
        #expect(!up("main", gateway.servers[0].url) && up("main", gateway.servers[1].url))
        gateway.servers[1].change { $0.health = 404 }
        #expect(try await gateway.until { Self.isUp(gateway, 1) == 0 })
        #expect(try gateway.ask().status == 503)
        gateway.servers[0].change { $0.health = 204 }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 1 })
        #expect(try gateway.shares(10) == ["a": 10])
        #expect((gateway.metric("sluice_probes_total{result=\"ok\"}") ?? 0) > 1)
        #expect((gateway.metric("sluice_probes_total{result=\"status\"}") ?? 0) > 1)
      }
    }

    @Test("rise and fall count probes in a row; a server that stops answering goes down by its timeout")
    func riseAndFall() async throws {
      try await ServiceGateway.with(["a"]) {
        Self.main(
          $0.map(\.url), "healthCheck: { path: /health, interval: 100ms, timeout: 100ms, rise: 3, fall: 4, jitter: 0 }")
      } _: { (gateway: ServiceGateway) async throws in
        #expect(try await gateway.until { gateway.servers[0].count("/health") > 1 })
        gateway.servers[0].change { $0.isSilent = true }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 0 })
        let failed = gateway.metric("sluice_probes_total{result=\"timeout\"}") ?? 0
        let early = gateway.metric("sluice_probes_total{result=\"first-byte-timeout\"}") ?? 0
        #expect(failed + early >= 4)
        let before = gateway.metric("sluice_probes_total{result=\"ok\"}") ?? 0
        gateway.servers[0].change { $0.isSilent = false }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 1 })
        #expect((gateway.metric("sluice_probes_total{result=\"ok\"}") ?? 0) - before >= 3)
      }
    }

    @Test("two services with the same server and settings share its probes, others have their own")
    func shared() async throws {
      try await ServiceGateway.with(["a"]) { servers in
        let one = servers[0].url
        return Self.main([one], "healthCheck: { path: /health, interval: 100ms, jitter: 0 }")
          + "\nother: { loadBalancer: { servers: [ { url: \"\(one)\" } ], strategy: p2c, "
          + "healthCheck: { path: /health, interval: 100ms, jitter: 0 } } }"
          + "\nthird: { loadBalancer: { servers: [ { url: \"\(one)\" } ], "
          + "healthCheck: { path: /health3, interval: 100ms, jitter: 0 } } }"
      } _: { (gateway: ServiceGateway) async throws in
        // As many as of the third service, which has a target of its own; not twice as many. Both stand still on a
        // machine that does.
        #expect(try await gateway.until { gateway.servers[0].count("/health3") >= 12 })
        let (shared, own) = (gateway.servers[0].count("/health"), gateway.servers[0].count("/health3"))
        #expect(2 * shared < 3 * own, "\(shared) and \(own)")
        gateway.servers[0].change { $0.health = 500 }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 0 && Self.isUp(gateway, 0, service: "other") == 0 })
      }
    }

    @Test("the fallback of a failover serves while the probes of the first service fail")
    func failover() async throws {
      try await ServiceGateway.with(["a", "b"]) { servers in
        """
        first: { loadBalancer: { servers: [ { url: "\(servers[0].url)" } ], \(Self.quick) } }
        second: { loadBalancer: { servers: [ { url: "\(servers[1].url)" } ] } }
        main: { failover: { service: first, fallback: second, healthCheck: {} } }
        """
      } _: { (gateway: ServiceGateway) async throws in
        #expect(try gateway.shares(5) == ["a": 5])
        gateway.servers[0].change { $0.health = 500 }
        #expect(try await gateway.until { Self.isUp(gateway, 0, service: "first") == 0 })
        #expect(try gateway.shares(5) == ["b": 5])
        gateway.servers[0].change { $0.health = 200 }
        #expect(try await gateway.until { try gateway.ask().body == "a" })
      }
    }

    @Test("a reload keeps what the probes found, and a service that comes new knows it from its first request")
    func reload() async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.main($0.map(\.url))
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.health = 500 }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 0 })
        let urls = gateway.servers.map(\.url)
        let services = Self.main(urls, "strategy: p2c, " + Self.quick)
          + "\nother: { loadBalancer: { servers: [ { url: \"\(urls[0])\" } ], \(Self.quick) } }"
        #expect(try await gateway.reload(services) == .installed(generation: 2))
        #expect(Self.isUp(gateway, 0) == 0 && Self.isUp(gateway, 0, service: "other") == 0)
        #expect(try gateway.shares(5) == ["b": 5])
        // Without probes nothing says that it is down.
        _ = try await gateway.reload(Self.main(urls, "strategy: wrr"))
        #expect(Self.isUp(gateway, 0) == 1)
      }
    }

    @Test("passiveHealthCheck beside probes: out after a failure, back with the next good probe")
    func passiveWithProbes() async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.main(
          $0.map(\.url),
          "healthCheck: { path: /health, interval: 100ms, jitter: 0, fall: 1000 }, "
            + "passiveHealthCheck: { failureWindow: 60s }")
      } _: { (gateway: ServiceGateway) async throws in
        // Probes that fail and never often enough: only the request can put it out, and only a good probe bring it
        // back. The first that failed is waited for, so that no good one is still on its way.
        gateway.servers[0].change { $0.status = 500; $0.health = 500 }
        #expect(try await gateway.until { gateway.metric("sluice_probes_total{result=\"status\"}") ?? 0 > 0 })
        #expect(Self.isUp(gateway, 0) == 1)
        #expect(try await gateway.until { try gateway.ask().status == 500 })
        #expect(Self.isUp(gateway, 0) == 0)
        gateway.servers[0].change { $0.status = 200; $0.health = 200 }
        #expect(try await gateway.until { Self.isUp(gateway, 0) == 1 })
        #expect((try gateway.shares(10))["a"] == 5)
      }
    }

    @Test("five hundred reloads with a server that accepts and never answers leave ledger and descriptors flat")
    func silentServer() async throws {
      try await ServiceGateway.with(["a"]) {
        Self.main($0.map(\.url))
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.isSilent = true }
        let urls = gateway.servers.map(\.url)
        // Every other reload has another path: its targets are new and take the old ones' probes away.
        func services(_ round: Int) -> String {
          Self.main(urls, "healthCheck: { path: /health\(round % 2), interval: 30s, timeout: 20s }")
        }
        var most = 0
        for round in 1...500 {
          #expect(try await gateway.reload(services(round)) == .installed(generation: UInt64(round + 1)))
          most = max(most, gateway.gateway.ledger.snapshot { $0.kind == .probe }.count)
        }
        #expect(most <= 1)
        // One probe with both of its ends here, and what the kernel is still closing.
        #expect(try await gateway.until { openConnections([gateway.servers[0].port]) <= 4 })
        _ = try await gateway.reload(Self.main(urls, "strategy: wrr"))
        #expect(try await gateway.until { gateway.gateway.ledger.snapshot { $0.kind == .probe }.isEmpty })
        #expect((gateway.metric("sluice_probes_total{result=\"cancelled\"}") ?? 0) <= 501)
      }
    }

    @Test("each shard says when its loop last turned, without being asked")
    func pulses() async throws {
      try await ServiceGateway.with(["a"], loops: 2) {
        Self.main($0.map(\.url))
      } _: { (gateway: ServiceGateway) async throws in
        let shards = gateway.gateway.adminSources(startedAt: 0).shards
        #expect(shards().count == 2)
        #expect(shards().allSatisfy { ($0.sinceLastTurn ?? .max) < 5_000_000_000 })
        var highest: UInt64 = 0
        // It grows between two beats and falls with each.
        #expect(
          try await gateway.until(seconds: 120) {
            let since = shards()[0].sinceLastTurn ?? 0
            defer { highest = max(highest, since) }
            return highest > 300_000_000 && since < 100_000_000
          })
      }
    }
  }
}
