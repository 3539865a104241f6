import AdminAPI
import Foundation
import NIOCore
import NIOPosix
import Observability
import Testing

@testable import GatewayRuntime

private let hasRedis = RunningServer.isInstalled("redis-server") && RunningServer.isInstalled("redis-cli")
private let hasEtcd = RunningServer.isInstalled("etcd") && RunningServer.isInstalled("etcdctl")

/// `rateLimit` with `redis` and `dynamic`, through a gateway of two event loops and the real stores.
@Suite(
  "shared limits through a gateway", .serialized, .timeLimit(.minutes(3)),
  .enabled(if: hasRedis, "redis-server is not installed"))
struct SharedLimitGatewayTests {
  /// A gateway whose only middleware is the limit; a source is what `X-Key` says.
  private struct Limited {
    let running: RunningGateway

    static func with(_ limit: String, _ body: (Limited) async throws -> Void) async throws {
      let running = try await RunningGateway.start { port in
        """
        entryPoints: { web: { address: "127.0.0.1:0" } }
        runtime: { eventLoops: 2 }
        http:
          routers: { all: { rule: "PathPrefix(`/`)", service: up, middlewares: [limit] } }
          middlewares:
            limit:
              rateLimit: { period: 1h, sourceCriterion: { requestHeaderName: X-Key }, \(limit) }
          services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(port)" } ] } } }
        """
      }
      let result: Result<Void, any Error>
      do { result = .success(try await body(Limited(running: running))) } catch { result = .failure(error) }
      await running.stop()
      try result.get()
    }

    /// Statuses of so many requests of one source, each on a connection of its own, so that both loops are asked.
    func statuses(_ key: String, _ count: Int) throws -> [Int] {
      try (0..<count).map { _ in
        let client = try RawClient(port: running.port)
        client.send(Array("GET / HTTP/1.1\r\nHost: a\r\nX-Key: \(key)\r\nConnection: close\r\n\r\n".utf8))
        var text = ""
        while let bytes = client.receive(), !bytes.isEmpty { text += String(decoding: bytes, as: UTF8.self) }
        return Int(text.dropFirst(9).prefix(3)) ?? 0
      }
    }

    func metric(_ line: String) -> Double? {
      let text = String(decoding: running.gateway.metrics.registry.text(.prometheus), as: UTF8.self)
      return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
        .flatMap { Double($0.dropFirst(line.count + 1)) }
    }

    /// What `/api/limit-stores` says of the only store.
    var store: (name: String, state: String, reason: String) {
      let all = running.gateway.adminSources(startedAt: 0).limitStores()
      return all.first.map { ($0.name, $0.state, $0.reason) } ?? ("", "none", "")
    }

    func until(seconds: Double = 60, _ condition: () throws -> Bool) async throws -> Bool {
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      for _ in 0..<Int(seconds * 100) {
        if try condition() { return true }
        try await loop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
      }
      return try condition()
    }
  }

  private static func redis(_ port: Int, _ more: String = "") -> String {
    "redis: { endpoints: [\"127.0.0.1:\(port)\"], timeout: 5s\(more) }"
  }

  @Test(
    "a Redis that is killed: requests get what whenStoreIsDown says; when it is back they get decisions",
    arguments: [("allow", [200, 200, 200, 200]), ("deny", [503, 503, 503, 503]), ("local", [200, 200, 200, 429])])
  func storeDown(_ policy: String, _ statusesWhileDown: [Int]) async throws {
    let redis = try RunningServer.redis()
    let limit = "average: 1, burst: 3, \(Self.redis(redis.port, ", whenStoreIsDown: \(policy)"))"
    try await Limited.with(limit) { (limited: Limited) async throws in
      #expect(try await limited.until { limited.store.state == "up" })
      #expect(try limited.statuses("a", 5) == [200, 200, 200, 429, 429])
      redis.stop()
      #expect(try await limited.until { limited.store.state == "down" })
      #expect(!limited.store.reason.isEmpty)
      #expect(limited.metric("sluice_limit_store_up{store=\"\(limited.store.name)\"}") == 0)
      #expect(try limited.statuses("b", 4) == statusesWhileDown)
      // Who was refused already is refused without a question, store or no store.
      #expect(try limited.statuses("a", 1) == [429])
      let again = try RunningServer.redis(port: redis.port)
      #expect(try await limited.until { limited.store.state == "up" })
      #expect(try limited.statuses("c", 4) == [200, 200, 200, 429])
      #expect(limited.metric("sluice_limit_store_up{store=\"\(limited.store.name)\"}") == 1)
      withExtendedLifetime(again) {}
    }
  }

  @Test("a shadow of a shared limit refuses nothing, keeps its counts in Redis and says what it would have refused")
  func shadow() async throws {
    let redis = try RunningServer.redis()
    let limit = "average: 1, burst: 3, shadow: true, \(Self.redis(redis.port))"
    try await Limited.with(limit) { (limited: Limited) async throws in
      #expect(try await limited.until { limited.store.state == "up" })
      // One after the other, or the first refusal could be known before the last question.
      for number in 1...3 {
        #expect(try limited.statuses("a", 1) == [200])
        #expect(try await limited.until { limited.metric(decided(limited)) == Double(number) })
      }
      #expect(try limited.statuses("a", 4) == [200, 200, 200, 200])
      let line = "sluice_policy_would_reject_total{policy=\"rateLimit\",middleware=\"limit\"}"
      #expect(try await limited.until { limited.metric(line) == 4 })
      #expect(try redis.cli("DBSIZE") == "1")
      #expect(try redis.cli("KEYS", "*").hasPrefix("sluice:limit:limit:all@file:"))
    }
  }

  private func decided(_ limited: Limited) -> String {
    "sluice_limit_store_decisions_total{store=\"\(limited.store.name)\",result=\"decided\"}"
  }

  @Test("a user who may do what the manual says is enough; a wrong password is a store that is down, and is not told")
  func access() async throws {
    let rights = "~sluice:* +evalsha +eval +script|load +time +get +set".split(separator: " ").map(String.init)
    let redis = try RunningServer.redis { _, _ in
      ["--user", "gate", "on", ">secret"] + rights + ["--user", "default", "off"]
    }
    func limit(_ password: String) -> String {
      let access = ", username: gate, password: \(password), whenStoreIsDown: deny"
      return "average: 1, burst: 2, \(Self.redis(redis.port, access))"
    }
    try await Limited.with(limit("secret")) { (limited: Limited) async throws in
      #expect(try await limited.until { limited.store.state == "up" })
      #expect(try limited.statuses("a", 4) == [200, 200, 429, 429])
    }
    try await Limited.with(limit("hunter2")) { (limited: Limited) async throws in
      #expect(try await limited.until { limited.store.reason.contains("WRONGPASS") })
      #expect(!limited.store.reason.contains("hunter2"))
      #expect(try limited.statuses("a", 2) == [503, 503])
    }
  }

  // MARK: Thresholds

  /// Two connections, one to each loop, as far as the kernel spreads them: each source may do two and no more.
  private func isInForce(_ limited: Limited, _ burst: Int) throws -> Bool {
    for _ in 0..<4 {
      let statuses = try limited.statuses(UUID().uuidString, burst + 1)
      guard statuses == Array(repeating: 200, count: burst) + [429] else { return false }
    }
    return true
  }

  /// What a key does to a limit of 100, set by `set` and deleted by `delete`.
  private func follow(
    _ limited: Limited, set: (String) throws -> Void, delete: () throws -> Void
  ) async throws {
    #expect(try limited.statuses("a", 5) == [200, 200, 200, 200, 200])
    let start = ContinuousClock.now
    try set(#"{"average": 1, "period": "1h", "burst": 2}"#)
    #expect(try await limited.until { try isInForce(limited, 2) })
    let elapsed = ContinuousClock.now - start
    print("thresholds in force on all shards after \(elapsed)")
    // A second, and whatever a machine that runs other tests takes to set the key and to ask.
    #expect(elapsed < .seconds(60))
    for nonsense in ["burst: many", "nothing of the kind", "average: -1", "[1, 2", "brust: 5"] {
      let refused = limited.metric(Self.refused) ?? 0
      try set(nonsense)
      #expect(try await limited.until { limited.metric(Self.refused) == refused + 1 }, "\(nonsense)")
      #expect(try isInForce(limited, 2), "\(nonsense)")
    }
    try set("burst: 4\naverage: 1")
    #expect(try await limited.until { try isInForce(limited, 4) })
    try delete()
    #expect(try await limited.until { try limited.statuses(UUID().uuidString, 6).allSatisfy { $0 == 200 } })
    #expect(limited.metric(Self.installed) == 3)
  }

  private static let installed = "sluice_limit_thresholds_total{middleware=\"limit\",result=\"installed\"}"
  private static let refused = "sluice_limit_thresholds_total{middleware=\"limit\",result=\"refused\"}"

  @Test("a key of Redis changes a shared limit on all shards; nonsense is refused and changes nothing")
  func thresholdsOfRedis() async throws {
    let redis = try RunningServer.redis()
    let limit = "average: 100, burst: 100, dynamic: { redis: k }, \(Self.redis(redis.port))"
    try await Limited.with(limit) { (limited: Limited) async throws in
      #expect(try await limited.until { limited.store.state == "up" })
      try await follow(limited, set: { try redis.cli("SET", "k", $0) }, delete: { try redis.cli("DEL", "k") })
    }
  }

  @Test(
    "a key of etcd changes a local limit on all shards; nonsense is refused and changes nothing",
    .enabled(if: hasEtcd, "etcd is not installed"))
  func thresholdsOfEtcd() async throws {
    let peer = try RunningServer.freePort()
    let etcd = try RunningServer("etcd", readiness: "ready to serve client requests") { port, folder in
      let (client, peers) = ("http://127.0.0.1:\(port)", "http://127.0.0.1:\(peer)")
      return [
        "--data-dir", folder + "/data", "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=\(peers)",
      ]
    }
    func etcdctl(_ arguments: [String]) throws {
      try RunningServer.run(
        ["env", "ETCDCTL_API=3", "etcdctl", "--endpoints", "http://127.0.0.1:\(etcd.port)"] + arguments)
    }
    let limit = "average: 100, burst: 100, dynamic: { etcd: k, endpoints: [\"127.0.0.1:\(etcd.port)\"] }"
    try await Limited.with(limit) { (limited: Limited) async throws in
      try await follow(limited, set: { try etcdctl(["put", "k", "--", $0]) }, delete: { try etcdctl(["del", "k"]) })
    }
  }
}
