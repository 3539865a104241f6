import GatewayModel
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// A response that another one takes the place of: another try's, an error page, an answer of the gateway's.
  @Suite(.timeLimit(.minutes(2))) struct ReplacedResponseTests {
    private static func errors(
      _ server: UInt16, _ pages: UInt16, _ more: String = "", chain: String = "pages"
    ) -> String {
      """
        routers: { all: {rule: "PathPrefix(`/`)", service: up, middlewares: [\(chain)]} }
        services:
          up: { loadBalancer: { servers: [ {url: "http://127.0.0.1:\(server)"} ] } }
          pages: { loadBalancer: { servers: [ {url: "http://127.0.0.1:\(pages)"} ] } }
        middlewares:
          pages: { errors: {status: ["404", "500-599"], service: pages, query: "/page"} }
      \(more)
      """
    }

    @Test("a body that still comes while an error page is fetched reaches no server: it would be a request there")
    func lateBody() async throws {
      let (asked, goOn) = (Signal(), Signal())
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        try peer.waitForEnd()
      }
      let heads = Counter()
      let pages = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          heads.add()
          asked.announce()
          guard goOn.wait() else { return }
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
        }
      }
      try await BuiltGateway.with(Self.errors(server.port, pages.port)) { gateway in
        let client = try Peer.connect(to: gateway.port)
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n"
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(smuggled.utf8.count + 1)\r\n\r\n")
        #expect(asked.wait())
        try client.send(smuggled)
        #expect(client.isQuiet(for: 100))
        goOn.announce()
        let answer = try client.readResponse()
        #expect(answer.status == 404)
        #expect(answer.text == "page")
        #expect(heads.value == 1)
      }
    }

    @Test("a page in answer to HEAD has a length and no body, so that the next response is read as one")
    func pageForHead() async throws {
      let server = try ScriptedServer.answering("ok")
      let missing = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil { try peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") }
      }
      let pages = try ScriptedServer.answering("the page")
      let good = "good: { loadBalancer: { servers: [ {url: \"http://127.0.0.1:\(server.port)\"} ] } }"
      let text = Self.errors(missing.port, pages.port)
        .replacing("routers: {", with: "routers: { good: {rule: \"Path(`/good`)\", service: good, priority: 1000},")
        .replacing("services:", with: "services:\n    \(good)")
      try await BuiltGateway.with(text) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let page = try client.readResponse(isHead: true)
        #expect(page.status == 404)
        #expect(page.field("Content-Length") == "8")
        try client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n")
        let next = try client.readResponse()
        #expect(next.status == 200)
        #expect(next.text == "ok")
      }
    }

    @Test("what was held of a response that broke is not part of the one that follows", arguments: [true, false])
    func brokenResponse(_ triesAgain: Bool) async throws {
      let server = try ScriptedServer { peer, number in
        _ = try peer.readHead()
        // The first response ends in the middle, and so do all when nothing is tried again.
        let body = number == 0 || !triesAgain ? "first" : "secondsecond"
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\(body)")
      }
      let more = """
            whole: { buffering: {maxResponseBodyBytes: 1000} }
            again: { retry: {attempts: \(triesAgain ? 3 : 1), initialInterval: 10ms} }
        """
      let text = Self.errors(server.port, server.port, more, chain: "again, whole")
      try await BuiltGateway.with(text) { gateway in
        let answer = try Peer.ask(gateway.port, "/")
        #expect(answer.status == (triesAgain ? 200 : 502))
        #expect(!answer.text.contains("first"))
        #expect(answer.text.hasPrefix(triesAgain ? "secondsecond" : "{"))
      }
    }

    @Test("a beginning that compress holds is gone when its server is, also for who decides later")
    func heldBeginning() async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
      }
      let pages = try ScriptedServer.answering("the page")
      let text = Self.errors(
        server.port, pages.port, "    small: { compress: {minResponseBodyBytes: 1024} }", chain: "pages, small")
      try await BuiltGateway.with(text) { gateway in
        for _ in 0..<50 {
          let client = try Peer.connect(to: gateway.port)
          try client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
          // Cut in the turn it came in: a page. In a later one its head has gone, and the connection ends.
          if let answer = try? client.readResponse(), answer.status != 200 { #expect(answer.text == "the page") }
        }
      }
    }
  }
}
