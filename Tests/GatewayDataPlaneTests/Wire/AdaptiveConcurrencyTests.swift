import GatewayModel
import NIOCore
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `adaptiveConcurrency` over real connections; how the limit is found is tested with a simulated service.
  @Suite(.timeLimit(.minutes(2))) struct AdaptiveConcurrencyTests {
    private func run(_ settings: String, shadow: Bool, passing: Int) async throws {
      let asked = Counter()
      let release = Signal()
      let server = try ScriptedServer { peer, _ in
        peer.patience = 30_000
        while (try? peer.readHead()) != nil {
          asked.add()
          _ = release.wait(milliseconds: 20_000)
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      let http = RetryTests.http("few: {adaptiveConcurrency: {\(settings)}}", [server.port], chain: "few")
      try await BuiltGateway.with(http, eventLoops: 4) { gateway in
        let count = shadow ? "would_reject" : "rejected"
        for round in 1...2 {
          if asked.value > 0 { release.clear() }
          let before = asked.value
          let peers = try (0..<40).map { _ in try Peer.connect(to: gateway.port) }
          for peer in peers { try peer.send(ForwardingTests.get) }
          try await gateway.until { _ in asked.value - before == passing }
          // The others have been refused by now, on all loops: whoever came later would find a place.
          try await gateway.until { $0.policy(count, "adaptiveConcurrency", middleware: "few") == Double(34 * round) }
          release.announce()
          var statuses: [Int: Int] = [:]
          for peer in peers {
            let seen = try peer.readResponse()
            statuses[seen.status, default: 0] += 1
            if seen.status == 503 {
              #expect(seen.field("Retry-After") == "1")
              #expect(seen.text.contains("concurrency-limit"))
            }
          }
          #expect(statuses == (passing == 40 ? [200: 40] : [200: passing, 503: 40 - passing]))
          #expect(try await gateway.settledExchanges() == 0)
        }
        #expect(gateway.policy(count, "adaptiveConcurrency", middleware: "few") == 68)
      }
    }

    @Test("so many at once as the limit, over all event loops, and every place comes back")
    func exact() async throws {
      try await run("initialLimit: 6, minLimit: 6, maxLimit: 6", shadow: false, passing: 6)
    }

    @Test("shadow mode refuses nothing and counts")
    func shadow() async throws {
      try await run("initialLimit: 6, minLimit: 6, maxLimit: 6, shadow: true", shadow: true, passing: 40)
    }
  }
}
