import GatewayModel
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Observability
import ResiliencePolicies
import Synchronization
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// Single probes against servers that do one thing each.
  @Suite struct ProbeTests {
    private struct Case: Sendable, CustomTestStringConvertible {
      var name: String
      var wanted: String
      var change: @Sendable (inout HealthCheck) -> Void = { _ in }
      var script: ScriptedServer.Script
      var testDescription: String { name }
    }

    private static func says(_ text: String) -> ScriptedServer.Script {
      { peer, _ in
        _ = try peer.readHead()
        try peer.send(text)
        _ = try? peer.readToEnd()
      }
    }

    private static let cases: [Case] = [
      Case(name: "200", wanted: "ok", script: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
      Case(name: "204 without a body", wanted: "ok", script: says("HTTP/1.1 204 No Content\r\n\r\n")),
      Case(
        name: "chunks", wanted: "ok",
        script: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
      Case(name: "a body until the end", wanted: "ok") { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.0 200 OK\r\n\r\nok")
      },
      Case(
        name: "102 first", wanted: "ok",
        script: says("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
      Case(name: "399", wanted: "ok", script: says("HTTP/1.1 399 X\r\nContent-Length: 0\r\n\r\n")),
      Case(name: "400", wanted: "status", script: says("HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n")),
      Case(
        name: "the status that is wanted", wanted: "ok", change: { $0.status = 503 },
        script: says("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")),
      Case(
        name: "not the status that is wanted", wanted: "status", change: { $0.status = 204 },
        script: says("HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n")),
      Case(
        name: "nothing at all", wanted: "first-byte-timeout", change: { $0.timeouts.firstByte = .milliseconds(80) },
        script: { peer, _ in
          peer.patience = 30_000
          _ = try? peer.readToEnd()
        }),
      Case(
        name: "half a body", wanted: "body-timeout", change: { $0.timeouts.body = .milliseconds(80) },
        script: says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")),
      Case(
        name: "half a head", wanted: "timeout", change: { $0.timeout = .milliseconds(120) },
        script: says("HTTP/1.1 200 OK\r\n")),
      Case(name: "an end instead of an answer", wanted: "closed-early") { peer, _ in _ = try peer.readHead() },
      Case(name: "a reset", wanted: "closed-early") { peer, _ in
        _ = try peer.readHead()
        peer.reset()
      },
      Case(name: "what is not HTTP", wanted: "response-refused", script: says("SSH-2.0-x\r\n\r\n")),
      Case(
        name: "two lengths", wanted: "response-refused",
        script: says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")),
      Case(
        name: "a redirection elsewhere on the host", wanted: "status",
        script: { peer, number in
          let head = try peer.readHead()
          let isFirst = head.hasPrefix("GET / ")
          try peer.send(
            isFirst
              ? "HTTP/1.1 302 F\r\nLocation: /well?x=1\r\nContent-Length: 0\r\n\r\n"
              : head.hasPrefix("GET /well?x=1 ")
                ? "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
          _ = try? peer.readToEnd()
        }),
      Case(
        name: "a redirection that is not to be followed", wanted: "ok", change: { $0.followRedirects = false },
        script: says("HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")),
      Case(
        name: "a redirection to another host is not followed", wanted: "ok",
        script: says("HTTP/1.1 302 F\r\nLocation: http://10.1.2.3/\r\nContent-Length: 0\r\n\r\n")),
      Case(
        name: "a circle of redirections ends", wanted: "ok",
        script: says("HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")),
    ]

    /// Runs one probe and says what it came to; and that it left nothing.
    private static func probe(
      _ port: UInt16, scheme: String = "http", tls: ServerTLS? = nil, wire: ServerWire = .http1,
      cancelAfter: Int64? = nil,
      _ change: (inout HealthCheck) -> Void = { _ in }
    ) async throws -> String {
      var check = HealthCheck()
      check.timeout = .seconds(5)
      change(&check)
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let loop = group.next()
      let ledger = Ledger()
      let plan = ProbePlan(
        key: "k", url: "\(scheme)://127.0.0.1:\(port)",
        endpoint: .init(
          host: "127.0.0.1", port: port, tls: tls, wire: wire, authority: Array("127.0.0.1:\(port)".utf8)),
        check: check, ledgerOwner: ledger.owner("server x"), watchers: [])
      let promise = loop.makePromise(of: String.self)
      try await loop.submit {
        let probe = Probe(plan, loop: loop, ledger: ledger.makeShard(), generation: 1) { result, _ in
          promise.succeed(result.label)
        }
        probe.start()
        if let cancelAfter {
          let bound = NIOLoopBound(probe, eventLoop: loop)
          loop.scheduleTask(in: .milliseconds(cancelAfter)) { bound.value.cancel() }
        }
      }.get()
      #expect(cancelAfter != nil || ledger.snapshot().map(\.kind) == [.probe] || ledger.snapshot().isEmpty)
      let label = try await promise.futureResult.get()
      #expect(ledger.snapshot().isEmpty)
      try await group.shutdownGracefully()
      return label
    }

    @Test("what a server does decides what a probe comes to", arguments: cases.indices)
    func results(number: Int) async throws {
      let example = Self.cases[number]
      let server = try ScriptedServer(example.script)
      defer { server.stop() }
      let seen = try await Self.probe(server.port, example.change)
      #expect(seen == example.wanted, "\(example.name)")
    }

    @Test("nobody listens; TLS that is not; a probe that is cancelled; each leaves nothing")
    func connections() async throws {
      #expect(try await Self.probe(ScriptedServer.nobody) == "connect")
      let context = try NIOSSLContext(configuration: .makeClientConfiguration())
      let tls = ServerTLS(.certificates(.init(http1: context, negotiating: context)), name: nil)
      let silent = try ScriptedServer { peer, _ in
        peer.patience = 30_000
        _ = try? peer.readToEnd()
      }
      let timed = try await Self.probe(silent.port, tls: tls) { $0.timeouts.tls = .milliseconds(100) }
      #expect(timed == "tls-timeout")
      #expect(try await Self.probe(silent.port, cancelAfter: 50) == "cancelled")
      silent.stop()
      let plain = try ScriptedServer { peer, _ in try peer.send("HTTP/1.1 400 no\r\n\r\n") }
      #expect(try await Self.probe(plain.port, tls: tls) == "tls")
      plain.stop()
    }

    @Test("a server that speaks HTTP/2 only is asked by HTTP/2, as any other")
    func overHTTP2() async throws {
      let server = try await HTTP2Server.start { number, headers in
        switch headers.first(name: ":path") {
        case "/well": .respond([":status": "204"])
        case "/text": .respond([":status": "200"], body: "well")
        case "/ill": .respond([":status": "503"])
        case "/moved": .respond([":status": "302", "location": "/well"])
        case "/odd": .respond([":status": "fine"])
        case "/reset": .reset(.refusedStream)
        case "/close": .close
        case "/half": .begin([":status": "200"], "half")
        default: .nothing
        }
      }
      for (path, wanted) in [
        ("/well", "ok"), ("/text", "ok"), ("/ill", "status"), ("/moved", "ok"), ("/odd", "response-refused"),
        ("/reset", "closed-early"), ("/close", "closed-early"), ("/half", "body-timeout"),
        ("/silent", "first-byte-timeout"),
      ] {
        let seen = try await Self.probe(server.port, scheme: "h2c", wire: .http2) {
          $0.path = path
          $0.headers["X-Probe"] = "yes"
          if path == "/half" { $0.timeouts.body = .milliseconds(80) }
          if path == "/silent" { $0.timeouts.firstByte = .milliseconds(80) }
        }
        #expect(seen == wanted, "\(path)")
      }
      let head = try #require(server.heads.first)
      #expect(head.first(name: "x-probe") == "yes" && head.first(name: "user-agent") == "sluice-health-check")
      #expect(!head.contains(name: "connection") && head.first(name: ":authority") == "127.0.0.1:\(server.port)")
      await server.stop()
    }

    @Test("a probe sends what is configured")
    func request() async throws {
      let seen = Mutex("")
      let server = try ScriptedServer { peer, _ in
        let head = try peer.readHead()
        seen.withLock { $0 = head }
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      }
      let result = try await Self.probe(server.port) {
        $0.path = "/h?a=1"
        $0.method = "HEAD"
        $0.headers["X-Probe"] = "yes"
      }
      server.stop()
      #expect(result == "ok")
      #expect(
        seen.withLock { $0 }
          == "HEAD /h?a=1 HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nX-Probe: yes\r\n"
          + "User-Agent: sluice-health-check\r\nConnection: close\r\n\r\n")
    }
  }
}

@Suite struct GRPCHealthTests {
  @Test("only a whole message with a status is an answer", arguments: [
    ([0, 0, 0, 0, 2, 8, 1], 1), ([0, 0, 0, 0, 2, 8, 2], 2), ([0, 0, 0, 0, 0], 0), ([0, 0, 0, 0, 2, 8], nil),
    ([1, 0, 0, 0, 2, 8, 1], nil), ([0, 0, 0, 0, 3, 8, 1], nil), ([0, 0, 0], nil), ([], nil),
    // Unknown fields of every wire type before the status.
    ([0, 0, 0, 0, 6, 0x10, 0x96, 0x01, 0x08, 0x01, 0x08], nil), ([0, 0, 0, 0, 5, 0x10, 0x96, 0x01, 0x08, 0x01], 1),
    ([0, 0, 0, 0, 6, 0x1A, 2, 7, 7, 8, 1], 1), ([0, 0, 0, 0, 7, 0x25, 1, 2, 3, 4, 8, 1], 1),
    ([0, 0, 0, 0, 4, 0x1A, 200, 1, 7], nil), ([0, 0, 0, 0, 2, 0x0B, 1], nil),
  ] as [([UInt8], UInt64?)])
  func answers(bytes: [UInt8], wanted: UInt64?) { #expect(GRPCHealth.status(in: bytes) == wanted) }

  @Test("ten thousand random answers crash nothing")
  func random() {
    var random = RandomStream(seed: 0x5EED)
    for _ in 0..<10_000 {
      let body = (0..<random.below(12)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      _ = GRPCHealth.status(in: [0, 0, 0, 0, UInt8(body.count)] + body)
    }
  }

  @Test("a redirection is followed on the same host only", arguments: [
    ("/x", "10.0.0.1:80/x"), ("y?z", "10.0.0.1:80/a/y?z"), ("?q", "10.0.0.1:80/a/b?q"),
    ("http://10.0.0.1:81/x#f", "10.0.0.1:81/x"), ("http://10.0.0.1", "10.0.0.1:80/"), ("http://10.0.0.2/", nil),
    ("https://10.0.0.1/", nil), ("//10.0.0.2/x", nil), ("ftp://10.0.0.1/", nil), ("", nil), ("/a\r\nX: y", nil),
  ] as [(String, String?)])
  func locations(text: String, wanted: String?) {
    let here = ProbePlan.Endpoint(host: "10.0.0.1", port: 80, tls: nil, authority: [])
    let location = ProbeLocation(text, from: Array("/a/b".utf8))
    let seen = location.flatMap { location in
      location.endpoint(from: here).map { "\($0.host):\($0.port)" + String(decoding: location.path, as: UTF8.self) }
    }
    #expect(seen == wanted)
  }
}
