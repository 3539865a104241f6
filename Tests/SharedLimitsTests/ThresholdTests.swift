import Foundation
import Synchronization
import Testing

@testable import SharedLimits

private let hasRedis = RunningServer.isInstalled("redis-server") && RunningServer.isInstalled("redis-cli")
private let hasEtcd = RunningServer.isInstalled("etcd") && RunningServer.isInstalled("etcdctl")

/// The values a source gave, to wait for.
private final class Values: Sendable {
  private let state = Mutex<(seen: [String], waiting: [(Int, CheckedContinuation<Void, Never>)])>(([], []))

  func changed(_ bytes: [UInt8]?) {
    let woken = state.withLock { state in
      state.seen.append(bytes.map { String(decoding: $0, as: UTF8.self) } ?? "nothing")
      let count = state.seen.count
      defer { state.waiting.removeAll { $0.0 <= count } }
      return state.waiting.filter { $0.0 <= count }
    }
    for (_, continuation) in woken { continuation.resume() }
  }

  /// All values, when there are `count` at least.
  func values(_ count: Int) async -> [String] {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.seen.count >= count { return true }
        state.waiting.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
    return state.withLock { $0.seen }
  }
}

@Suite("thresholds from stores", .serialized, .timeLimit(.minutes(2)))
struct ThresholdTests {
  @Test(
    "a key of Redis is followed, each value once, through a restart",
    .enabled(if: hasRedis, "redis-server is not installed"))
  func redis() async throws {
    let redis = try RunningServer.redis()
    let store = try SharedLimitStore(settings(redis.port))
    let values = Values()
    let source = ThresholdSource(redis: store, key: "k", changed: values.changed)
    #expect(await values.values(1) == ["nothing"])
    try redis.cli("SET", "k", "average: 5")
    #expect(await values.values(2).last == "average: 5")
    try redis.cli("DEL", "k")
    #expect(await values.values(3).last == "nothing")
    redis.stop()
    let again = try RunningServer.redis(port: redis.port)
    try again.cli("SET", "k", "average: 6")
    #expect(await values.values(4) == ["nothing", "average: 5", "nothing", "average: 6"])
    withExtendedLifetime(source) {}
  }

  private func etcd(port: Int? = nil, data: String) throws -> RunningServer {
    let peer = try RunningServer.freePort()
    return try RunningServer("etcd", port: port, readiness: "ready to serve client requests") { port, _ in
      [
        "--data-dir", data, "--listen-client-urls", "http://127.0.0.1:\(port)", "--advertise-client-urls",
        "http://127.0.0.1:\(port)", "--listen-peer-urls", "http://127.0.0.1:\(peer)", "--initial-advertise-peer-urls",
        "http://127.0.0.1:\(peer)", "--initial-cluster", "default=http://127.0.0.1:\(peer)",
      ]
    }
  }

  private func etcdctl(_ server: RunningServer, _ arguments: String...) throws -> String {
    try RunningServer.run(
      ["env", "ETCDCTL_API=3", "etcdctl", "--endpoints", "http://127.0.0.1:\(server.port)"] + arguments)
  }

  @Test(
    "a key of etcd is watched, resumed after a disconnect, and read anew after a compaction",
    .enabled(if: hasEtcd, "etcd is not installed"))
  func etcd() async throws {
    let data = NSTemporaryDirectory() + "sluice-etcd-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: data) }
    let first = try etcd(data: data)
    let told = Told()
    let values = Values()
    let source = try ThresholdSource(etcd: settings(first.port), key: "k", tell: told.tell, changed: values.changed)
    #expect(await values.values(1) == ["nothing"])
    _ = try etcdctl(first, "put", "k", "average: 5")
    #expect(await values.values(2).last == "average: 5")
    _ = try etcdctl(first, "del", "k")
    #expect(await values.values(3).last == "nothing")

    // Down, changed where the watch cannot see it, and back: the change is told from the history.
    first.stop()
    await told.event("down(")
    let elsewhere = try etcd(data: data)
    _ = try etcdctl(elsewhere, "put", "k", "average: 6")
    elsewhere.stop()
    let second = try etcd(port: first.port, data: data)
    #expect(await values.values(4).last == "average: 6")
    await told.event("up(")

    // The same with a compaction: the history is gone, the present is read.
    let before = told.events.count
    second.stop()
    await told.event("down(", after: before)
    let other = try etcd(data: data)
    for number in 7...9 { _ = try etcdctl(other, "put", "k", "average: \(number)") }
    let status = try etcdctl(other, "endpoint", "status", "-w", "json")
    let revision = try #require(status.split(separator: "\"revision\":").last?.prefix { $0.isNumber })
    #expect(try etcdctl(other, "compact", String(revision)).contains("compacted"))
    other.stop()
    let third = try etcd(port: first.port, data: data)
    #expect(await values.values(5).last == "average: 9")
    _ = try etcdctl(third, "put", "k", "average: 10")
    #expect(await values.values(6).last == "average: 10")
    withExtendedLifetime(source) {}
  }

  @Test(
    "an etcd that stands still is given up, before it has answered and while it is watched",
    .enabled(if: hasEtcd, "etcd is not installed"))
  func etcdStands() async throws {
    let data = NSTemporaryDirectory() + "sluice-etcd-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: data) }
    let server = try etcd(data: data)
    let told = Told()
    let values = Values()
    server.signal(SIGSTOP)
    let source = try ThresholdSource(
      etcd: settings(server.port) { $0.readNanoseconds = 300_000_000 }, key: "k", tell: told.tell,
      changed: values.changed)
    await told.event("no answer to KV/Range for 300 ms")
    server.signal(SIGCONT)
    #expect(await values.values(1) == ["nothing"])
    await told.event("up(")
    // A value that came by the watch: it runs.
    _ = try etcdctl(server, "put", "k", "average: 4")
    #expect(await values.values(2).last == "average: 4")
    server.signal(SIGSTOP)
    await told.event("no answer to a ping")
    server.signal(SIGCONT)
    _ = try etcdctl(server, "put", "k", "average: 5")
    #expect(await values.values(3).last == "average: 5")
    withExtendedLifetime(source) {}
  }

  @Test(
    "etcd asks for a name and a password", .enabled(if: hasEtcd, "etcd is not installed"))
  func etcdAccess() async throws {
    let data = NSTemporaryDirectory() + "sluice-etcd-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: data) }
    let server = try etcd(data: data)
    _ = try etcdctl(server, "put", "k", "average: 5")
    _ = try etcdctl(server, "user", "add", "root:secret")
    _ = try etcdctl(server, "user", "grant-role", "root", "root")
    _ = try etcdctl(server, "auth", "enable")
    let told = Told()
    let refused = try ThresholdSource(etcd: settings(server.port), key: "k", tell: told.tell, changed: { _ in })
    await told.event("gRPC status")
    let values = Values()
    let source = try ThresholdSource(
      etcd: settings(server.port) {
        $0.username = "root"
        $0.password = "secret"
      }, key: "k", tell: told.tell, changed: values.changed)
    #expect(await values.values(1) == ["average: 5"])
    withExtendedLifetime((source, refused)) {}
  }
}
