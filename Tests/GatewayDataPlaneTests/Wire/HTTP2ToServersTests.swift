import GatewayModel
import NIOConcurrencyHelpers
import NIOHPACK
import NIOHTTP2
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// HTTP/2 towards servers: streams, what a server refuses, leaves out or breaks, and what is no HTTP/2 at all.
  @Suite(.timeLimit(.minutes(2))) struct HTTP2ToServersTests {
    private static func with(
      streamsMax: Int = 100, transport: ServersTransport = ServersTransport(), _ script: @escaping HTTP2Server.Script,
      _ body: (TestGateway, HTTP2Server) async throws -> Void
    ) async throws {
      let server = try await HTTP2Server.start(streamsMax: streamsMax, script)
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], transport: transport) { gateway in
        try await body(gateway, server)
        #expect(try await gateway.settled() == .init())
      }
      await server.stop()
    }

    @Test("requests become streams of one connection, with fields, body and trailers both ways")
    func exchange() async throws {
      try await Self.with({ _, headers in
        #expect(headers.first(name: ":method") == "POST")
        #expect(headers.first(name: ":path") == "/a?b=c")
        #expect(headers.first(name: ":authority") == "shop")
        #expect(headers.first(name: ":scheme") == "http")
        #expect(headers.first(name: "x-forwarded-for") == "127.0.0.1")
        #expect(headers.first(name: "te") == "trailers")
        #expect(headers.first(name: "connection") == nil)
        return .respond([":status": "200", "x-server": "h2"], body: "hello", trailers: ["grpc-status": "0"])
      }) { gateway, server in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<3 {
          try client.send(
            "POST /a?b=c HTTP/1.1\r\nHost: shop\r\nTE: trailers\r\nConnection: TE\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
          )
          let answer = try client.readResponse()
          #expect(answer.status == 200)
          #expect(answer.field("x-server") == "h2")
          #expect(answer.text == "hello")
        }
        #expect(server.connections == 1)
        #expect(server.bodies == ["abc", "abc", "abc"])
      }
    }

    @Test("a stream that the server refused is tried again, whatever its method, and so is one that GOAWAY left out")
    func refusedStreams() async throws {
      for first in [HTTP2Server.Answer.reset(.refusedStream), .goAway] {
        try await Self.with({ number, _ in number == 0 ? first : .ok() }) { gateway, server in
          let client = try Peer.connect(to: gateway.port)
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
          #expect(try client.readResponse().text == "ok")
          #expect(server.streams == 2)
        }
      }
    }

    @Test("a server that refuses every stream is asked three times, and then the client hears of it")
    func refusesAlways() async throws {
      try await Self.with({ _, _ in .reset(.refusedStream) }) { gateway, server in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.readResponse().status == 502)
        #expect(server.streams == 3 && server.connections == 1)
      }
    }

    @Test("a server that goes in the middle finishes what it took, and what it left out is sent to its next connection")
    func goesInTheMiddle() async throws {
      let gone = NIOLockedValueBox(false)
      try await Self.with({ number, _ in
        if number == 1 {
          gone.withLockedValue { $0 = true }
          return .goAwayAfter([":status": "200"], body: "ok")
        }
        // What comes before the goodbye, and behind the last stream, is never looked at.
        return number == 0 || gone.withLockedValue { $0 } ? .ok() : .nothing
      }) { gateway, server in
        let clients = try (0..<20).map { _ in try Peer.connect(to: gateway.port) }
        for client in clients {
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        #expect(server.connections >= 2)
        #expect(server.bodies.allSatisfy { $0 == "abc" })
      }
    }

    @Test("a body that is sent again is whole, and one that is too large to keep is 502", arguments: [65_536, 65_537])
    func keptBody(_ size: Int) async throws {
      try await Self.with({ number, _ in number == 0 ? .reset(.refusedStream) : .ok() }) { gateway, server in
        let body = String(repeating: "a", count: size / 2) + String(repeating: "b", count: size - size / 2)
        let answer = try Peer.ask(gateway.port, method: "POST", body: body)
        #expect(answer.status == (size > HTTP2ToServers.keptBytesMax ? 502 : 200))
        #expect(server.bodies == [body] + (answer.status == 200 ? [body] : []))
      }
    }

    @Test("a reset for another reason is 502 and is not tried again")
    func reset() async throws {
      try await Self.with({ number, _ in number == 0 ? .reset(.internalError) : .ok() }) { gateway, server in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().status == 502)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
        #expect(server.streams == 2)
        #expect(server.connections == 1)
      }
    }

    @Test("no more streams are opened than the server allows: others wait or take another connection")
    func streamLimit() async throws {
      try await Self.with(streamsMax: 2, { _, _ in .ok() }) { gateway, server in
        let clients = try (0..<20).map { _ in try Peer.connect(to: gateway.port) }
        for client in clients { try client.send(ForwardingTests.get) }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        #expect(server.streams == 20)
      }
    }

    @Test("a connection that has had as many streams as it may leaves to another one, and no request notices")
    func oldAge() async throws {
      let server = try await HTTP2Server.start { _, _ in .ok() }
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], streamsOfLifeMax: 5) { gateway in
        let clients = try (0..<4).map { _ in try Peer.connect(to: gateway.port) }
        for _ in 0..<5 {
          for client in clients { try client.send(ForwardingTests.get) }
          for client in clients { #expect(try client.readResponse().text == "ok") }
        }
        #expect(server.streams == 20)
        #expect(server.connections == 4)
        for client in clients { client.close() }
        #expect(try await gateway.settled() == .init())
      }
      await server.stop()
    }

    @Test("a server that allows no streams is 502, and is not asked for connection after connection")
    func noStreams() async throws {
      try await Self.with(streamsMax: 0, { _, _ in .ok() }) { gateway, server in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<3 {
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().status == 502)
        }
        #expect(server.connections == 3)
      }
    }

    @Test("what does not speak HTTP/2 is 502, and one that says nothing is given up after the dial timeout")
    func noHTTP2() async throws {
      let plain = try ScriptedServer { peer, _ in
        _ = try? peer.read(count: 24)
        try peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      }
      let silent = try ScriptedServer { peer, _ in try peer.waitForEnd() }
      var impatient = ServersTransport()
      impatient.forwardingTimeouts.dialTimeout = .milliseconds(200)
      for (port, status, transport) in [(plain.port, 502, .init()), (silent.port, 504, impatient)] {
        try await TestGateway.with(["h2c://127.0.0.1:\(port)"], transport: transport) { gateway in
          let client = try Peer.connect(to: gateway.port)
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().status == status)
          client.close()
          #expect(try await gateway.settled() == .init())
        }
      }
    }

    @Test("a server that answers before the request's end is heard, and the rest of the request still flows")
    func early() async throws {
      try await Self.with({ _, _ in .respondEarly([":status": "200"]) }) { gateway, server in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        let head = try client.readHead()
        #expect(head.contains("200"))
        try client.send("3\r\ndef\r\n0\r\n\r\n")
        _ = try client.read(until: "done\r\n0\r\n\r\n")
        #expect(server.bodies == ["abcdef"])
      }
    }

    @Test("a server that falls silent is asked whether it is there, and given up when it says nothing")
    func silence() async throws {
      let asked = NIOLockedValueBox(false)
      let server = try ScriptedServer { peer, _ in
        // An empty SETTINGS frame, so that the connection is ready; then nothing, but listening.
        try peer.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
        _ = try peer.read(count: 24)
        while true {
          let head = try peer.read(count: 9)
          let length = head[..<3].reduce(0) { $0 << 8 | Int($1) }
          let payload = try peer.read(count: length)
          if head[3] == 6, head[4] == 0, payload.count == 8 { asked.withLockedValue { $0 = true } }
        }
      }
      var transport = ServersTransport()
      transport.forwardingTimeouts.readIdleTimeout = .milliseconds(50)
      transport.forwardingTimeouts.pingTimeout = .milliseconds(50)
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], transport: transport) { gateway in
        let answer = try Peer.ask(gateway.port, method: "POST", body: "abc")
        #expect(answer.status == 502)
        // The server's thread may still have to read what was sent before the end.
        #expect(try await gateway.until { _ in asked.withLockedValue { $0 } })
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a server that answers PING may take its time")
    func patience() async throws {
      var transport = ServersTransport()
      transport.forwardingTimeouts.readIdleTimeout = .milliseconds(20)
      transport.forwardingTimeouts.pingTimeout = .milliseconds(1_500)
      try await Self.with(
        transport: transport, { _, headers in headers.first(name: ":path") == "/silent" ? .nothing : .ok() }
      ) { gateway, server in
        let waiting = try Peer.connect(to: gateway.port)
        try waiting.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(waiting.isQuiet(for: 2_500))
        #expect(try Peer.ask(gateway.port).text == "ok")
        #expect(server.connections == 1)
        waiting.close()
      }
    }

    @Test("response fields that only HTTP/2 can say are refused with 502")
    func refusedFields() async throws {
      let bad: [HPACKHeaders] = [
        [":status": "200", "connection": "close"], [":status": "200", "transfer-encoding": "chunked"],
        [":status": "101"],
      ]
      for headers in bad {
        try await Self.with({ _, _ in .respond(headers, body: "x") }) { gateway, _ in
          let client = try Peer.connect(to: gateway.port)
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().status == 502, "\(headers)")
        }
      }
    }

    @Test("a client that leaves cancels its stream and nobody else's; a server that never answers costs 504")
    func cancelAndTimeout() async throws {
      var transport = ServersTransport()
      transport.forwardingTimeouts.responseHeaderTimeout = .seconds(1)
      try await Self.with(
        transport: transport, { _, headers in headers.first(name: ":path") == "/silent" ? .nothing : .ok() }
      ) { gateway, server in
        let leaving = try Peer.connect(to: gateway.port)
        try leaving.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
        let waiting = try Peer.connect(to: gateway.port)
        try waiting.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
        leaving.close()
        let other = try Peer.connect(to: gateway.port)
        try other.send(ForwardingTests.get)
        #expect(try other.readResponse().text == "ok")
        #expect(try waiting.readResponse().status == 504)
        #expect(server.connections == 1)
      }
    }

    @Test("a gRPC client is told by grpc-status what others are told by problem details")
    func grpcErrors() async throws {
      try await TestGateway.with(["h2c://127.0.0.1:1"]) { gateway in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          for (path, status) in [("/pkg.Service/Call", "14"), ("/nowhere", "12")] {
            let answer = try await client.ask([
              ":method": "POST", ":scheme": "http", ":path": path, ":authority": "a",
              "content-type": "application/grpc+proto",
            ])
            #expect(answer.status == "200" && answer.grpcStatus == status && answer.body.isEmpty, "\(answer)")
            #expect(answer.head["content-type"] == ["application/grpc"])
          }
        }
      }
    }
  }
}
