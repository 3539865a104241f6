import Foundation
import GatewayModel
import Observability
import Testing

@testable import AdminAPI

@Suite struct ProbeAndLedgerTests {
  @Test("ready means every shard serves a whole configuration")
  func ready() async throws {
    var gateway = FakeGateway()
    #expect(try await gateway.get("/readyz").status == 200)
    #expect(try await gateway.get("/readyz").object["generation"] as? Int == 3)
    gateway.shards[1].generation = 0
    let waiting = try await gateway.get("/readyz")
    #expect(waiting.status == 503)
    #expect(waiting.object["reason"] as? String == "the configuration is not on every event loop yet: 1")
    gateway.isInstalled = false
    #expect(try await gateway.get("/readyz").object["reason"] as? String == "no configuration is installed yet")
  }

  @Test("a gateway that shuts down is not ready, and alive")
  func draining() async throws {
    var gateway = FakeGateway()
    gateway.isDraining = true
    #expect(try await gateway.get("/readyz").status == 503)
    #expect(try await gateway.get("/livez").status == 200)
    #expect(try await gateway.get("/healthz").status == 200)
    #expect(try await gateway.get("/ping").status == 503)
  }

  @Test("a loop that does not turn makes the gateway neither alive nor ready, and says which")
  func hung() async throws {
    var gateway = FakeGateway()
    gateway.shards[0].sinceLastTurn = ProbeAnswers.hungNanos - 1
    #expect(try await gateway.get("/livez").status == 200)
    gateway.shards[0].sinceLastTurn = ProbeAnswers.hungNanos
    for probe in ["/livez", "/readyz", "/healthz"] { #expect(try await gateway.get(probe).status == 503) }
    #expect(try await gateway.get("/livez").object["reason"] as? String == "event loops do not turn: 0")
  }

  @Test("a refused reload fails no probe and shows in healthz")
  func refusedReload() async throws {
    var gateway = FakeGateway()
    gateway.failure = .init(message: "a.yaml:1:1: unknown key \"x\"", atUnixSeconds: 1_700_000_100)
    for probe in ["/livez", "/readyz", "/healthz"] { #expect(try await gateway.get(probe).status == 200) }
    let failure = try await gateway.get("/healthz").object["lastReloadFailure"] as? [String: String]
    #expect(failure == ["message": "a.yaml:1:1: unknown key \"x\"", "at": "2023-11-14T22:15:00Z"])
  }

  @Test("ping says OK when it is configured, and is not there otherwise")
  func ping() async throws {
    var gateway = FakeGateway()
    #expect(try await gateway.get("/ping").text == "OK")
    gateway.yaml = gateway.yaml.replacingOccurrences(of: "ping: {}\n", with: "")
    #expect(try await gateway.get("/ping").status == 404)
  }

  @Test("the version has Traefik's keys")
  func version() async throws {
    let answer = try await FakeGateway().get("/api/version")
    #expect(
      try sameJSON(
        answer.body, #"{"Version":"1.2.3","Codename":"sluice","commit":"abc","startDate":"2023-11-14T22:13:20Z"}"#))
  }

  @Test("metrics come in the format that was asked for")
  func metrics() async throws {
    let gateway = FakeGateway()
    let metrics = GatewayMetrics(version: "1", registry: gateway.metrics)
    metrics.configurationRefused()
    let plain = try await gateway.get("/metrics")
    #expect(plain.contentType == "text/plain; version=0.0.4; charset=utf-8")
    #expect(plain.text.contains("\nsluice_config_reload_failures_total 1\n"))
    let open = try await gateway.get("/metrics", accept: "application/openmetrics-text")
    #expect(open.contentType.hasPrefix("application/openmetrics-text"))
    #expect(open.text.hasSuffix("# EOF\n"))
  }

  @Test("generations show what each still holds, the newest first")
  func generations() async throws {
    let gateway = FakeGateway()
    let shard = gateway.ledger.makeShard()
    for generation: UInt64 in [1, 3, 3] { _ = shard.begin(.exchange, owner: 0, generation: generation, now: 0) }
    _ = shard.begin(.upstreamConnection, owner: 0, generation: 2, now: 0)
    let list = try await gateway.get("/api/generations").list
    #expect(list.map { $0["number"] as? Int } == [3, 2, 1])
    #expect(list.map { $0["isCurrent"] as? Bool } == [true, false, false])
    let holds = list.map { $0["holds"] as? [String: Int] ?? [:] }
    #expect(holds.map { $0["exchanges"] } == [2, 0, 1])
    #expect(holds.map { $0["upstreamConnections"] } == [0, 1, 0])
    #expect(holds[0]["pools"] == 4 && holds[1]["pools"] == nil)
    #expect(list[0]["installedAt"] as? String == "2023-11-14T22:14:20Z")
  }

  @Test(
    "the ledger is filtered by kind, age, owner, what is waited for and verdict; the oldest comes first",
    arguments: [
      ("", ["old", "idle", "new"]), ("?kind=exchange", ["old", "new"]), ("?minAge=100", ["old", "idle"]),
      ("?minAge=1m40s", ["old", "idle"]), ("?owner=new", ["new"]), ("?waiting=idle", ["idle"]),
      ("?verdict=unreleased", ["old"]), ("?verdict=blocked", []), ("?generation=3", ["idle", "new"]),
      ("?limit=1", ["old"]),
      ("?kind=timer", []), ("?minAge=99999", []),
    ] as [(String, [String])])
  func ledger(_ query: String, _ owners: [String]) async throws {
    let gateway = FakeGateway()
    let (shard, now, second) = (gateway.ledger.makeShard(), FakeGateway.now, UInt64(1_000_000_000))
    for (kind, owner, generation, age, waiting) in [
      (LedgerKind.exchange, "new", 3, 1, LedgerWaiting.upstreamHead),
      (.exchange, "old", 2, 200, .upstreamHead), (.upstreamConnection, "idle", 3, 150, .idle),
    ] as [(LedgerKind, String, UInt64, UInt64, LedgerWaiting)] {
      let at = now - age * second
      let handle = shard.begin(
        kind, owner: gateway.ledger.owner(owner), generation: generation, now: at, peer: IPAddress("192.0.2.1"),
        port: 80)
      shard.wait(handle, for: waiting, now: at)
    }
    let answer = try await gateway.get("/debug/ledger" + query)
    let rows = answer.object["rows"] as? [[String: Any]] ?? []
    #expect(rows.map { $0["owner"] as? String } == owners)
    #expect(rows.allSatisfy { $0["peer"] as? String == "192.0.2.1:80" })
    if query == "?limit=1" { #expect(answer.object["total"] as? Int == 3) }
  }

  @Test(
    "a question the ledger does not understand is refused with what it does",
    arguments: ["?kind=spoon", "?minAge=soon", "?minAge=-1", "?minAge=nan", "?limit=0", "?limit=x", "?waiting=godot"])
  func badQuestions(_ query: String) async throws {
    let answer = try await FakeGateway().get("/debug/ledger" + query)
    #expect(answer.status == 400)
    #expect(answer.contentType == "application/problem+json")
  }

  @Test("JSON escapes what would end a string or a page")
  func json() throws {
    let text = "\"\\\n\u{0}\u{1f}\u{7f}</script>&é😀"
    let bytes = JSON.object([(text, .string(text)), ("gone", nil), ("nan", .number(.nan))]).bytes
    #expect(try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary == [text: text, "nan": NSNull()])
    #expect(!bytes.contains(UInt8(ascii: "<")))
  }
}
