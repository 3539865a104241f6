import GatewayModel
import NIOCore
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `timeout`: the deadline of a whole exchange.
  @Suite(.timeLimit(.minutes(2))) struct TimeoutTests {
    private static func http(_ settings: String, _ port: UInt16) -> String {
      RetryTests.http("whole: {timeout: {\(settings)}}", [port], chain: "whole")
    }

    /// A server that takes the request and says nothing, or `part` of an answer.
    private static func silent(_ part: String = "", _ released: Signal = Signal()) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        peer.patience = 30_000
        _ = try peer.readHead()
        if !part.isEmpty { try peer.send(part) }
        try peer.waitForEnd()
        released.announce()
      }
    }

    @Test("a server that does not answer: 504, and it is told by the end of its connection")
    func noAnswer() async throws {
      let released = Signal()
      let server = try Self.silent("", released)
      try await BuiltGateway.with(Self.http("duration: 1s", server.port)) { gateway in
        let seen = try Peer.ask(gateway.port)
        #expect(seen.status == 504)
        #expect(seen.text.contains("deadline-exceeded"))
        #expect(released.wait())
        #expect(try await gateway.settledExchanges() == 0)
        #expect(gateway.policy("rejected", "timeout", middleware: "whole") == 1)
      }
    }

    @Test("a response that has begun is cut off, so that it does not look whole")
    func cut() async throws {
      let server = try Self.silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      try await BuiltGateway.with(Self.http("duration: 1s", server.port)) { (gateway: BuiltGateway) async throws in
        #expect(throws: Peer.Failed.self) { try Peer.ask(gateway.port) }
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("a client that takes its time with the body is within the deadline too")
    func slowUpload() async throws {
      let server = try Self.silent()
      try await BuiltGateway.with(Self.http("duration: 100ms", server.port)) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        #expect(try client.readResponse().status == 408)
      }
    }

    @Test("an exchange that is over in time is left alone, and its connection goes on")
    func inTime() async throws {
      let server = try ScriptedServer.answering("ok")
      try await BuiltGateway.with(Self.http("duration: 2s", server.port), eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<3 {
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().text == "ok")
        }
        #expect(client.isQuiet(for: 2_200))
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
      }
    }

    @Test("the server is told what is left, whatever the client says; a client's own earlier deadline counts")
    func told() async throws {
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          let told = head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("x-request-timeout-ms:") }
          let text = told.map { $0.dropFirst(22) }.joined(separator: ",")
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
        }
      }
      try await BuiltGateway.with(Self.http("duration: 10s", server.port), eventLoops: 1) { gateway in
        func left(_ fields: String) throws -> Int {
          let text = try Peer.ask(gateway.port, fields: fields).text
          return try #require(Int(text), "\(text)")
        }
        for told in ["", "60000", "abc", "-1", "0x10", "99999999999999999999", "1e3"] {
          let seen = try left(told.isEmpty ? "" : "X-Request-Timeout-Ms: \(told)\r\n")
          #expect(seen > 9_000 && seen <= 10_000, "\(told): \(seen)")
        }
        let own = try left("x-request-timeout-ms: 2000\r\nX-Request-Timeout-Ms: 9000\r\n")
        #expect(own > 1_500 && own <= 2_000)
      }
    }

    @Test("a client's own deadline ends the exchange")
    func clientsDeadline() async throws {
      let server = try Self.silent()
      try await BuiltGateway.with(Self.http("duration: 100s", server.port)) { (gateway: BuiltGateway) async throws in
        for told in ["50", "1", "0"] {
          #expect(try Peer.ask(gateway.port, fields: "X-Request-Timeout-Ms: \(told)\r\n").status == 504)
        }
      }
    }

    @Test("shadow mode counts and cuts nothing, and the server is told nothing")
    func shadow() async throws {
      let server = try ScriptedServer { peer, _ in
        let head = try peer.readHead()
        _ = peer.isQuiet(for: 150)
        let told = head.lowercased().contains("x-request-timeout-ms")
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(told ? "no" : "ok")")
      }
      try await BuiltGateway.with(Self.http("duration: 50ms, shadow: true", server.port)) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).text == "ok")
        #expect(gateway.policy("would_reject", "timeout", middleware: "whole") == 1)
        #expect(gateway.policy("rejected", "timeout", middleware: "whole") == 0)
      }
    }

    @Test("towards a deadline that a client chose there are few steps, none too long, and it is reached in a few")
    func steps() {
      var random = SeededRandom(seed: TestSeed.value)
      var seen: Set<UInt64> = []
      for _ in 0..<100_000 {
        let left = UInt64.random(in: 1...(1 << UInt64.random(in: 1...62, using: &random)), using: &random)
        let step = DeadlineStep.next(left)
        seen.insert(step)
        #expect(step > 0 && step <= max(left, 0) + TimerQueues.granularity)
        if left < 3_600_000_000_000 { #expect(step * 9 > left * 8) }
      }
      #expect(seen.count < 160)
      var left: UInt64 = 59_999_999_999
      var steps = 0
      while left > 0 {
        left -= min(left, DeadlineStep.next(left))
        steps += 1
      }
      #expect(steps < 12)
    }
  }
}
