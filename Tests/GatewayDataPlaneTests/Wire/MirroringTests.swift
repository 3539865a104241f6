import GatewayModel
import NIOCore
import NIOHPACK
import Observability
import Synchronization
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `mirroring`: copies that the original does not feel, whatever becomes of them.
  @Suite(.timeLimit(.minutes(2))) struct MirroringTests {
    /// Answers every request and remembers it.
    final class Recorder: Sendable {
      struct Seen: Sendable {
        var head = ""
        var body = ""
      }

      private let all: RecordedRequests
      let server: ScriptedServer

      init(_ answer: String = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") throws {
        let all = RecordedRequests()
        self.all = all
        server = try ScriptedServer { peer, _ in
          peer.patience = 30_000
          while let head = try? peer.readHead() {
            var seen = Seen(head: head)
            if let length = SeenResponse.length(head) {
              seen.body = String(decoding: try peer.read(count: length), as: UTF8.self)
            } else if head.contains("chunked") {
              seen.body = try peer.read(until: "0\r\n\r\n")
            }
            all.add(seen)
            try peer.send(answer)
          }
        }
      }

      var port: UInt16 { server.port }
      var seen: [Seen] { all.values }
    }

    final class RecordedRequests: Sendable {
      private let all = Mutex<[Recorder.Seen]>([])
      func add(_ seen: Recorder.Seen) { all.withLock { $0.append(seen) } }
      var values: [Recorder.Seen] { all.withLock { $0 } }
    }

    /// The service `app` mirrors `main` to `copy`, each with one server.
    private static func http(
      _ settings: String = "", main: UInt16, copy: UInt16, percent: Int = 100, chain: String = "", extra: String = ""
    ) -> String {
      """
        routers:
          all: {rule: 'PathPrefix(`/`)', service: app\(chain.isEmpty ? "" : ", middlewares: [\(chain)]")}
        services:
          app: {mirroring: {service: main, mirrors: [{name: copy, percent: \(percent)}]\(settings)}}
          main: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(main)'}]}}
          copy: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(copy)'}]}}
      \(extra)
      """
    }

    @Test("a copy has the request's line, fields and body; the client sees the service's answer only")
    func same() async throws {
      let (main, copy) = (try Recorder(), try Recorder("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad"))
      try await BuiltGateway.with(Self.http(main: main.port, copy: copy.port), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port, "/a?b=c", fields: "X-Mine: 1\r\n").text == "ok")
        #expect(try Peer.ask(gateway.port, "/p", method: "POST", body: "hello").text == "ok")
        let client = try Peer.connect(to: gateway.port)
        try client.send("PUT /q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        #expect(try client.readResponse().text == "ok")
        try await gateway.until { _ in copy.seen.count == 3 }
        for (seen, sent) in zip(copy.seen.sorted { $0.head < $1.head }, main.seen.sorted { $0.head < $1.head }) {
          if sent.head.hasPrefix("PUT") { continue }
          #expect(seen.head == sent.head)
          #expect(seen.body == sent.body)
        }
        let first = try #require(copy.seen.first { $0.head.hasPrefix("GET") })
        #expect(first.head.hasPrefix("GET /a?b=c HTTP/1.1\r\n"))
        #expect(first.head.contains("X-Mine: 1\r\n") && first.head.contains("X-Forwarded-For: 127.0.0.1\r\n"))
        #expect(first.head.contains("Host: a\r\n"))
        // What came in chunks is whole, so its length is known.
        let chunked = try #require(copy.seen.first { $0.head.hasPrefix("PUT") })
        #expect(chunked.body == "abcde" && chunked.head.contains("Content-Length: 5\r\n"))
        try await gateway.until { $0.mirrored("answered") == 3 }
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("10 percent of 1,000 requests over two loops are 100")
    func percent() async throws {
      let (main, copy) = (try Recorder(), try Recorder())
      try await BuiltGateway.with(Self.http(main: main.port, copy: copy.port, percent: 10)) { gateway in
        let clients = try (0..<10).map { _ in try Peer.connect(to: gateway.port) }
        for _ in 0..<100 {
          for client in clients { try client.send(ForwardingTests.get) }
          for client in clients { #expect(try client.readResponse().status == 200) }
        }
        try await gateway.until { $0.mirrored("answered") == 100 }
        #expect(try await gateway.settledExchanges() == 0)
        #expect(copy.seen.count == 100)
      }
    }

    @Test("a mirror that never answers: as many copies as maxInFlight wait for their timeout, the client for nothing")
    func slow() async throws {
      let main = try Recorder()
      let (asked, ended) = (Counter(), Counter())
      let copy = try ScriptedServer { peer, _ in
        peer.patience = 30_000
        _ = try peer.readHead()
        asked.add()
        try peer.waitForEnd()
        ended.add()
      }
      let http = Self.http(", maxInFlight: 5, timeout: 5s", main: main.port, copy: copy.port)
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        for _ in 0..<20 {
          try client.send(ForwardingTests.get)
          #expect(try client.readResponse().text == "ok")
        }
        try await gateway.until { _ in asked.value == 5 }
        let copies = gateway.ledger.snapshot().filter { $0.kind == .exchange }
        #expect(copies.count == 5)
        #expect(copies.allSatisfy { $0.owner == "mirror copy@file" && $0.waiting == .upstreamHead })
        #expect(gateway.mirrored("saturated") == 15)
        try await gateway.until { $0.mirrored("timed-out") == 5 }
        try await gateway.until { _ in ended.value == 5 }
        #expect(try await gateway.settledExchanges() == 0)
        // The places are free again.
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "ok")
        try await gateway.until { _ in asked.value == 6 }
      }
    }

    @Test("a mirror that is down, or dies in its answer: counted, and nobody else notices")
    func dead() async throws {
      let main = try Recorder()
      let dying = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
      }
      for port in [ScriptedServer.nobody, dying.port] {
        try await BuiltGateway.with(Self.http(main: main.port, copy: port), eventLoops: 1) { gateway in
          for _ in 0..<3 { #expect(try Peer.ask(gateway.port).text == "ok") }
          try await gateway.until { $0.mirrored("failed") == 3 }
          #expect(try await gateway.settledExchanges() == 0)
        }
      }
    }

    @Test("a body over maxBodySize reaches the service and is not copied; with mirrorBody false the copy has none")
    func bodies() async throws {
      let (main, copy) = (try Recorder(), try Recorder())
      let big = String(repeating: "x", count: 101)
      try await BuiltGateway.with(Self.http(", maxBodySize: 100", main: main.port, copy: copy.port), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port, method: "POST", body: big).text == "ok")
        let client = try Peer.connect(to: gateway.port)
        try client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n\(big)\r\n0\r\n\r\n")
        #expect(try client.readResponse().text == "ok")
        try await gateway.until { $0.mirrored("body-too-large") == 2 }
        #expect(try Peer.ask(gateway.port, method: "POST", body: String(big.dropLast())).text == "ok")
        try await gateway.until { _ in copy.seen.count == 1 }
        #expect(copy.seen[0].body.utf8.count == 100 && main.seen.count == 3)
      }
      try await BuiltGateway.with(Self.http(", mirrorBody: false", main: main.port, copy: copy.port), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port, method: "POST", body: big).text == "ok")
        try await gateway.until { _ in copy.seen.count == 2 }
        #expect(copy.seen[1].head.contains("Content-Length: 0\r\n"))
      }
    }

    @Test("a client that leaves before its answer is not copied")
    func clientGone() async throws {
      let asked = Signal()
      let main = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        asked.announce()
        try peer.waitForEnd()
      }
      let copy = try Recorder()
      try await BuiltGateway.with(Self.http(main: main.port, copy: copy.port), eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(asked.wait())
        client.close()
        try await gateway.until { $0.mirrored("client-gone") == 1 }
        #expect(try await gateway.settledExchanges() == 0)
        #expect(copy.seen.isEmpty)
      }
    }

    @Test("an answer before the request's end: there is no whole request to copy")
    func early() async throws {
      let main = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
        try peer.waitForEnd()
      }
      let copy = try Recorder()
      try await BuiltGateway.with(Self.http(main: main.port, copy: copy.port), eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        #expect(try client.readResponse().status == 413)
        try await gateway.until { $0.mirrored("body-incomplete") == 1 }
        #expect(copy.seen.isEmpty)
      }
    }

    @Test("a service that is down is copied all the same, and its client gets 502")
    func serviceDown() async throws {
      let copy = try Recorder()
      try await BuiltGateway.with(Self.http(main: ScriptedServer.nobody, copy: copy.port), eventLoops: 1) { gateway in
        #expect(try Peer.ask(gateway.port).status == 502)
        try await gateway.until { $0.mirrored("answered") == 1 }
      }
    }

    @Test("a reload while a copy runs: it goes on with what it began with; the end of the gateway gives it up")
    func reload() async throws {
      let main = try Recorder()
      let (asked, goOn, ended) = (Counter(), Signal(), Signal())
      let copy = try ScriptedServer { peer, number in
        peer.patience = 30_000
        _ = try peer.readHead()
        asked.add()
        if number == 0 {
          _ = goOn.wait()
          return try peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        }
        try peer.waitForEnd()
        ended.announce()
      }
      let http = Self.http(main: main.port, copy: copy.port)
      var ledger: Ledger?
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        ledger = gateway.ledger
        #expect(try Peer.ask(gateway.port).text == "ok")
        try await gateway.until { _ in asked.value == 1 }
        try await gateway.reload(http.replacing("percent: 100", with: "percent: 0"))
        #expect(try Peer.ask(gateway.port).text == "ok")
        #expect(gateway.ledger.snapshot().count { $0.kind == .exchange } == 1)
        goOn.announce()
        #expect(try await gateway.settledExchanges() == 0)
        try await gateway.reload(http)
        #expect(try Peer.ask(gateway.port).text == "ok")
        try await gateway.until { _ in asked.value == 2 }
      }
      #expect(ended.wait())
      #expect(ledger?.snapshot().isEmpty == true)
    }

    @Test("a body that buffering collected is copied; a tunnel is not")
    func bufferedAndUpgraded() async throws {
      let copy = try Recorder()
      let main = try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          if head.contains("Upgrade: websocket") {
            try peer.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw")
            return try peer.waitForEnd()
          }
          if let length = SeenResponse.length(head) { _ = try peer.read(count: length) }
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      let big = String(repeating: "0123456789", count: 20_000)
      let http = Self.http(
        main: main.port, copy: copy.port, chain: "whole",
        extra: "  middlewares:\n    whole: {buffering: {memRequestBodyBytes: 1000}}")
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        #expect(try Peer.ask(gateway.port, method: "POST", body: big).text == "ok")
        try await gateway.until { _ in copy.seen.count == 1 }
        #expect(copy.seen[0].body == big)
        let client = try Peer.connect(to: gateway.port)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(try client.read(until: "raw").contains("101"))
        client.close()
        try await gateway.until { $0.mirrored("answered") == 1 }
        #expect(try await gateway.settledExchanges() == 0)
        #expect(copy.seen.count == 1)
      }
    }

    @Test("services of services: a fallback that mirrors, mirrors that are weighted, mirror or have outliers")
    func nested() async throws {
      let (main, first, second) = (try Recorder(), try Recorder(), try Recorder())
      let failing = try Recorder("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
      func balancer(_ ports: UInt16..., extra: String = "") -> String {
        let servers = ports.map { "{url: 'http://127.0.0.1:\($0)'}" }.joined(separator: ", ")
        return "{loadBalancer: {servers: [\(servers)]\(extra)}}"
      }
      let outliers = ", outlierDetection: {consecutiveErrors: 1, maxEjectedPercent: 100}"
      let http = """
          routers: {all: {rule: 'PathPrefix(`/`)', service: app}}
          services:
            app: {failover: {service: gone, fallback: mirrored}}
            gone: \(balancer(ScriptedServer.nobody, extra: ", passiveHealthCheck: {failureWindow: 60s}"))
            mirrored: {mirroring: {service: main, mirrors: [{name: both, percent: 100}]}}
            main: \(balancer(main.port))
            both: {weighted: {services: [{name: again}, {name: shaky}]}}
            again: {mirroring: {service: first, mirrors: [{name: second, percent: 100}]}}
            first: \(balancer(first.port))
            second: \(balancer(second.port))
            shaky: \(balancer(failing.port, extra: outliers))
        """
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        #expect(try Peer.ask(gateway.port).status == 502)
        func mirrored(_ service: String, _ mirror: String) -> Double? {
          gateway.metric(
            "sluice_mirror_requests_total{service=\"\(service)@file\",mirror=\"\(mirror)@file\",outcome=\"answered\"}")
        }
        // One after the other, copies as well: one that set out before the failure of another was known would go to
        // the failing server too.
        for number in 1...4 {
          #expect(try Peer.ask(gateway.port, method: "POST", body: "hello").text == "ok")
          try await gateway.until { _ in mirrored("mirrored", "both") == Double(number) }
          #expect(try await gateway.settledExchanges() == 0)
        }
        try await gateway.until { _ in mirrored("again", "second") == 3 }
        // After its first failure the weighted mirror leaves the failing one out.
        #expect(failing.seen.count == 1 && first.seen.count == 3)
        #expect(second.seen.map(\.body) == ["hello", "hello", "hello"])
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("a mirror over HTTP/2 gets fields and body as a stream")
    func overHTTP2() async throws {
      let main = try Recorder()
      let server = try await HTTP2Server.start { _, headers in
        #expect(headers.first(name: ":path") == "/p")
        #expect(headers.first(name: "x-forwarded-for") == "127.0.0.1")
        #expect(headers.first(name: "content-length") == "5")
        return .ok()
      }
      let http = Self.http(main: main.port, copy: server.port)
        .replacing("http://127.0.0.1:\(server.port)", with: "h2c://127.0.0.1:\(server.port)")
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        for _ in 0..<3 { #expect(try Peer.ask(gateway.port, "/p", method: "POST", body: "hello").text == "ok") }
        try await gateway.until { $0.mirrored("answered") == 3 }
        #expect(server.bodies == ["hello", "hello", "hello"])
        #expect(try await gateway.settledExchanges() == 0)
      }
      await server.stop()
    }
  }
}

extension BuiltGateway {
  /// Copies of requests of `app` for `copy` that came to this.
  fileprivate func mirrored(_ outcome: String) -> Double? {
    metric("sluice_mirror_requests_total{service=\"app@file\",mirror=\"copy@file\",outcome=\"\(outcome)\"}")
  }
}
