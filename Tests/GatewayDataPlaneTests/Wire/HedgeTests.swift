import GatewayModel
import NIOCore
import Observability
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `hedge`: the faster of two answers, and nothing left of the other.
  @Suite(.timeLimit(.minutes(2))) struct HedgeTests {
    private static func http(
      _ settings: String, _ ports: [UInt16], extra: String = "", chain: String = "twice"
    ) -> String {
      RetryTests.http("twice: {hedge: {\(settings)}}\(extra)", ports, chain: chain)
    }

    /// Two servers, of which the one that is asked first for a path does as it is told, and the other answers `fast`.
    private final class Pair: Sendable {
      let asked = Counter()
      let released = Signal()
      let first: ScriptedServer
      let second: ScriptedServer

      init(_ slow: @escaping @Sendable (Peer, _ asked: Counter) throws -> Void) throws {
        let (asked, released) = (asked, released)
        let script: ScriptedServer.Script = { peer, _ in
          peer.patience = 30_000
          while (try? peer.readHead()) != nil {
            let number = asked.next()
            if number % 2 == 0 {
              try slow(peer, asked)
              try peer.waitForEnd()
              return released.announce()
            }
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast")
          }
        }
        first = try ScriptedServer(script)
        second = try ScriptedServer(script)
      }

      var ports: [UInt16] { [first.port, second.port] }
    }

    @Test("the second server answers first: its answer, and the first is given up")
    func secondWins() async throws {
      let pair = try Pair { _, _ in }
      try await BuiltGateway.with(Self.http("delay: 50ms", pair.ports), eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        #expect(try client.readResponse().text == "fast")
        #expect(pair.released.wait())
        #expect(pair.asked.value == 2)
        #expect(try await gateway.settledExchanges() == 0)
        // The client's connection and the winner's go on.
        #expect(gateway.policy("considered", "hedge", middleware: "twice") == 1)
      }
    }

    @Test("the first server answers after all: its answer, and the second is given up")
    func firstWins() async throws {
      let hedged = Signal()
      let released = Signal()
      let asked = Counter()
      let script: ScriptedServer.Script = { peer, _ in
        peer.patience = 30_000
        _ = try peer.readHead()
        let number = asked.next()
        if number == 0 {
          _ = hedged.wait()
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
          try peer.waitForEnd()
        } else {
          hedged.announce()
          try peer.waitForEnd()
          released.announce()
        }
      }
      let servers = [try ScriptedServer(script), try ScriptedServer(script)]
      try await BuiltGateway.with(Self.http("delay: 20ms", servers.map(\.port)), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).text == "first")
        #expect(released.wait())
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("what the second server does is noted for the second: its failures put it out, the first stays in")
    func outliers() async throws {
      let asked = Counter()
      let goOn = Signal()
      let slow = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = goOn.wait()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
        try peer.waitForEnd()
      }
      let failing = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        asked.add()
      }
      let http = Self.http("delay: 20ms", [slow.port, failing.port]).replacing(
        "]}}", with: "], outlierDetection: {consecutiveErrors: 1}}}")
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        func ejected(_ port: UInt16) -> Double? {
          let labels = "service=\"app@file\",url=\"http://127.0.0.1:\(port)\",outcome=\"ejected\""
          return gateway.metric("sluice_service_server_ejections_total{\(labels)}")
        }
        // The loop's first choice is the slow one; the second try meets the one that closes. The first answers when
        // that has been seen: an answer that comes before it gives the second up, and nothing is noted.
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        try await gateway.until { _ in asked.value == 1 && ejected(failing.port) == 1 }
        goOn.announce()
        #expect(try client.readResponse().text == "slow")
        #expect(ejected(slow.port) ?? 0 == 0)
        client.close()
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("an answer in time is not hedged; neither is a POST, nor a request with a body")
    func notHedged() async throws {
      let asked = Counter()
      let script: ScriptedServer.Script = { peer, _ in
        while let head = try? peer.readHead() {
          asked.add()
          if let length = SeenResponse.length(head) { _ = try peer.read(count: length) }
          if !head.hasPrefix("GET") { _ = peer.isQuiet(for: 150) }
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      let servers = [try ScriptedServer(script), try ScriptedServer(script)]
      // In time: of a delay that no machine takes for an answer.
      try await BuiltGateway.with(Self.http("delay: 60s", servers.map(\.port)), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).text == "ok")
        #expect(asked.value == 1)
      }
      try await BuiltGateway.with(Self.http("delay: 50ms", servers.map(\.port)), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port, method: "POST", body: "x").text == "ok")
        #expect(try Peer.ask(gateway.port, method: "POST").text == "ok")
        #expect(try Peer.ask(gateway.port, method: "PUT", body: "x").text == "ok")
        #expect(asked.value == 4)
      }
    }

    @Test("the first fails while the second is asked: the second's answer")
    func firstFails() async throws {
      let asked = Counter()
      let script: ScriptedServer.Script = { peer, _ in
        _ = try peer.readHead()
        let number = asked.next()
        if number == 0 {
          // Fails when the second has been asked.
          for _ in 0..<500 where asked.value < 2 { _ = peer.isQuiet(for: 10) }
          return
        }
        _ = peer.isQuiet(for: 100)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
      }
      let servers = [try ScriptedServer(script), try ScriptedServer(script)]
      try await BuiltGateway.with(Self.http("delay: 20ms", servers.map(\.port)), eventLoops: 1) {
        (gateway: BuiltGateway) async throws in
        #expect(try Peer.ask(gateway.port).text == "second")
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("the second fails: the first's answer; both fail: one 502")
    func secondFails() async throws {
      for bothFail in [false, true] {
        let asked = Counter()
        let failed = Signal()
        let script: ScriptedServer.Script = { peer, _ in
          _ = try peer.readHead()
          let number = asked.next()
          if number == 1 { return failed.announce() }
          _ = failed.wait()
          _ = peer.isQuiet(for: 50)
          if !bothFail { try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst") }
        }
        let servers = [try ScriptedServer(script), try ScriptedServer(script)]
        try await BuiltGateway.with(Self.http("delay: 20ms", servers.map(\.port)), eventLoops: 1) { gateway in
          let seen = try Peer.ask(gateway.port)
          #expect(seen.status == (bothFail ? 502 : 200))
          #expect(asked.value == 2)
          #expect(try await gateway.settledExchanges() == 0)
        }
      }
    }

    @Test("the client leaves or the deadline passes while both are asked: both are given up", arguments: [false, true])
    func givenUp(_ byDeadline: Bool) async throws {
      let (asked, ended) = (Counter(), Counter())
      let script: ScriptedServer.Script = { peer, _ in
        peer.patience = 30_000
        _ = try peer.readHead()
        asked.add()
        try peer.waitForEnd()
        ended.add()
      }
      let servers = [try ScriptedServer(script), try ScriptedServer(script)]
      let http = Self.http(
        "delay: 20ms", servers.map(\.port),
        extra: "\n    whole: {timeout: {duration: \(byDeadline ? "200ms" : "100s")}}",
        chain: "whole, twice")
      try await BuiltGateway.with(http, eventLoops: 1) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ForwardingTests.get)
        if byDeadline {
          #expect(try client.readResponse().status == 504)
        } else {
          try await gateway.until { _ in asked.value == 2 }
          client.close()
        }
        try await gateway.until { _ in ended.value == asked.value }
        #expect(try await gateway.settledExchanges() == 0)
      }
    }

    @Test("the percentile is learned, and the budget holds")
    func percentile() async throws {
      let (asked, slow) = (Counter(), Counter())
      let script: ScriptedServer.Script = { peer, _ in
        peer.patience = 30_000
        while let head = try? peer.readHead() {
          asked.add()
          if head.contains("/slow") {
            slow.add()
            _ = peer.isQuiet(for: 400)
          }
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
      let servers = [try ScriptedServer(script), try ScriptedServer(script)]
      try await BuiltGateway.with(
        Self.http("percentile: 90, budgetRatio: 0.001, budgetFloor: 2", servers.map(\.port)), eventLoops: 1
      ) { gateway in
        let client = try Peer.connect(to: gateway.port)
        func ask(_ path: String) throws {
          try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try client.readResponse().text == "ok")
        }
        // Nothing is hedged before enough was seen, and it is worked out once a second.
        try ask("/slow")
        #expect(slow.value == 1)
        for _ in 0..<60 { try ask("/") }
        gateway.metrics.collectProtections { [protections = gateway.protections] in protections.gauges(now: 0) }
        try await gateway.until { gateway in
          (try? ask("/")) != nil
            && (gateway.metric(#"sluice_hedge_delay_seconds{middleware="twice",service="app@file"}"#) ?? 0) > 0
        }
        let before = slow.value
        for _ in 0..<3 { try ask("/slow") }
        // Two of the three at most are asked twice, and the floor may bring one more meanwhile.
        #expect(slow.value - before > 3 && slow.value - before <= 6)
      }
    }
  }
}
