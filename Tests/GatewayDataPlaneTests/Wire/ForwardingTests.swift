import GatewayModel
import Testing

extension OverSockets {
  /// What passes through the gateway when both sides keep the rules: real sockets, a scripted server, a raw client.
  ///
  /// The client blocks the thread it runs on, with a deadline for each wait. Gateway and servers have threads of their
  /// own, so nothing here waits for anything that needs Swift's pool.
  @Suite(.timeLimit(.minutes(2))) struct ForwardingTests {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("requests of a pipeline are answered in order")
    func pipeline() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          let path = head.split(separator: " ")[1]
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n\r\n\(path)")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        let count = 50
        try client.send((0..<count).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for number in 0..<count { #expect(try client.readResponse().text == "/\(number)") }
        #expect(server.accepted == 1)
      }
    }

    @Test("a pipeline of a body and a request, one byte at a time, is two requests")
    func drippedPipeline() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          let body = head.contains("Content-Length: 5") ? try peer.read(count: 5) : []
          try peer.send(
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.count + 1)\r\n\r\n\(String(decoding: body, as: UTF8.self)).")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for byte in wire("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + Self.get) {
          try client.send([byte])
        }
        #expect(try client.readResponse().text == "hello.")
        #expect(try client.readResponse().text == ".")
      }
    }

    @Test("HEAD has the fields of GET and no body, and the connection goes on")
    func head() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (head.hasPrefix("HEAD") ? "" : "hello"))
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
        let first = try client.readResponse(isHead: true)
        #expect(first.status == 200)
        #expect(first.field("Content-Length") == "5")
        #expect(try client.readResponse().text == "hello")
        #expect(server.accepted == 1)
      }
    }

    @Test("1xx responses pass before the final one, and not to HTTP/1.0")
    func informational() async throws {
      let server = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          try peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(Self.get)
        let hints = try client.readResponse()
        #expect(hints.status == 103)
        #expect(hints.field("Link") == "</a>")
        #expect(try client.readResponse().status == 102)
        #expect(try client.readResponse().text == "ok")

        let old = try Peer.connect(to: gateway.port)
        try old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try old.readResponse().text == "ok")
      }
    }

    @Test("a server that sends 1xx without end is given up")
    func endlessInformational() async throws {
      let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "a", count: 60_000))>\r\n\r\n"
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        // More than 10 MiB.
        for _ in 0..<180 { try peer.send(hint) }
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await TestGateway.with([server.port]) { gateway in
        // Who is told none of them gets nothing but the answer.
        let client = try Peer.connect(to: gateway.port)
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 502)
      }
    }

    @Test("a client that waits for 100 Continue gets it from the server, and then sends its body")
    func expectContinue() async throws {
      let server = try ScriptedServer { peer, _ in
        let head = try peer.readHead()
        guard head.contains("Expect: 100-continue") else { throw Peer.Failed(description: head) }
        try peer.send("HTTP/1.1 100 Continue\r\n\r\n")
        let body = try peer.read(count: 5)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\(String(decoding: body, as: UTF8.self))")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        #expect(try client.readResponse().status == 100)
        try client.send("hello")
        #expect(try client.readResponse().text == "hello")
      }
    }

    @Test("a server that refuses an expectation answers before the body, and the connection ends")
    func expectationRefused() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 401)
        #expect(answer.field("Connection") == "close")
        try client.waitForEnd()
      }
    }

    @Test("chunks and trailers pass both ways")
    func chunksAndTrailers() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          guard head.contains("Transfer-Encoding: chunked"), head.contains("Trailer: X-Sum"),
            head.contains("TE: trailers")
          else {
            throw Peer.Failed(description: head)
          }
          let body = try peer.read(until: "X-Sum: 9\r\n\r\n")
          try peer.send("HTTP/1.1 200 OK\r\nTrailer: X-Mac\r\nTransfer-Encoding: chunked\r\n\r\n")
          try peer.send("3;ext=1\r\nabc\r\n")
          try peer.send("3\r\ndef\r\n0\r\nX-Mac: \(body.utf8.count)\r\nX-More: m\r\n\r\n")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<3 {
          try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n"
          )
          try client.send("5;a=b\r\nhello\r\n")
          try client.send("1\r\n!\r\n0\r\nX-Sum: 9\r\n\r\n")
          let answer = try client.readResponse()
          #expect(answer.text == "abcdef")
          #expect(answer.trailers.hasPrefix("X-Mac: "))
          #expect(answer.trailers.hasSuffix("X-More: m\r\n"))
        }
        #expect(server.errors == [])
        #expect(server.accepted == 1)
      }
    }

    @Test("trailers that come in pieces reach the server whole")
    func trailersInPieces() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        let body = try peer.read(until: "\r\n\r\n")
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in wire("0\r\nX-A: 1\r\nX-B: 2\r\n\r\n") { try client.send([byte]) }
        #expect(try client.readResponse().text == "0\r\nX-A: 1\r\nX-B: 2\r\n\r\n")
      }
    }

    @Test("one client's trailers never reach another request")
    func trailersStay() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          if head.hasPrefix("GET /cut") {
            try peer.send(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
                + "X-Secret: \(String(repeating: "s", count: 3000))\r\nX"
            )
            return
          }
          try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\n\r\n")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        for _ in 0..<3 {
          let first = try Peer.connect(to: gateway.port)
          try first.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(throws: Peer.Failed.self) { try first.readResponse() }
          let second = try Peer.connect(to: gateway.port)
          try second.send(Self.get)
          let answer = try second.readResponse()
          #expect(answer.text == "y")
          #expect(answer.trailers == "")
        }
      }
    }

    @Test("a body until the connection closes becomes chunks for HTTP/1.1")
    func untilClose() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.0 200 OK\r\n\r\nhello")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<2 {
          try client.send(Self.get)
          let answer = try client.readResponse()
          #expect(answer.field("Transfer-Encoding") == "chunked")
          #expect(answer.text == "hello")
        }
        #expect(server.accepted == 2)
      }
    }

    @Test("an HTTP/1.0 client gets no chunks: the end of the connection ends the body")
    func oldClient() async throws {
      let server = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.field("Transfer-Encoding") == nil)
        #expect(answer.field("Connection") == "close")
        #expect(answer.text == "hello")
      }
    }

    @Test("an HTTP/1.0 client that asks for it keeps its connection when the length is known")
    func oldClientKeepsAlive() async throws {
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<2 {
          try client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
          let answer = try client.readResponse()
          #expect(answer.field("Connection") == "keep-alive")
          #expect(answer.text == "ok")
        }
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().field("Connection") == "close")
        try client.waitForEnd()
      }
    }

    @Test("hop-by-hop fields end here, in both directions")
    func hopByHop() async throws {
      let server = try ScriptedServer { peer, _ in
        let head = try peer.readHead()
        try peer.send(
          "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
            + "X-End: 1\r\nContent-Length: \(head.utf8.count)\r\n\r\n\(head)")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-mine, host\r\nX-Mine: 1\r\n"
            + "Proxy-Authorization: x\r\nUpgrade: y\r\n"
            + "Proxy-Connection: keep-alive\r\nKeep-Alive: 1\r\nTE: gzip\r\nX-Theirs: 1\r\n\r\n")
        let answer = try client.readResponse()
        let sent = answer.text.lowercased()
        for name in ["x-mine", "proxy-authorization", "upgrade", "proxy-connection", "keep-alive", "te:", "connection"]
        {
          #expect(!sent.contains(name), "\(name)")
        }
        #expect(sent.contains("x-theirs: 1"))
        #expect(sent.contains("host: a\r\n"))
        for name in ["X-Hop", "Keep-Alive", "Proxy-Authenticate", "Connection"] { #expect(answer.field(name) == nil) }
        #expect(answer.field("X-End") == "1")
      }
    }

    @Test("a large body passes whole, both ways")
    func largeBodies() async throws {
      let count = 8 * 1024 * 1024
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        let body = try peer.read(count: count)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
        try peer.send(body)
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 13) }
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
        try client.send(body)
        #expect(try client.readResponse().body == body)
      }
    }

    @Test("an early answer to an upload arrives, and the connection ends after it")
    func earlyAnswer() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        try peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\nstart")
        let answer = try client.readResponse()
        #expect(answer.status == 403)
        #expect(answer.text == "no")
        #expect(answer.field("Connection") == "close")
        // What is still on its way is thrown away for a while: no reset, but an end.
        _ = client.sendWhatFits([UInt8](repeating: 0, count: 1_000_000), within: 100)
        try client.waitForEnd()
        #expect(try await gateway.settled() == .init())
      }
    }
  }
}
