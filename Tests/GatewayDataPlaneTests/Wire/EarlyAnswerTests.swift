import NIOHPACK
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// Answers that come before a request's end, and responses that break: what the client has of them.
  @Suite(.timeLimit(.minutes(2))) struct EarlyAnswerTests {
    private static func http(_ port: UInt16) -> String {
      """
        routers:
          all: {rule: PathPrefix(`/app`), service: app}
        services:
          app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(port)'}]}}
      """
    }

    private static func head(_ path: String, method: String = "POST") -> HPACKHeaders {
      [":method": method, ":scheme": "http", ":path": path, ":authority": "a"]
    }

    @Test(
      "an answer of the gateway's own to a request with a body is whole over HTTP/2",
      arguments: [["abc"], ["abc", "def"], []], [true, false])
    func refusedBody(_ body: [String], _ ends: Bool) async throws {
      try await BuiltGateway.with(Self.http(1)) { (gateway: BuiltGateway) async throws in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          for _ in 0..<20 {
            let answer = try await client.ask(Self.head("/nowhere"), body: body, ends: ends)
            #expect(answer.status == "404" && answer.body.contains("no-route") && !answer.broke, "\(answer)")
          }
        }
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("a stream that breaks the rules costs the others of its connection nothing")
    func malformedStream() async throws {
      let (arrived, goOn) = (Signal(), Signal())
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        arrived.announce()
        _ = goOn.wait()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          async let running = client.ask(Self.head("/app", method: "GET"))
          #expect(await Self.happened(arrived))
          for odd in [["connection": "close"], ["Upper": "x"], ["content-length": "7"]] as [HPACKHeaders] {
            var head = Self.head("/app")
            head.add(contentsOf: odd)
            let answer = try await client.ask(head, body: ["abc"])
            #expect(answer.reset != nil || answer.status == "400", "\(odd): \(answer)")
          }
          goOn.announce()
          let answer = try await running
          #expect(answer.status == "200" && answer.body == "ok", "\(answer)")
        }
      }
    }

    /// Waits on a thread of its own: the pool's two are not to be blocked.
    private static func happened(_ signal: Signal) async -> Bool {
      await withCheckedContinuation { done in TestThread.run { done.resume(returning: signal.wait()) } }
    }

    @Test(
      "of a response that breaks the client has what there was, and can tell that it is not the end",
      arguments: ["zz\r\n", "3\r\nabcX", "3\r\nabc\r\n"])
    func brokenBody(_ rest: String) async throws {
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\(rest)")
      }
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        let client = try Peer.connect(to: gateway.port)
        try client.send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readHead().hasPrefix("HTTP/1.1 200"))
        let all = String(decoding: try client.readToEnd(), as: UTF8.self)
        #expect(all.hasPrefix("5\r\nhello\r\n") && !all.contains("\r\n0\r\n"), "\(all)")
      }
    }

    /// Two servers behind `middleware`; three failures in a row put one out.
    private static func watched(_ middleware: String, _ first: UInt16, _ second: UInt16) -> String {
      """
        routers:
          all: {rule: PathPrefix(`/`), service: app, middlewares: [own]}
        middlewares:
          own: {\(middleware)}
        services:
          app:
            loadBalancer:
              servers: [{url: 'http://127.0.0.1:\(first)'}, {url: 'http://127.0.0.1:\(second)'}]
              outlierDetection: {consecutiveErrors: 3, baseEjectionTime: 60s}
      """
    }

    @Test("a server that hangs until the exchange's time is over is found out by outlier detection")
    func hangs() async throws {
      let silent = try ScriptedServer { peer, _ in try peer.waitForEnd() }
      let good = try ScriptedServer.answering("ok")
      let http = Self.watched("timeout: {duration: 200ms}", silent.port, good.port)
      try await BuiltGateway.with(http, eventLoops: 1) { (gateway: BuiltGateway) async throws in
        let statuses = try (0..<20).map { _ in try Peer.ask(gateway.port).status }
        #expect(statuses.count { $0 == 504 } == 3 && statuses.count { $0 == 200 } == 17, "\(statuses)")
      }
    }

    @Test(
      "who only says to be a gRPC call is answered as others are",
      arguments: [("GET", "1S"), ("POST", "x"), ("POST", "")])
    func saysGRPC(_ method: String, _ timeout: String) async throws {
      let server = try ScriptedServer.answering("ok")
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        let fields = "Content-Type: application/grpc\r\n" + (timeout.isEmpty ? "" : "grpc-timeout: \(timeout)\r\n")
        let refused = try Peer.ask(gateway.port, "/nowhere", method: method, fields: fields)
        #expect(refused.status == 404 && refused.field("Cache-Control") == "no-store")
        #expect(try Peer.ask(gateway.port, "/app", method: method, fields: fields).text == "ok")
        var head = Self.head("/nowhere", method: "GET")
        head.add(name: "content-type", value: "application/grpc")
        let answer = try await HTTP2Client.with(gateway.port) { [head] in try await $0.ask(head) }
        #expect(answer.status == "404")
        head = Self.head("/nowhere")
        head.add(name: "content-type", value: "application/grpc")
        let call = try await HTTP2Client.with(gateway.port) { [head] in try await $0.ask(head, body: ["x"]) }
        #expect(call.status == "200" && call.grpcStatus == "12" && call.head["cache-control"] == ["no-store"])
      }
    }

    @Test("a server that is asked again for its statuses is found out by outlier detection")
    func retriedStatuses() async throws {
      let asked = Counter()
      let bad = try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          asked.add()
          try peer.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        }
      }
      let good = try ScriptedServer.answering("ok")
      let http = Self.watched("retry: {attempts: 3, budgetFloor: 1000, status: ['503']}", bad.port, good.port)
      try await BuiltGateway.with(http, eventLoops: 1) { (gateway: BuiltGateway) async throws in
        for _ in 0..<40 { #expect(try Peer.ask(gateway.port).status == 200) }
        #expect(asked.value == 3)
      }
    }
  }
}
