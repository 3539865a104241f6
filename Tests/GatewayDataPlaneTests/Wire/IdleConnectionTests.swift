import GatewayModel
import Synchronization
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// Which idle connections a pool keeps. How long a server keeps them is learned from the server, and from nobody
  /// else.
  @Suite(.timeLimit(.minutes(2))) struct IdleConnectionTests {
    /// Over the second below which nothing is learned.
    private static let idle: Duration = .milliseconds(1_050)

    private static func learned(_ shard: Shard) -> UInt64 {
      shard.pool(for: shard.installed.snapshot.servers[0]).learnedIdle
    }

    @Test("a connection that the gateway closes for its idle time teaches nothing")
    func closedByGateway() async throws {
      let ended = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        try peer.waitForEnd()
        ended.announce()
      }
      var transport = ServersTransport()
      transport.forwardingTimeouts.idleConnTimeout = Self.idle
      try await TestGateway.with([server.port], transport: transport) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
        #expect(ended.wait())
        #expect(try await gateway.until { $0.pool(for: $0.installed.snapshot.servers[0]).open == 0 })
        #expect(try await gateway.onShard(Self.learned) == .max)
      }
    }

    @Test("connections beyond the limit serve while they are needed, and go when a second passed without need")
    func surplus() async throws {
      let crowd = 20
      let (arrived, all) = (Signal(), Signal())
      let asked = Mutex(0)
      let server = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          // None is answered before all have come: each needs a connection of its own.
          if asked.withLock({ $0 += 1; return $0 % crowd == 0 }) { arrived.announce() }
          guard all.wait() else { return }
          all.clear()
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      var transport = ServersTransport()
      transport.maxIdleConnsPerHost = 3
      try await TestGateway.with([server.port], transport: transport) { gateway in
        let clients = try (0..<crowd).map { _ in try Peer.connect(to: gateway.port) }
        for _ in 0..<3 {
          for client in clients { try client.send(ForwardingTests.get) }
          #expect(arrived.wait())
          arrived.clear()
          for _ in clients { all.announce() }
          let answers = try clients.map { try $0.readResponse().text }
          #expect(answers.allSatisfy { $0 == "ok" })
        }
        #expect(server.accepted == crowd)
        #expect(try await gateway.until { $0.pool(for: $0.installed.snapshot.servers[0]).idleCount == 3 })
      }
    }

    @Test("a server that closes an idle connection shows how long it keeps one")
    func closedByServer() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        // Half of what was seen is learned. What the gateway sees begins later, where its loop is late, and nothing is
        // learned below a second.
        #expect(peer.isQuiet(for: 1_500))
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
        #expect(try await gateway.until { Self.learned($0) < 1_050_000_000 })
      }
    }
  }
}
