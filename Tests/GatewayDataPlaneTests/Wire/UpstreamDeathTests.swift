import GatewayModel
import Testing

extension OverSockets {
  /// A server that dies at each point of an exchange, and a client that leaves at each: nobody waits for ever, nobody
  /// gets half an answer for a whole one, and nothing stays behind.
  @Suite(.timeLimit(.minutes(2))) struct UpstreamDeathTests {
    @Test("nobody listens: 502 with a problem")
    func refusedConnection() async throws {
      try await TestGateway.with([ScriptedServer.nobody]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<2 {
          try client.send(ForwardingTests.get)
          let answer = try client.readResponse()
          #expect(answer.status == 502)
          #expect(answer.field("Content-Type") == "application/problem+json")
          #expect(!answer.text.contains("127.0.0.1"))
        }
      }
    }

    enum Death: String, CaseIterable, Sendable {
      case onAccept, midRequest, afterRequest, midStatusLine, midHead
    }

    @Test("a server that dies before its head is whole gives 502", arguments: Death.allCases, [false, true])
    func beforeHead(_ death: Death, _ resets: Bool) async throws {
      let server = try ScriptedServer { peer, _ in
        defer { if resets { peer.reset() } }
        switch death {
        case .onAccept: return
        case .midRequest: _ = try peer.read(until: "POST")
        case .afterRequest, .midStatusLine, .midHead: _ = try peer.readHead()
        }
        if death == .midStatusLine { try peer.send("HTTP/1.1 20") }
        if death == .midHead { try peer.send("HTTP/1.1 200 OK\r\nContent-Le") }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 502)
        // The framing of this side was never in doubt.
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.readResponse().status == 502)
        client.close()
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test(
      "a body that is cut at the server is cut at the client, and never looks whole",
      arguments: [
        "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\nA\r\nhello",
      ])
    func cutBody(_ rest: String) async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\n" + rest)
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(throws: Peer.Failed.self) { try client.readResponse() }
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a body without framing that ends with a reset does not look whole")
    func resetUntilClose() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
        // Not before the gateway has passed the body on, or the reset may overtake it.
        _ = try peer.read(until: "never")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        _ = try client.readHead()
        #expect(try client.read(until: "hello\r\n").hasSuffix("hello\r\n"))
        client.close()
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test(
      "a malformed response gives 502 and the connection to the server ends",
      arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "hello\r\n",
        "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      ])
    func malformed(_ response: String) async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try? peer.send(response)
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().status == 502)
        client.close()
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("bytes behind a response are never another request's answer")
    func surplus() async throws {
      let server = try ScriptedServer { peer, number in
        while (try? peer.readHead()) != nil {
          let evil = number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" : ""
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + evil)
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        for _ in 0..<3 {
          let client = try Peer.connect(to: gateway.port)
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().text == "good")
        }
      }
    }

    @Test("bytes on an idle connection end it")
    func unasked() async throws {
      let answered = Signal()
      let said = Signal()
      let server = try ScriptedServer { peer, number in
        while (try? peer.readHead()) != nil {
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
          if number == 0 {
            _ = answered.wait()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            try peer.waitForEnd()
            said.announce()
          }
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "good")
        answered.announce()
        #expect(said.wait())
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "good")
        #expect(server.accepted == 2)
      }
    }

    @Test(
      "a connection that dies as a safe request arrives is made anew, and the client sees nothing",
      arguments: ["GET", "PUT", "DELETE"])
    func keepAliveRace(_ method: String) async throws {
      let server = try ScriptedServer { peer, number in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        // The second request of the first connection is read and dropped: the classic race, as the client sees it.
        if number == 0 { _ = try peer.readHead() } else { try? peer.waitForEnd() }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        let request = "\(method) / HTTP/1.1\r\nHost: a\r\n\r\n"
        try client.send(request)
        #expect(try client.readResponse().text == "ok")
        try client.send(request)
        #expect(try client.readResponse().text == "ok")
        #expect(server.accepted == 2)
      }
    }

    @Test("a request that a server may have acted on is not sent twice")
    func noRetryForPost() async throws {
      let server = try ScriptedServer { peer, number in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if number == 0 { _ = try peer.readHead() } else { try? peer.waitForEnd() }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        try client.send(request)
        #expect(try client.readResponse().text == "ok")
        try client.send(request)
        #expect(try client.readResponse().status == 502)
        #expect(server.accepted == 1)
      }
    }

    /// Closed before the next request is sent: one that leaves at the same moment may meet the end of the connection on
    /// its way, which costs a POST its answer and has to.
    @Test("a server that closes after its answer costs the next request nothing", arguments: ["GET", "POST"])
    func closedWhileIdle(_ method: String) async throws {
      let closed = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        peer.close()
        closed.announce()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<30 {
          try client.send("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
          #expect(try client.readResponse().text == "ok")
          #expect(closed.wait())
          closed.clear()
        }
      }
    }

    /// Without length and chunks only the end of the connection says that all was there. A reset that a write meets,
    /// while the request still flows, is told to nobody but the write.
    @Test(
      "an answer that its connection's end delimits is whole when it ended, and cut when it was reset",
      arguments: [true, false])
    func endMetByWrite(_ ends: Bool) async throws {
      let (goOn, gone) = (Signal(), Signal())
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = try peer.read(until: "abc\r\n")
        try peer.send("HTTP/1.1 200 OK\r\n\r\nhalf")
        _ = goOn.wait()
        if ends {
          try peer.send(" and half")
          peer.endSending()
        }
        peer.reset()
        gone.announce()
      }
      try await TestGateway.with([server.port]) { gateway in
        for _ in 0..<10 {
          let release = Signal()
          let client = try Peer.connect(to: gateway.port)
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
          _ = try client.read(until: "half")
          #expect(gateway.hold(until: release))
          // First what is to be written, then the reset: the loop meets them in this order.
          try client.send("3\r\ndef\r\n")
          goOn.announce()
          #expect(gone.wait())
          goOn.clear()
          gone.clear()
          release.announce()
          let rest = (try? client.readToEnd()).map { String(decoding: $0, as: UTF8.self) } ?? "reset"
          #expect(rest.contains("\r\n0\r\n\r\n") == ends, "\(rest)")
          #expect(rest.contains(" and half") == ends, "\(rest)")
          client.close()
        }
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a server that takes too long gives 504")
    func responseTimeout() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.waitForEnd()
      }
      var transport = ServersTransport()
      transport.forwardingTimeouts.responseHeaderTimeout = .milliseconds(100)
      try await TestGateway.with([server.port], transport: transport) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().status == 504)
        client.close()
        #expect(try await gateway.settled() == .init())
      }
    }
  }
}

extension OverSockets {
  /// The time a server may take is counted from the end of the request to the response's head, and nothing else.
  @Suite(.timeLimit(.minutes(2))) struct ResponseTimeoutTests {
    private static var transport: ServersTransport {
      var transport = ServersTransport()
      transport.forwardingTimeouts.responseHeaderTimeout = .seconds(1)
      return transport
    }

    @Test("a slow upload is not the server's slowness")
    func slowUpload() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = try peer.read(count: 10)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await TestGateway.with([server.port], transport: Self.transport) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        let quiet = client.isQuiet(for: 1_500)
        if quiet { try client.send("hello") }
        let answer = Result { try client.readResponse().text }
        #expect(quiet)
        #expect((try? answer.get()) == "ok")
      }
    }

    @Test("a response that began in time may take longer for its body")
    func slowBody() async throws {
      let began = Signal()
      let goOn = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        began.announce()
        _ = try peer.read(count: 10)
        _ = goOn.wait()
        try peer.send("world")
      }
      try await TestGateway.with([server.port], transport: Self.transport) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        _ = try client.readHead()
        #expect(try client.read(count: 5) == wire("hello"))
        try client.send("hello")
        let quiet = client.isQuiet(for: 1_500)
        goOn.announce()
        let rest = Result { try client.read(count: 5) }
        #expect(quiet)
        #expect((try? rest.get()) == wire("world"))
      }
    }

    @Test("a server that once closed an idle connection early is not thought to do so for ever")
    func learnedIdle() async throws {
      let server = try ScriptedServer { peer, number in
        while (try? peer.readHead()) != nil {
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
          // As a server does that is restarted.
          if number == 0 { return }
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<10 {
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().text == "ok")
          #expect(client.isQuiet(for: 60))
        }
        #expect(server.accepted <= 3)
      }
    }
  }

  /// A client that leaves.
  @Suite(.timeLimit(.minutes(2))) struct ClientDeathTests {
    enum Leaving: String, CaseIterable, Sendable {
      case beforeRequest, midHead, midBody, beforeAnswer, midAnswer
    }

    @Test("a client that leaves at any point leaves nothing behind", arguments: Leaving.allCases, [false, true])
    func leaves(_ leaving: Leaving, _ resets: Bool) async throws {
      let asked = Signal()
      let released = Signal()
      let server = try ScriptedServer { peer, _ in
        defer { released.announce() }
        _ = try peer.readHead()
        asked.announce()
        if leaving == .midAnswer { try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") }
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        switch leaving {
        case .beforeRequest:
          #expect(try await gateway.settled(.init(clients: 1, ledger: 1)) == .init(clients: 1, ledger: 1))
        case .midHead: try client.send("GET / HT")
        case .midBody:
          try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
          #expect(asked.wait())
        case .beforeAnswer:
          try client.send(ForwardingTests.get)
          #expect(asked.wait())
        case .midAnswer:
          try client.send(ForwardingTests.get)
          _ = try client.read(until: "hello")
        }
        if resets { client.reset() } else { client.close() }
        #expect(try await gateway.settled() == .init())
        // The server is told: its connection cannot be used again.
        if [.midBody, .beforeAnswer, .midAnswer].contains(leaving) { #expect(released.wait()) }
      }
    }
  }
}
