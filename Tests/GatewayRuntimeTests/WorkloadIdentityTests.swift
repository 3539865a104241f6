import AdminAPI
import Foundation
import GatewayModel
import Identity
import NIOCore
import NIOPosix
import Observability
import Synchronization
import Testing
import WorkloadAPI

@testable import GatewayRuntime

@Suite("TLS by SPIFFE identities", .timeLimit(.minutes(5)))
struct WorkloadIdentityTests {
  private static func configuration(
    _ issuer: TestIssuer, _ server: Int, spiffe: String = "", options: String = "{}", scheme: String = "http",
    transport: String = ""
  ) -> String {
    """
    entryPoints:
      web: {address: "127.0.0.1:0", http: {tls: {options: mesh}}, transport: {lifeCycle: {graceTimeOut: 1s}}}
      plain: {address: "127.0.0.1:0", transport: {lifeCycle: {graceTimeOut: 1s}}}
    runtime: {eventLoops: 2}
    spiffe: {workloadAPI: "\(issuer.address)", hint: gateway\(spiffe)}
    tls: {options: {mesh: {spiffe: \(options)}}}
    http:
      routers:
        a: {rule: "PathPrefix(`/`)", service: s, entryPoints: [web]}
        b: {rule: "PathPrefix(`/`)", service: s, entryPoints: [plain]}
      services:
        s:
          loadBalancer:
            servers: [{url: "\(scheme)://127.0.0.1:\(server)"}]
            \(transport.isEmpty ? "" : "serversTransport: t")
      \(transport.isEmpty ? "" : "serversTransports: {t: \(transport)}")
    """
  }

  private static let withoutIdentity = "sluice_spiffe_refusals_total{side=\"client\",reason=\"no-identity\"}"
  /// What the clients of a load share.
  private final class Load: Sendable {
    let isOver = Atomic(false)
    let serials = Mutex<Set<[UInt8]>>([])
  }

  private static let loop = MultiThreadedEventLoopGroup.singleton.next()

  private func metric(_ running: RunningGateway, _ line: String) -> Double? {
    let text = String(decoding: running.gateway.metrics.registry.text(.prometheus), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
      .flatMap { Double($0.dropFirst(line.count + 1)) }
  }

  /// Looks every ten milliseconds of a loop's clock until it is so, for ten seconds at most.
  private func until(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<1000 {
      if try await condition() { return true }
      try await Self.loop.scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
    }
    return try await condition()
  }

  /// The status line of one request on a connection of its own, or why there is none.
  private func ask(_ running: RunningGateway, as identity: X509Context?, trusting roots: X509Context) async -> String {
    do {
      let client = try await IdentityClient.connect(running.port, as: identity, trusting: roots, on: Self.loop)
      let answer = await client.get()
      await client.close()
      return answer
    } catch {
      return "\(error)"
    }
  }

  @Test("a client is let in by its ID, and refused with a reason when it has none, a foreign one or another one")
  func clients() async throws {
    let other = try await TestIssuer.start("other.example", ids: ["ship", "spy"])
    let stranger = try await TestIssuer.start("shop.example", ids: ["ns/prod/pay"])
    let issuer = try await TestIssuer.start(federated: [(other.domain, try await other.bundle())])
    let options =
      "{idPrefixes: [\"spiffe://shop.example/ns/prod\"], ids: [\"spiffe://other.example/ship\"]}"
    let running = try await RunningGateway.start { Self.configuration(issuer, $0, options: options) }
    let right = try await issuer.context("ns/prod/pay")
    #expect(await ask(running, as: right, trusting: right) == "HTTP/1.1 200 OK")
    #expect(await ask(running, as: try other.context("ship"), trusting: right) == "HTTP/1.1 200 OK")
    let wrong: [(identity: X509Context?, reason: String)] = [
      (nil, "no-certificate"), (try await issuer.context("ns/dev/pay"), "not-admitted"),
      (try await other.context("spy"), "not-admitted"), (try await stranger.context("ns/prod/pay"), "untrusted"),
    ]
    for (identity, reason) in wrong {
      #expect(!(await ask(running, as: identity, trusting: right)).hasPrefix("HTTP"))
      let line = "sluice_spiffe_refusals_total{side=\"client\",reason=\"\(reason)\"}"
      #expect(try await until { metric(running, line) ?? 0 > 0 }, "\(reason)")
    }
    #expect(metric(running, "sluice_spiffe_refusals_total{side=\"client\",reason=\"not-admitted\"}") == 2)
    #expect(metric(running, "sluice_spiffe_bundle_authorities{trust_domain=\"other.example\"}") == 1)
    await running.stop()
    for issuer in [issuer, other, stranger] { await issuer.server.stop() }
  }

  @Test("clients that may come without an SVID do, and one that is shown has to be good")
  func optional() async throws {
    let issuer = try await TestIssuer.start()
    let stranger = try await TestIssuer.start(ids: ["ns/prod/pay"])
    let running = try await RunningGateway.start { Self.configuration(issuer, $0, options: "{clients: optional}") }
    let right = try await issuer.context("ns/prod/pay")
    #expect(await ask(running, as: nil, trusting: right) == "HTTP/1.1 200 OK")
    #expect(await ask(running, as: right, trusting: right) == "HTTP/1.1 200 OK")
    #expect(!(await ask(running, as: try stranger.context("ns/prod/pay"), trusting: right)).hasPrefix("HTTP"))
    await running.stop()
    await issuer.server.stop()
    await stranger.server.stop()
  }

  @Test("under load no request fails over twenty rotations, and no connection is dropped, on either side")
  func rotation() async throws {
    let issuer = try await TestIssuer.start()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try await issuer.context("ns/prod/pay").serve(on: group)
    let port = server.localAddress?.port ?? 0
    let running = try await RunningGateway.start { _ in
      Self.configuration(
        issuer, port, scheme: "https",
        transport:
          "{spiffe: {ids: [\"spiffe://shop.example/ns/prod/pay\"]}, maxIdleConnsPerHost: 4, disableHTTP2: true}")
    }
    let identity = try await issuer.context("ns/dev/pay")
    let long = try await IdentityClient.connect(running.port, as: identity, trusting: identity, on: Self.loop)
    #expect(await long.get() == "HTTP/1.1 200 OK")
    let load = Load()
    // Two that keep a connection, two that make one for each request, until all rotations are in force.
    let faults: [String] = await withTaskGroup(of: [String].self) { group in
      for keeps in [true, true, false, false] {
        group.addTask {
          var faults: [String] = []
          var client: IdentityClient?
          while !load.isOver.load(ordering: .relaxed) {
            do {
              let current: IdentityClient
              if let client {
                current = client
              } else {
                current = try await IdentityClient.connect(
                  running.port, as: identity, trusting: identity, on: Self.loop)
                _ = load.serials.withLock { $0.insert(current.serial) }
              }
              let answer = await current.get()
              if answer != "HTTP/1.1 200 OK" { faults.append(answer) }
              if keeps { client = current } else { await current.close() }
            } catch {
              faults.append("\(error)")
            }
            if faults.count > 10 { break }
          }
          await client?.close()
          return faults
        }
      }
      for turn in 2...21 {
        issuer.server.rotate()
        _ = try? await until { running.gateway.identity?.status.installed ?? 0 >= turn }
      }
      // One more handshake by each before the end.
      let seen = load.serials.withLock { $0.count }
      _ = try? await until { load.serials.withLock { $0.count } > seen }
      load.isOver.store(true, ordering: .relaxed)
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(faults == [])
    #expect(load.serials.withLock { $0.count } >= 5, "handshakes saw new SVIDs")
    // The connection of the beginning is still the same one.
    #expect(await long.get() == "HTTP/1.1 200 OK")
    #expect(metric(running, "sluice_spiffe_updates_total{result=\"installed\"}") ?? 0 >= 21)
    #expect(running.gateway.view().generation == 1)
    await long.close()
    await running.stop()
    try await server.close()
    try await group.shutdownGracefully()
    await issuer.server.stop()
  }

  @Test("a server is asked only when it is who it should be")
  func servers() async throws {
    let issuer = try await TestIssuer.start()
    let stranger = try await TestIssuer.start(ids: ["ns/prod/pay"])
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let cases: [(identity: X509Context, peers: String, answer: String, reason: String)] = [
      (try await issuer.context("ns/prod/pay"), "{trustDomain: shop.example}", "HTTP/1.1 200 OK", ""),
      (
        try await issuer.context("ns/dev/pay"), "{ids: [\"spiffe://shop.example/ns/prod/pay\"]}",
        "HTTP/1.1 502 Bad Gateway", "not-admitted"
      ),
      (try await stranger.context("ns/prod/pay"), "{}", "HTTP/1.1 502 Bad Gateway", "untrusted"),
    ]
    for (identity, peers, answer, reason) in cases {
      let server = try await identity.serve(on: group)
      let running = try await RunningGateway.start { _ in
        Self.configuration(
          issuer, server.localAddress?.port ?? 0, scheme: "https", transport: "{spiffe: \(peers), disableHTTP2: true}")
      }
      let client = try RawClient(port: Int(running.gateway.ports[1]))
      #expect(client.get("/") == answer)
      if !reason.isEmpty {
        #expect(metric(running, "sluice_spiffe_refusals_total{side=\"server\",reason=\"\(reason)\"}") ?? 0 > 0)
      }
      await running.stop()
      try await server.close()
    }
    try await group.shutdownGracefully()
    await issuer.server.stop()
    await stranger.server.stop()
  }

  @Test("without an agent the start fails in time and says why; startTimeout 0s starts and serves once it is there")
  func absent() async throws {
    let path = TestIssuer.socketPath()
    let issuer = try await TestIssuer.start(path: path)
    let right = try await issuer.context("ns/prod/pay")
    await issuer.server.stop()
    do {
      let running = try await RunningGateway.start { Self.configuration(issuer, $0, spiffe: ", startTimeout: 300ms") }
      await running.stop()
      Issue.record("started")
    } catch Gateway.StartFailure.failed(let text) {
      #expect(text.hasPrefix("spiffe: no SVID from unix://\(path) in time: cannot connect"), "\(text)")
    }
    let running = try await RunningGateway.start { Self.configuration(issuer, $0, spiffe: ", startTimeout: 0s") }
    #expect(!(await ask(running, as: right, trusting: right)).hasPrefix("HTTP"))
    #expect(try await until { metric(running, Self.withoutIdentity) ?? 0 > 0 })
    let again = try await TestIssuer.start(path: path)
    let fresh = try await again.context("ns/prod/pay")
    #expect(try await until { await ask(running, as: fresh, trusting: fresh) == "HTTP/1.1 200 OK" })
    await running.stop()
    await again.server.stop()
  }

  @Test("an SVID stays in force while the agent is away, is due at a third of its life, and is not shown after its end")
  func expiry() async throws {
    let issuer = try await TestIssuer.start(lifetime: 4)
    let running = try await RunningGateway.start { Self.configuration(issuer, $0) }
    let right = try await issuer.context("ns/prod/pay")
    await issuer.server.stop()
    #expect(try await until { metric(running, "sluice_spiffe_workload_api_up") == 0 })
    let long = try await IdentityClient.connect(running.port, as: right, trusting: right, on: Self.loop)
    #expect(await long.get() == "HTTP/1.1 200 OK")
    func life() -> String? { running.gateway.identity?.state(now: UnixClock.seconds()).svid?.life }
    #expect(try await until { life() == "due" })
    #expect(try await until { life() == "expired" })
    #expect(!(await ask(running, as: right, trusting: right)).hasPrefix("HTTP"))
    #expect(try await until { metric(running, Self.withoutIdentity) ?? 0 > 0 })
    // What is established goes on.
    #expect(await long.get() == "HTTP/1.1 200 OK")
    await long.close()
    await running.stop()
  }
}
