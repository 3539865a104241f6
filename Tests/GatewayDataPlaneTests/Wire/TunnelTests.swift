import GatewayModel
import Testing

extension OverSockets {
  /// Upgraded connections: bytes pass unread, both ways, until one side ends; a reload does not touch them.
  @Suite(.timeLimit(.minutes(2))) struct TunnelTests {
    private static let handshake =
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// Accepts the upgrade and echoes.
    private static func echo(greeting: String = "") throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        let head = try peer.readHead()
        guard head.contains("Connection: Upgrade\r\nUpgrade: websocket\r\n"), head.contains("Sec-WebSocket-Key: ")
        else {
          throw Peer.Failed(description: head)
        }
        try peer.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\(greeting)")
        while let byte = try? peer.read(count: 1) { try peer.send(byte) }
      }
    }

    @Test("a WebSocket session passes bytes both ways and survives two reloads")
    func webSocket() async throws {
      let server = try Self.echo(greeting: "hi")
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        // The first frame comes with the handshake, as impatient clients send it.
        try client.send(Self.handshake + "\u{0}early")
        let head = try client.readHead()
        #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(head.contains("Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        #expect(head.contains("Sec-WebSocket-Accept: "))
        #expect(try client.read(count: 8) == wire("hi\u{0}early"))
        for generation in 2...3 as ClosedRange<UInt64> {
          // The second one no longer names the server.
          try await gateway.install(generation, generation == 2 ? [server.port] : [9])
          let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
          try client.send(bytes)
          #expect(try client.read(count: bytes.count) == bytes)
        }
        client.close()
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a server that ends a tunnel ends it for the client", arguments: [false, true])
    func serverEnds(_ resets: Bool) async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbye")
        if resets {
          _ = try peer.read(count: 1)
          peer.reset()
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(Self.handshake)
        _ = try client.readHead()
        #expect(try client.read(count: 3) == wire("bye"))
        if resets { try client.send("x") }
        try client.waitForEnd()
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a server that declines an upgrade answers as usual, and the connection goes on")
    func declined() async throws {
      let server = try ScriptedServer.answering("no")
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<2 {
          try client.send(Self.handshake)
          #expect(try client.readResponse().text == "no")
        }
      }
    }

    @Test("a client that stops reading holds a tunnel's server up")
    func tunnelBackPressure() async throws {
      let sent = Reported()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        sent.report(peer.sendWhatFits([UInt8](repeating: 1, count: 64 * 1024 * 1024), within: 300))
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 64 * 1024)
        try client.send(Self.handshake)
        _ = try client.readHead()
        #expect(sent.wait() < 24 * 1024 * 1024)
      }
    }

    @Test("a server that stops reading holds a tunnel's client up")
    func tunnelUpload() async throws {
      let (goOn, arrived) = (Signal(), Signal())
      let whole = 64 * 1024 * 1024
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        _ = goOn.wait(milliseconds: 20_000)
        try peer.skip(whole)
        arrived.announce()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(Self.handshake)
        _ = try client.readHead()
        let taken = client.sendWhatFits([UInt8](repeating: 1, count: whole), within: 300)
        #expect(taken < 24 * 1024 * 1024)
        goOn.announce()
        // And goes on when the server does.
        try client.send([UInt8](repeating: 1, count: whole - taken))
        #expect(arrived.wait(milliseconds: 20_000))
      }
    }
  }
}
