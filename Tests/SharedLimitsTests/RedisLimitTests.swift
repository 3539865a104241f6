import Foundation
import NIOCore
import NIOPosix
import ResiliencePolicies
import Synchronization
import Testing

@testable import SharedLimits

private let hasPython = RunningServer.isInstalled("python3")
private let isHere = RunningServer.isInstalled("redis-server") && RunningServer.isInstalled("redis-cli")

@Suite(
  "limits shared through Redis", .serialized, .timeLimit(.minutes(2)),
  .enabled(if: isHere, "redis-server is not installed"))
struct RedisLimitTests {
  @Test("every algorithm lets through what it says, key by key", arguments: LimitAlgorithm.allCases)
  func algorithms(_ algorithm: LimitAlgorithm) async throws {
    let redis = try RunningServer.redis()
    let store = try SharedLimitStore(settings(redis.port))
    let quota = try quota(algorithm, average: 5, burst: 5)
    for key in ["a", "b"] {
      var counts: [String: Int] = [:]
      for _ in 0..<8 { counts[await store.ask(key, quota).word, default: 0] += 1 }
      #expect(counts == (algorithm == .leakyBucket ? ["pass": 1, "wait": 5, "refuse": 2] : ["pass": 5, "refuse": 3]))
    }
    guard case .decided(let last) = await store.ask("a", quota) else {
      Issue.record("no decision")
      return
    }
    #expect(last.remaining == 0)
    #expect(last.waitNanoseconds > 0)
    // What Redis keeps goes by itself.
    #expect(try (Int(redis.cli("PTTL", "a")) ?? 0) > 1000)
    #expect(store.status.decided == 17)
  }

  @Test("two gateways together get exactly the burst")
  func together() async throws {
    let redis = try RunningServer.redis()
    // 600 at once may take their time to a Redis without a core to run on.
    let patient = settings(redis.port) { $0.decisionNanoseconds = 60_000_000_000; $0.lateMicroseconds = 60_000_000 }
    let stores = try (0..<2).map { _ in try SharedLimitStore(patient) }
    let quota = try quota(burst: 700)
    async let one = stores[0].ask("k", quota, times: 600)
    async let other = stores[1].ask("k", quota, times: 600)
    let counts = await (one, other)
    #expect((counts.0["pass"] ?? 0) + (counts.1["pass"] ?? 0) == 700)
    #expect((counts.0["refuse"] ?? 0) + (counts.1["refuse"] ?? 0) == 500)
  }

  @Test("decisions that are asked for while the store's thread is busy are one pipeline")
  func batches() async throws {
    let redis = try RunningServer.redis()
    let patient = settings(redis.port) { $0.decisionNanoseconds = 60_000_000_000; $0.lateMicroseconds = 60_000_000 }
    let store = try SharedLimitStore(patient)
    let quota = try quota(burst: 700)
    #expect(await store.ask("k", quota).word == "pass")
    let before = store.status.batches
    let (holds, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let holding = store.every(.hours(1)) {
      holds.signal()
      goOn.wait()
    }
    holds.wait()
    let answers = Mutex<[String: Int]>([:])
    let all = DispatchGroup()
    for _ in 0..<600 {
      all.enter()
      store.decide(
        Array("k".utf8), quota, now: NIODeadline.now().uptimeNanoseconds,
        loop: MultiThreadedEventLoopGroup.singleton.next()
      ) { answer in
        answers.withLock { $0[answer.word, default: 0] += 1 }
        all.leave()
      }
    }
    goOn.signal()
    await withCheckedContinuation { done in all.notify(queue: .global()) { done.resume() } }
    #expect(answers.withLock { $0 } == ["pass": 600])
    #expect(store.status.batches == before + 1)
    holding.cancel()
  }

  @Test("scripts that were flushed go along once more")
  func flushed() async throws {
    let redis = try RunningServer.redis()
    let store = try SharedLimitStore(settings(redis.port))
    #expect(await store.ask("k", try quota()).word == "pass")
    try redis.cli("SCRIPT", "FLUSH")
    #expect(await store.ask("k", try quota(), times: 5) == ["pass": 5])
  }

  @Test("a key that holds something else is no decision, and is told once")
  func wrongType() async throws {
    let redis = try RunningServer.redis()
    let told = Told()
    let store = try SharedLimitStore(settings(redis.port), tell: told.tell)
    try redis.cli("LPUSH", "k", "x")
    #expect(await store.ask("k", try quota(), times: 5) == ["unavailable": 5])
    #expect(told.events.count { "\($0)".contains("WRONGTYPE") } == 1)
    #expect(await store.ask("other", try quota()).word == "pass")
  }

  @Test("a user and a password of Redis' access lists, and a database")
  func access() async throws {
    let redis = try RunningServer.redis { _, _ in
      ["--user", "gate", "on", ">secret", "~sluice*", "+@all", "--user", "default", "off"]
    }
    let right = try SharedLimitStore(
      settings(redis.port) {
        $0.username = "gate"
        $0.password = "secret"
        $0.database = 3
      })
    #expect(await right.ask("sluice:k", try quota()).word == "pass")
    #expect(right.status.name.hasSuffix("/3"))
    let told = Told()
    let wrong = try SharedLimitStore(
      settings(redis.port) {
        $0.username = "gate"
        $0.password = "wrong"
      }, tell: told.tell)
    #expect(await wrong.ask("sluice:k", try quota()).word == "unavailable")
    await told.event("WRONGPASS")
    #expect(!told.events.contains { "\($0)".contains("wrong)") })
  }

  @Test("endpoints are tried in order")
  func endpoints() async throws {
    let redis = try RunningServer.redis()
    let told = Told()
    let store = try SharedLimitStore(settings(try RunningServer.freePort(), redis.port), tell: told.tell)
    await told.event("up(")
    #expect(await store.ask("k", try quota()).word == "pass")
    #expect(told.events.count == 2)
  }

  @Test("a store that dies is down at once and used again when it is back")
  func restarted() async throws {
    let told = Told()
    let redis = try RunningServer.redis()
    let store = try SharedLimitStore(settings(redis.port), tell: told.tell)
    #expect(await store.ask("k", try quota()).word == "pass")
    redis.stop()
    await told.event("down(")
    #expect(await store.ask("k", try quota()).word == "unavailable")
    #expect(store.status.state == .down)
    #expect(!store.status.reason.isEmpty)
    let before = told.events.count
    let again = try RunningServer.redis(port: redis.port)
    await told.event("up(", after: before)
    #expect(await store.ask("k", try quota()).word == "pass")
    #expect(store.status.state == .up)
    withExtendedLifetime(again) {}
  }

  @Test("a store that stands still costs a request no more than the time for a decision")
  func standing() async throws {
    let redis = try RunningServer.redis()
    let told = Told()
    let store = try SharedLimitStore(settings(redis.port) { $0.decisionNanoseconds = 100_000_000 }, tell: told.tell)
    await told.event("up(")
    #expect(try await store.decided("k") == "pass")
    redis.signal(SIGSTOP)
    // Answered while Redis stands.
    #expect(await store.ask("k", try quota(), times: 50) == ["unavailable": 50])
    redis.signal(SIGCONT)
    // What was asked meanwhile came too late to be decided, or was decided and nobody waited.
    #expect(try await store.decided("other") == "pass")
  }

  @Test("a clock that is 100 ms off may not write, and says so; when it is right again it may", arguments: [100, -100])
  func skew(_ milliseconds: Int64) async throws {
    let redis = try RunningServer.redis()
    let told = Told()
    let error = Atomic<Int64>(milliseconds * 1000)
    let store = try SharedLimitStore(
      settings(redis.port), wallClock: { WallTime.microseconds() + error.load(ordering: .relaxed) }, tell: told.tell)
    await told.event("clocksApart")
    #expect(await store.ask("k", try quota(), times: 20) == ["unavailable": 20])
    #expect(try redis.cli("DBSIZE") == "0")
    #expect(store.status.state == .skewed)
    // A time that was long on its way is off by half of that; it is asked for once a second.
    for _ in 0..<3_000 where abs(store.status.skewMicroseconds + milliseconds * 1000) >= 40_000 { try await aMoment() }
    #expect(abs(store.status.skewMicroseconds + milliseconds * 1000) < 40_000)
    error.store(0, ordering: .relaxed)
    await told.event("clocksTogether")
    #expect(await store.ask("k", try quota()).word == "pass")
  }

  @Test("the scripts refuse a write by themselves when the clocks are too far apart")
  func scriptsRefuse() async throws {
    let redis = try RunningServer.redis()
    for algorithm in LimitAlgorithm.allCases {
      let script = String(decoding: LimitScript(algorithm).source, as: UTF8.self)
      let now = WallTime.microseconds() + 3_600_000_000
      let arguments = LimitScript.arguments(try quota(algorithm), now: now, lateMicroseconds: 0)
      let reply = try RunningServer.run(["redis-cli", "-p", "\(redis.port)", "EVAL", script, "1", "k"] + arguments)
      #expect(reply.hasPrefix("3\n"))
    }
    #expect(try redis.cli("DBSIZE") == "0")
  }

  @Test(
    "TLS with the right authority, and not with another",
    .enabled(if: RunningServer.isInstalled("openssl"), "openssl is not installed"))
  func tls() async throws {
    let certificates = try RunningServer.certificates()
    let redis = try RunningServer.redis { port, _ in
      [
        "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", certificates + "/server.pem", "--tls-key-file",
        certificates + "/server.key", "--tls-ca-cert-file", certificates + "/ca.pem", "--tls-auth-clients", "no",
      ]
    }
    var trusting = StoreSettings.TLS()
    trusting.authority = certificates + "/ca.pem"
    let store = try SharedLimitStore(settings(redis.port) { $0.tls = trusting })
    #expect(await store.ask("k", try quota()).word == "pass")
    let told = Told()
    let other = try SharedLimitStore(settings(redis.port) { $0.tls = StoreSettings.TLS() }, tell: told.tell)
    #expect(await other.ask("k", try quota()).word == "unavailable")
    await told.event("down(")
    #expect(throws: StoreMistake.self) {
      var missing = StoreSettings.TLS()
      missing.authority = "/nowhere/ca.pem"
      _ = try SharedLimitStore(settings(1) { $0.tls = missing })
    }
    try FileManager.default.removeItem(atPath: certificates)
  }

  @Test(
    "an endpoint that accepts and never greets is given up, and the next one asked",
    .enabled(if: hasPython, "python3 is not installed"))
  func silent() async throws {
    let silent = try RunningServer("python3", readiness: "ready") { port, _ in
      let bind = "s = socket.create_server(('127.0.0.1', \(port)))"
      let script = "import signal, socket; \(bind); print('ready'); signal.pause()"
      return ["-u", "-c", script]
    }
    let redis = try RunningServer.redis()
    let told = Told()
    let quick = settings(silent.port, redis.port) { $0.readNanoseconds = 200_000_000 }
    let store = try SharedLimitStore(quick, tell: told.tell)
    await told.event("no answer for 200 ms")
    await told.event("up(")
    #expect(await store.ask("k", try quota()).word == "pass")
    // Nobody asks for a decision: what is asked once a second tells as well that the store stands still.
    redis.signal(SIGSTOP)
    await told.event("no answer for 200 ms", after: told.events.count)
    redis.signal(SIGCONT)
  }

  @Test(
    "a time that no limit has is cut, whatever a store says",
    arguments: [(Int64.max, 31_536_000_000_000_000), (-1, 0), (5, 5000)] as [(Int64, UInt64)])
  func oddTimes(_ microseconds: Int64, _ nanoseconds: UInt64) throws {
    let reply = RedisReply.array([2, microseconds, 0, microseconds, 7].map { .integer($0) })
    guard case .decision(let decision, serverTime: 7) = LimitScript.answer(reply, try quota()) else {
      Issue.record("no decision")
      return
    }
    #expect(decision.waitNanoseconds == nanoseconds && decision.resetNanoseconds == nanoseconds)
  }

  @Test(
    "bytes that are no Redis end the connection and not the process",
    .enabled(if: hasPython, "python3 is not installed"))
  func nonsense() async throws {
    let server = try RunningServer("python3", readiness: "ready") { port, _ in
      [
        "-u", "-c",
        """
        import socket
        s = socket.create_server(("127.0.0.1", \(port)))
        print("ready")
        for answer in (b"HTTP/1.1 400\\r\\n\\r\\n", b"*1000000000\\r\\n", b"$999999999999\\r\\n",
                       b"+OK\\r\\n" * 50, b"\\xff" * 9):
            c, _ = s.accept()
            c.recv(10)
            c.sendall(answer)
            c.recv(100000)
            c.close()
        """,
      ]
    }
    let told = Told()
    let store = try SharedLimitStore(settings(server.port), tell: told.tell)
    for round in 0..<4 { await told.event("down(", after: round) }
    #expect(await store.ask("k", try quota()).word == "unavailable")
  }
}

extension RunningServer {
  /// A folder with an authority and a certificate for 127.0.0.1.
  static func certificates() throws -> String {
    let folder = NSTemporaryDirectory() + "sluice-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "subjectAltName=IP:127.0.0.1,DNS:localhost\n".write(
      toFile: folder + "/names", atomically: true, encoding: .utf8)
    for line in [
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(folder)/ca.key "
        + "-out \(folder)/ca.pem -subj /CN=ca -days 2",
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(folder)/server.key "
        + "-out \(folder)/server.csr -subj /CN=server",
      "x509 -req -in \(folder)/server.csr -CA \(folder)/ca.pem -CAkey \(folder)/ca.key -CAcreateserial -days 2 "
        + "-extfile \(folder)/names -out \(folder)/server.pem",
    ] {
      try run(["openssl"] + line.split(separator: " ").map(String.init))
    }
    return folder
  }
}
