import GatewayModel
import NIOCore
import Observability
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `retry`: a server dies at each point of a try, and the client sees another one's answer, or the failure where a
  /// second try would not be safe.
  @Suite(.timeLimit(.minutes(2))) struct RetryTests {
    static func http(_ middlewares: String, _ ports: [UInt16], chain: String = "again") -> String {
      let servers = ports.map { "{url: 'http://127.0.0.1:\($0)'}" }.joined(separator: ", ")
      return """
          routers:
            all: {rule: PathPrefix(`/`), middlewares: [\(chain)], service: app}
          middlewares:
            \(middlewares)
          services:
            app: {loadBalancer: {servers: [\(servers)]}}
        """
    }

    enum Death: String, CaseIterable, Sendable { case onAccept, afterHead, afterRequest, midStatusLine, midHead }

    /// A server whose every connection dies so.
    static func dying(_ death: Death, _ asked: Counter = Counter()) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        asked.add()
        if death == .onAccept { return }
        let head = try peer.readHead()
        if death != .afterHead, let length = SeenResponse.length(head) { _ = try peer.read(count: length) }
        if death == .midStatusLine { try peer.send("HTTP/1.1 20") }
        if death == .midHead { try peer.send("HTTP/1.1 200 OK\r\nContent-Le") }
      }
    }

    /// A server that answers with the body it got.
    static func echo(_ asked: Counter = Counter()) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        peer.patience = 30_000
        while let head = try? peer.readHead() {
          asked.add()
          var body: [UInt8] = []
          if let length = SeenResponse.length(head) { body = try peer.read(count: length) }
          if head.contains("Transfer-Encoding") {
            while let line = try? peer.read(until: "\r\n"), let size = Int(line.dropLast(), radix: 16), size > 0 {
              body += try peer.read(count: size)
              _ = try peer.read(count: 2)
            }
            _ = try peer.read(count: 2)
          }
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
          try peer.send(body)
        }
      }
    }

    @Test("a GET is tried on the other server, wherever the first one dies", arguments: Death.allCases)
    func idempotent(_ death: Death) async throws {
      let (dead, asked) = (Counter(), Counter())
      let servers = [try Self.dying(death, dead).port, try Self.echo(asked).port]
      try await BuiltGateway.with(Self.http("again: {retry: {attempts: 2, budgetFloor: 100}}", servers)) {
        (gateway: BuiltGateway) async throws in
        for _ in 0..<6 { #expect(try Peer.ask(gateway.port).status == 200) }
        #expect(asked.value == 6)
        #expect(dead.value <= 6)
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("nobody listens at one server: nothing was sent, so a POST with a body is tried as well")
    func nothingSent() async throws {
      // Port 1 is nobody's. One that was closed just now may be somebody else's the next moment.
      let servers = [1, try Self.echo().port]
      try await BuiltGateway.with(Self.http("again: {retry: {attempts: 2}}", servers), eventLoops: 1) { gateway in
        for _ in 0..<4 {
          let seen = try Peer.ask(gateway.port, method: "POST", body: "the body")
          #expect(seen.status == 200)
          #expect(seen.text == "the body")
        }
      }
    }

    @Test(
      "a POST that a server may have carried out is not sent twice, unless somebody says that it may",
      arguments: [("", "", 502), (", retryNonIdempotentMethod: true", "", 200), ("", "Idempotency-Key: 7\r\n", 200)])
    func notIdempotent(_ setting: String, _ fields: String, _ status: Int) async throws {
      let asked = Counter()
      let servers = [try Self.dying(.afterRequest).port, try Self.echo(asked).port]
      let again = "again: {retry: {attempts: 2, budgetFloor: 100\(setting)}}"
      try await BuiltGateway.with(Self.http(again, servers), eventLoops: 1) { gateway in
        // One of two goes to the server that dies.
        let statuses = try (0..<2).map { _ in
          try Peer.ask(gateway.port, method: "POST", fields: fields, body: "once").status
        }
        #expect(statuses.sorted() == [200, status].sorted())
        #expect(asked.value == (status == 200 ? 2 : 1))
      }
    }

    @Test(
      "a body is sent again exactly, wherever in it the first server died, by length and in chunks",
      arguments: [0, 1, 5_000, 150_000, 299_999], [false, true])
    func replay(_ readBefore: Int, _ isChunked: Bool) async throws {
      let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
      let dead = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = try peer.read(count: readBefore)
      }
      let servers = [dead.port, try Self.echo().port]
      try await BuiltGateway.with(
        Self.http("again: {retry: {attempts: 2, budgetFloor: 100}}", servers), eventLoops: 1
      ) { gateway in
        for _ in 0..<2 {
          let client = try Peer.connect(to: gateway.port)
          let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)"
          try client.send("PUT / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
          var start = 0
          while start < body.count {
            let part = Array(body[start..<min(start + 9_999, body.count)])
            if isChunked { try client.send("\(String(part.count, radix: 16))\r\n") }
            try client.send(part)
            if isChunked { try client.send("\r\n") }
            start += part.count
          }
          if isChunked { try client.send("0\r\n\r\n") }
          let seen = try client.readResponse()
          #expect(seen.status == 200)
          // Not `==`: the difference of two long arrays, which a failure shows, takes minutes.
          let isSame = seen.body == body
          #expect(isSame, "\(seen.body.count) bytes, \(zip(seen.body, body).prefix { $0 == $1 }.count) of them right")
        }
      }
    }

    @Test("a body over maxRequestBodyBytes goes on once, and is not tried again")
    func bodyTooLarge() async throws {
      let (dead, asked) = (Counter(), Counter())
      let servers = [try Self.dying(.afterRequest, dead).port, try Self.echo(asked).port]
      try await BuiltGateway.with(
        Self.http("again: {retry: {attempts: 2, maxRequestBodyBytes: 10}}", servers), eventLoops: 1
      ) { gateway in
        let small = try (0..<2).map { _ in try Peer.ask(gateway.port, method: "PUT", body: "0123456789").status }
        #expect(small == [200, 200])
        let large = try (0..<2).map { _ in try Peer.ask(gateway.port, method: "PUT", body: "0123456789A").status }
        #expect(large.sorted() == [200, 502])
      }
    }

    /// Answers with the statuses in turn.
    static func saying(_ statuses: [Int], _ asked: Counter) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        while (try? peer.readHead()) != nil {
          let status = statuses[asked.next() % statuses.count]
          try peer.send("HTTP/1.1 \(status) Said\r\nContent-Length: 3\r\n\r\n\(status)")
        }
      }
    }

    @Test(
      "statuses are tried again when they are named; the last try's answer is the client's",
      arguments: [([503, 200], 200, 2), ([503, 503, 503, 200], 503, 3), ([500, 200], 500, 1), ([404], 404, 1)])
    func statuses(_ said: [Int], _ status: Int, _ tries: Int) async throws {
      let asked = Counter()
      let server = try Self.saying(said, asked)
      let again = "again: {retry: {attempts: 3, status: ['502-504'], budgetFloor: 100}}"
      try await BuiltGateway.with(Self.http(again, [server.port]), eventLoops: 1) { gateway in
        let seen = try Peer.ask(gateway.port)
        #expect(seen.status == status)
        #expect(seen.text == "\(status)")
        #expect(asked.value == tries)
      }
    }

    @Test("disableRetryOnNetworkError leaves network errors alone")
    func byStatusOnly() async throws {
      let asked = Counter()
      let server = try Self.dying(.afterRequest, asked)
      let again = "again: {retry: {attempts: 3, status: ['503'], disableRetryOnNetworkError: true}}"
      try await BuiltGateway.with(Self.http(again, [server.port]), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).status == 502)
        #expect(asked.value == 1)
      }
    }

    @Test("of three servers two that die are each asked once, and the third answers")
    func exclusions() async throws {
      let (dead, asked) = (Counter(), Counter())
      let servers = [
        try Self.dying(.afterRequest, dead).port, try Self.dying(.midHead, dead).port, try Self.echo(asked).port,
      ]
      try await BuiltGateway.with(
        Self.http("again: {retry: {attempts: 3, budgetFloor: 100}}", servers), eventLoops: 1
      ) { (gateway: BuiltGateway) async throws in
        for number in 1...9 {
          let before = dead.value
          #expect(try Peer.ask(gateway.port).status == 200)
          #expect(dead.value - before <= 2)
          #expect(asked.value == number)
        }
      }
    }

    @Test("the budget: no more tries than it has, however many fail")
    func budget() async throws {
      let asked = Counter()
      let server = try Self.dying(.afterRequest, asked)
      let again = "again: {retry: {attempts: 5, budgetRatio: 0.001, budgetFloor: 4}}"
      try await BuiltGateway.with(Self.http(again, [server.port]), eventLoops: 2) {
        (gateway: BuiltGateway) async throws in
        let began = NIODeadline.now()
        for _ in 0..<20 { #expect(try Peer.ask(gateway.port).status == 502) }
        let seconds = Double((NIODeadline.now() - began).nanoseconds) / 1e9
        let most = 4 + Int(seconds * 4 + 1)
        #expect(asked.value > 20 && asked.value <= 20 + most, "\(asked.value) in \(seconds) s")
        let refused = try #require(gateway.policy("rejected", "retry", middleware: "again"))
        // Who was not refused had four more tries, and of those there are at most so many.
        #expect(refused >= Double(20 - most / 4))
      }
    }

    @Test("shadow mode tries nothing and counts")
    func shadow() async throws {
      let asked = Counter()
      let server = try Self.dying(.afterRequest, asked)
      try await BuiltGateway.with(
        Self.http("again: {retry: {attempts: 5, shadow: true, budgetFloor: 2}}", [server.port]), eventLoops: 1
      ) { (gateway: BuiltGateway) async throws in
        for _ in 0..<4 { #expect(try Peer.ask(gateway.port).status == 502) }
        #expect(asked.value == 4)
        #expect(gateway.policy("considered", "retry", middleware: "again") == 4)
        #expect((gateway.policy("would_reject", "retry", middleware: "again") ?? 0) >= 1)
      }
    }

    @Test("no try begins past the deadline, and nobody waits for it in vain")
    func deadline() async throws {
      let asked = Counter()
      let server = try Self.dying(.afterRequest, asked)
      // Either wait is longer than the client's patience.
      let links = "again: {retry: {attempts: 5, initialInterval: 1000s}}\n    whole: {timeout: {duration: 60s}}"
      try await BuiltGateway.with(Self.http(links, [server.port], chain: "whole, again"), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).status == 502)
        #expect(asked.value == 1)
      }
    }

    @Test("a client that leaves between two tries leaves nothing behind, and there is no second try")
    func clientGone() async throws {
      let asked = Counter()
      let server = try Self.dying(.afterRequest, asked)
      try await BuiltGateway.with(
        Self.http("again: {retry: {attempts: 5, initialInterval: 100s}}", [server.port]), eventLoops: 1
      ) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        try await gateway.until { gateway in
          gateway.ledger.snapshot().contains { $0.kind == .exchange && $0.waiting == .nextTry }
        }
        client.close()
        #expect(try await gateway.settledExchanges() == 0)
        #expect(asked.value == 1)
      }
    }

    @Test("pauses are made, and the try comes after them")
    func pauses() async throws {
      let asked = Counter()
      let server = try Self.saying([503, 503, 200], asked)
      let again = "again: {retry: {attempts: 4, initialInterval: 100ms, status: ['503'], budgetFloor: 100}}"
      try await BuiltGateway.with(Self.http(again, [server.port]), eventLoops: 1) { gateway in
        let seen = try Peer.ask(gateway.port)
        #expect(seen.text == "200")
        #expect(asked.value == 3)
      }
    }
  }
}

extension SeenResponse {
  /// The length that a request's head announces.
  static func length(_ head: String) -> Int? {
    SeenResponse(head: head).field("Content-Length").flatMap { Int($0) }
  }
}
