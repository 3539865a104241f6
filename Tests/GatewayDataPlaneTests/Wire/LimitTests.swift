import GatewayModel
import NIOCore
import Testing

extension OverSockets {
  /// What the gateway itself puts an end to: time, size, number, life.
  @Suite(.timeLimit(.minutes(2))) struct LimitTests {
    @Test("a head that takes too long gives 408 and the connection ends")
    func headTimeout() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with(
        [server.port], configure: { $0.transport.respondingTimeouts.headTimeout = .milliseconds(100) }
      ) {
        let client = try Peer.connect(to: $0.port)
        try client.send("GET / HTTP/1.1\r\nHo")
        let answer = try client.readResponse()
        #expect(answer.status == 408)
        #expect(answer.field("Connection") == "close")
        try client.waitForEnd()
        #expect(try await $0.settled() == .init())
      }
    }

    @Test("a body that takes too long gives 408 and the server's connection is not used again")
    func bodyTimeout() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.waitForEnd()
      }
      try await TestGateway.with(
        [server.port], configure: { $0.transport.respondingTimeouts.readTimeout = .milliseconds(150) }
      ) {
        let client = try Peer.connect(to: $0.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        #expect(try client.readResponse().status == 408)
        try client.waitForEnd()
        #expect(try await $0.settled() == .init())
      }
    }

    @Test("an empty line after a request's body begins no request: the connection stays idle, and no 408 follows")
    func strayEmptyLine() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with(
        [server.port],
        configure: {
          $0.transport.respondingTimeouts.headTimeout = .milliseconds(50)
          $0.transport.respondingTimeouts.idleTimeout = .seconds(2)
        }
      ) {
        let client = try Peer.connect(to: $0.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n")
        #expect(try client.readResponse().text == "ok")
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
        try client.send("\r\n")
        // The head timeout would answer; the idle one says nothing.
        #expect(try client.readToEnd() == [])
      }
    }

    @Test("an idle connection ends without a word")
    func idleTimeout() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with(
        [server.port], configure: { $0.transport.respondingTimeouts.idleTimeout = .seconds(1) }
      ) {
        let fresh = try Peer.connect(to: $0.port)
        #expect(try fresh.readToEnd() == [])
        let used = try Peer.connect(to: $0.port)
        try used.send(ForwardingTests.get)
        #expect(try used.readResponse().text == "ok")
        #expect(try used.readToEnd() == [])
      }
    }

    @Test("a connection whose client was slow to take an answer is idle afterwards, and ends like others")
    func idleAfterSlowReader() async throws {
      let answer = String(repeating: "x", count: 8 << 20)
      let server = try ScriptedServer.answering(answer)
      try await TestGateway.with(
        [server.port], configure: { $0.transport.respondingTimeouts.idleTimeout = .seconds(1) }
      ) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 16 * 1024)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().body.count == answer.utf8.count)
        #expect(try client.readToEnd() == [])
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a declared body over the limit gives 413 before a byte of it is taken")
    func declaredBodyLimit() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port], configure: { $0.http.limits.bodyBytes = 10 }) {
        let client = try Peer.connect(to: $0.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 413)
        #expect(answer.text.contains("\"code\":\"body-too-large\""))
        try client.waitForEnd()
        #expect(server.accepted == 0)
      }
    }

    @Test("chunks over the limit give 413, and the answer survives what was still on its way")
    func chunkedBodyLimit() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port], configure: { $0.http.limits.bodyBytes = 10 }) {
        let client = try Peer.connect(to: $0.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        try client.send("FFFFF\r\n")
        _ = client.sendWhatFits([UInt8](repeating: 0x61, count: 200_000), within: 200)
        let answer = try client.readResponse()
        #expect(answer.status == 413)
        client.close()
        #expect(try await $0.settled() == .init())
      }
    }

    @Test(
      "a refused request gets its status and the connection ends",
      arguments: [
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405), ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417),
      ])
    func refusals(_ request: String, _ status: Int) async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        // A second request behind the refused one must never be answered.
        try client.send(request + ForwardingTests.get)
        let answer = try client.readResponse()
        #expect(answer.status == status)
        #expect(answer.field("Connection") == "close")
        #expect(try client.readToEnd() == [])
        #expect(server.accepted == 0)
      }
    }

    @Test("a connection ends after as many requests as it may carry")
    func keepAliveMaxRequests() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port], configure: { $0.transport.keepAliveMaxRequests = 3 }) {
        let client = try Peer.connect(to: $0.port)
        try client.send(String(repeating: ForwardingTests.get, count: 5))
        for number in 1...3 {
          let answer = try client.readResponse()
          #expect(answer.text == "ok")
          #expect((answer.field("Connection") == "close") == (number == 3))
        }
        #expect(try client.readToEnd() == [])
      }
    }

    @Test("a drain lets the running request finish and ends idle connections at once")
    func drain() async throws {
      let asked = Signal()
      let goOn = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        asked.announce()
        _ = goOn.wait()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await TestGateway.with([server.port]) { gateway in
        let idle = try Peer.connect(to: gateway.port)
        let busy = try Peer.connect(to: gateway.port)
        try busy.send(ForwardingTests.get)
        #expect(asked.wait())
        // Not a task of its own: the pool's threads may be the ones that block here.
        let cut = gateway.drained(milliseconds: 30_000)
        try idle.waitForEnd()
        goOn.announce()
        let answer = try busy.readResponse()
        #expect(answer.text == "ok")
        #expect(answer.field("Connection") == "close")
        try busy.waitForEnd()
        #expect(try await cut.get() == 0)
      }
    }

    @Test("a drain cuts at its deadline what does not finish")
    func drainDeadline() async throws {
      let asked = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        asked.announce()
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let busy = try Peer.connect(to: gateway.port)
        try busy.send(ForwardingTests.get)
        #expect(asked.wait())
        #expect(try await gateway.drain(milliseconds: 100) == 1)
        try busy.waitForEnd()
        #expect(try await gateway.settled() == .init())
      }
    }
  }
}
