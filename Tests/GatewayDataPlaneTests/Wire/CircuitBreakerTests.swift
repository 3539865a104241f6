import GatewayModel
import NIOCore
import NIOPosix
import Observability
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// The circuit breaker as a client, an operator and a server see it.
  @Suite(.timeLimit(.minutes(2))) struct CircuitBreakerTests {
    /// A server that answers `/200` with 200, and so on; `/die` by closing.
    static func server(_ asked: Counter = Counter()) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        peer.patience = 60_000
        while let head = try? peer.readHead() {
          asked.add()
          let path = head.split(separator: " ").dropFirst().first.map { String($0.dropFirst()) } ?? ""
          guard path != "die" else { return }
          try peer.send("HTTP/1.1 \(Int(path) ?? 200) Said\r\nContent-Length: 2\r\n\r\nok")
        }
      }
    }

    static func http(_ breaker: String, _ port: UInt16, extra: String = "", other: UInt16 = 1) -> String {
      """
        routers:
          first: {rule: PathPrefix(`/`), priority: 1, middlewares: [guard], service: app}
          second: {rule: Host(`second`), middlewares: [guard], service: app}
          third: {rule: Host(`third`), middlewares: [guard], service: other}
        middlewares:
          guard: {circuitBreaker: {\(breaker)}}
      \(extra)
        services:
          app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(port)'}]}}
          other: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(other)'}]}}
      """
    }

    @Test("it opens, says so, and is shared by the routers of one service, on all event loops")
    func opens() async throws {
      let asked = Counter()
      let server = try Self.server(asked)
      let other = try ScriptedServer.answering("other")
      try await BuiltGateway.with(
        Self.http("consecutiveFailures: 3, timeout: 60s", server.port, other: other.port), eventLoops: 3
      ) { gateway in
        for _ in 0..<3 { #expect(try Peer.ask(gateway.port, "/500").status == 500) }
        for host in ["a", "second"] {
          for _ in 0..<10 {
            let refused = try Peer.ask(gateway.port, host: host)
            #expect(refused.status == 503)
            #expect(refused.field("X-Circuit-Breaker-State") == "open")
            #expect(refused.field("Content-Type") == "application/problem+json")
            #expect(refused.text.contains("circuit-open"))
            let seconds = try #require(refused.field("Retry-After").flatMap { Int($0) })
            #expect(seconds > 50 && seconds <= 60)
          }
        }
        #expect(asked.value == 3)
        let peer = try Peer.connect(to: gateway.port)
        try peer.send("GET / HTTP/1.1\r\nHost: third\r\n\r\n")
        #expect(try peer.readResponse().text == "other")
        try peer.send("GET / HTTP/1.1\r\nHost: second\r\n\r\n")
        #expect(try peer.readResponse().status == 503)
        let labels = #"{middleware="guard",service="app@file"}"#
        #expect(gateway.breaker(service: "app@file")?.state == "open")
        #expect(gateway.breaker(service: "other@file")?.state == "closed")
        gateway.metrics.collectBreakers { [protections = gateway.protections] in protections.breakers(now: 0) }
        #expect(gateway.metric("sluice_circuit_breaker_state\(labels)") == 1)
        #expect(gateway.metric(
          #"sluice_circuit_breaker_transitions_total{middleware="guard",service="app@file",state="open"}"#) == 1)
        // One more of the third router, which passed.
        #expect(gateway.policy("considered") == 25)
        #expect(gateway.policy("rejected") == 21)
        #expect(gateway.policy("would_reject") == 0)
      }
    }

    @Test(
      "what counts: the server's failures, and nothing of the client's or the gateway's",
      arguments: [("/500", true), ("/503", true), ("/die", true), ("/404", false), ("/429", false), ("/301", false)])
    func counts(_ path: String, _ isFailure: Bool) async throws {
      let server = try Self.server()
      try await BuiltGateway.with(Self.http("consecutiveFailures: 2", server.port)) { gateway in
        for _ in 0..<4 { _ = try Peer.ask(gateway.port, path) }
        #expect(gateway.breaker(service: "app@file")?.state == (isFailure ? "open" : "closed"))
      }
    }

    @Test("a body that does not come in time, and a service for logins that hangs, are nothing of the service's")
    func notTheServices() async throws {
      let server = try RetryTests.echo()
      let hanging = try ScriptedServer { peer, _ in try peer.waitForEnd() }
      let limits = """
            whole: {timeout: {duration: 300ms}}
            who: {forwardAuth: {address: 'http://127.0.0.1:\(hanging.port)'}}
            slow: {chain: {middlewares: [guard, whole]}}
            auth: {chain: {middlewares: [guard, whole, who]}}
        """
      let routers = Self.http("consecutiveFailures: 2", server.port, extra: limits)
        .replacing("    second:", with: "    up: {rule: Path(`/up`), middlewares: [slow], service: app}\n"
          + "    in: {rule: Path(`/in`), middlewares: [auth], service: app}\n    second:")
      try await BuiltGateway.with(routers) { gateway in
        for _ in 0..<3 {
          let peer = try Peer.connect(to: gateway.port)
          try peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
          #expect(try peer.readResponse().status == 408)
          peer.close()
          #expect(try Peer.ask(gateway.port, "/in").status == 504)
          // Its body would be taken if the service for logins let it: the client is not slow.
          #expect(try Peer.ask(gateway.port, "/in", method: "POST", body: "abc").status == 504)
        }
        #expect(gateway.breaker(service: "app@file")?.state == "closed")
        #expect(try Peer.ask(gateway.port).status == 200)
      }
    }

    @Test("nobody listens: that is a failure")
    func nobodyListens() async throws {
      try await BuiltGateway.with(Self.http("consecutiveFailures: 2", ScriptedServer.nobody)) { gateway in
        let statuses = try (0..<4).map { _ in try Peer.ask(gateway.port).status }
        #expect(statuses == [502, 502, 503, 503])
      }
    }

    @Test("a client that goes away counts as nothing, closed and half-open")
    func clientGone() async throws {
      let arrived = Signal()
      let server = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          if head.contains("/wait") {
            arrived.announce()
            return try peer.waitForEnd()
          }
          try peer.send("HTTP/1.1 \(head.contains("/500") ? 500 : 200) Said\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      try await BuiltGateway.with(Self.http("consecutiveFailures: 2, timeout: 100ms", server.port)) { gateway in
        func leave() async throws {
          let peer = try Peer.connect(to: gateway.port)
          try peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(arrived.wait())
          arrived.clear()
          peer.close()
          #expect(try await gateway.settledExchanges() == 0)
        }
        for _ in 0..<3 { try await leave() }
        #expect(gateway.breaker(service: "app@file")?.state == "closed")
        for _ in 0..<2 { _ = try Peer.ask(gateway.port, "/500") }
        // By way of open, which may be over before it is looked at. The only permit of half-open comes back each time.
        try await gateway.until { $0.breaker(service: "app@file")?.state == "half-open" }
        for _ in 0..<3 { try await leave() }
        #expect(gateway.breaker(service: "app@file")?.state == "half-open")
        #expect(try Peer.ask(gateway.port).status == 200)
        #expect(gateway.breaker(service: "app@file")?.state == "closed")
      }
    }

    @Test("half-open: of a thousand requests at once exactly maxRequests pass", arguments: [1, 5])
    func flood(_ maxRequests: Int) async throws {
      guard provideDescriptors(3_000) else { return }
      let asked = Counter()
      let release = Signal()
      let server = try ScriptedServer { peer, _ in
        peer.patience = 60_000
        while let head = try? peer.readHead() {
          if head.contains("/500") {
            try peer.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            continue
          }
          asked.add()
          _ = release.wait(milliseconds: 30_000)
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      let breaker = "consecutiveFailures: 1, timeout: 100ms, maxRequests: \(maxRequests)"
      try await BuiltGateway.with(Self.http(breaker, server.port), eventLoops: 4) { gateway in
        #expect(try Peer.ask(gateway.port, "/500").status == 500)
        try await gateway.until { $0.breaker(service: "app@file")?.state == "half-open" }
        let peers = try (0..<1000).map { _ in try Peer.connect(to: gateway.port) }
        for peer in peers { try peer.send(ForwardingTests.get) }
        // Those that are refused are answered; the others wait for the server, which waits for us.
        try await gateway.until { $0.policy("rejected") == Double(1000 - maxRequests) }
        try await gateway.until { _ in asked.value == maxRequests }
        release.announce()
        var statuses: [Int: Int] = [:]
        for peer in peers {
          peer.patience = 20_000
          let seen = try peer.readResponse()
          statuses[seen.status, default: 0] += 1
          if seen.status == 503 { #expect(seen.field("X-Circuit-Breaker-State") == "half-open") }
        }
        #expect(statuses == [200: maxRequests, 503: 1000 - maxRequests])
        #expect(asked.value == maxRequests)
        #expect(gateway.breaker(service: "app@file")?.state == "closed")
      }
    }

    @Test("exposeState tells the state on answers that pass")
    func exposesState() async throws {
      let server = try Self.server()
      func http(_ timeout: String) -> String {
        Self.http("exposeState: true, consecutiveFailures: 1, timeout: \(timeout), maxRequests: 2", server.port)
      }
      try await BuiltGateway.with(http("60s")) { gateway in
        #expect(try Peer.ask(gateway.port).field("X-Circuit-Breaker-State") == "closed")
        _ = try Peer.ask(gateway.port, "/500")
        #expect(try Peer.ask(gateway.port).field("X-Circuit-Breaker-State") == "open")
      }
      try await BuiltGateway.with(http("50ms")) { gateway in
        _ = try Peer.ask(gateway.port, "/500")
        try await gateway.until { $0.breaker(service: "app@file")?.state == "half-open" }
        let probe = try Peer.ask(gateway.port)
        #expect(probe.status == 200)
        #expect(probe.field("X-Circuit-Breaker-State") == "half-open")
        #expect(try Peer.ask(gateway.port).field("X-Circuit-Breaker-State") == "closed")
      }
    }

    @Test("fallback: a fixed answer")
    func fixedAnswer() async throws {
      let server = try Self.server()
      let fallback = "fallback: {status: 200, headers: {X-From: us}, body: 'later'}"
      try await BuiltGateway.with(Self.http("consecutiveFailures: 1, \(fallback)", server.port)) { gateway in
        _ = try Peer.ask(gateway.port, "/500")
        let seen = try Peer.ask(gateway.port)
        #expect(seen.status == 200)
        #expect(seen.text == "later")
        #expect(seen.field("X-From") == "us")
        #expect(seen.field("X-Circuit-Breaker-State") == "open")
      }
    }

    @Test("fallback: another service, with the links inside the breaker")
    func otherService() async throws {
      let server = try Self.server()
      let other = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          let path = head.split(separator: " ")[1]
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n\r\n\(path)")
        }
      }
      let http = Self.http(
        "consecutiveFailures: 1, fallback: {service: other}", server.port,
        extra: "    put: {addPrefix: {prefix: /v1}}", other: other.port
      ).replacing("middlewares: [guard], service: app", with: "middlewares: [guard, put], service: app")
      try await BuiltGateway.with(http.replacing(":\(server.port)'", with: ":\(ScriptedServer.nobody)'")) { gateway in
        #expect(try Peer.ask(gateway.port, "/x").status == 502)
        let seen = try Peer.ask(gateway.port, "/x")
        #expect(seen.text == "/v1/x")
        #expect(seen.field("X-Circuit-Breaker-State") == "open")
      }
    }

    @Test("shadow mode refuses nothing and counts what it would have refused")
    func shadow() async throws {
      let asked = Counter()
      let server = try Self.server(asked)
      try await BuiltGateway.with(Self.http("consecutiveFailures: 1, shadow: true", server.port)) { gateway in
        let statuses = try (0..<5).map { _ in try Peer.ask(gateway.port, "/500").status }
        #expect(statuses == [500, 500, 500, 500, 500])
        #expect(asked.value == 5)
        #expect(gateway.breaker(service: "app@file")?.state == "open")
        #expect(gateway.policy("would_reject") == 4)
      }
    }

    @Test("a reload keeps a breaker that did not change, and makes a changed one anew")
    func reload() async throws {
      let server = try Self.server()
      let before = Self.http("consecutiveFailures: 2, timeout: 60s", server.port)
      try await BuiltGateway.with(before) { gateway in
        for _ in 0..<2 { _ = try Peer.ask(gateway.port, "/500") }
        #expect(try Peer.ask(gateway.port).status == 503)
        try await gateway.reload(before + "\n    more: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}")
        #expect(try Peer.ask(gateway.port).status == 503)
        // A refused reload changes nothing either.
        await #expect(throws: (any Error).self) { try await gateway.reload("  routers: {r: {rule: Hots(`a`)}}") }
        try await gateway.reload(before.replacing("timeout: 60s", with: "timeout: 60s, exposeState: true"))
        #expect(try Peer.ask(gateway.port).status == 503)
        try await gateway.reload(before.replacing("Failures: 2", with: "Failures: 3"))
        #expect(try Peer.ask(gateway.port).status == 200)
        // What no router names any more goes.
        try await gateway.reload(before.replacing("middlewares: [guard], ", with: ""))
        #expect(gateway.breaker() == nil)
      }
    }

    @Test("an expression over real answers: opens, refuses with responseCode, recovers by a growing share")
    func expression() async throws {
      let server = try Self.server()
      let breaker =
        "expression: 'ResponseCodeRatio(500, 600, 0, 600) > 0.5 && RequestCount() >= 4', checkPeriod: 1ms, "
        + "fallbackDuration: 2s, recoveryDuration: 300ms, responseCode: 529"
      try await BuiltGateway.with(Self.http(breaker, server.port)) { gateway in
        for _ in 0..<8 { _ = try Peer.ask(gateway.port, "/500") }
        #expect(try Peer.ask(gateway.port).status == 529)
        try await gateway.until { $0.breaker(service: "app@file")?.state == "half-open" }
        var seen: Set<Int> = []
        try await gateway.until { gateway in
          if let status = try? Peer.ask(gateway.port).status { seen.insert(status) }
          return gateway.breaker(service: "app@file")?.state == "closed"
        }
        #expect(seen.isSubset(of: [200, 529]))
        #expect(try Peer.ask(gateway.port).status == 200)
      }
    }
  }
}

extension BuiltGateway {
  /// A count of what the protection `middleware` decided.
  func policy(_ count: String, _ policy: String = "circuitBreaker", middleware: String = "guard") -> Double? {
    metric(#"sluice_policy_\#(count)_total{policy="\#(policy)",middleware="\#(middleware)"}"#)
  }

  /// Looks until `condition` holds, at most thirty seconds.
  func until(_ condition: (BuiltGateway) -> Bool) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    for _ in 0..<3000 {
      if condition(self) { return }
      try await loop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
    }
    throw FixtureError(what: "it did not come to that in thirty seconds")
  }
}
