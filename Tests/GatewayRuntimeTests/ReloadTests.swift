import Foundation
import GatewayModel
import Observability
import Synchronization
import Testing

@testable import GatewayRuntime

@Suite(.serialized)
struct ReloadTests {
  private static func configuration(_ serverPort: Int, mark: Int, extra: String = "") -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:0" } }
    runtime: { eventLoops: 2 }
    http:
      routers: { all: { rule: "PathPrefix(`/`)", service: up, middlewares: [mark] } }
      middlewares: { mark: { headers: { customResponseHeaders: { X-Mark: "\(mark)" } } } }
      services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(serverPort)" } ] } } }
    \(extra)
    """
  }

  @Test("five hundred reloads under load fail no request and leave neither connections nor old generations")
  func manyReloads() async throws {
    let running = try await RunningGateway.start { Self.configuration($0, mark: 0) }
    let port = running.port
    // Threads of their own: blocking clients would take the pool's threads from the gateway's reloads.
    let finished = DispatchGroup()
    let queue = DispatchQueue(label: "load", attributes: .concurrent)
    #expect(try RawClient(port: port).get("/") == "HTTP/1.1 200 OK")
    let load = LoadState()
    for _ in 0..<4 {
      finished.enter()
      queue.async {
        defer { finished.leave() }
        guard let client = try? RawClient(port: port) else { return load.fail("connect") }
        while !load.isOver.load(ordering: .relaxed) {
          let line = client.get("/")
          guard line == "HTTP/1.1 200 OK" else { return load.fail(line) }
          load.served.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    // Five hundred, and as many more as it takes for the load to have met them.
    for round in 1...10_000 where round <= 500 || load.served.load(ordering: .relaxed) <= 500 {
      if load.failures.withLock({ !$0.isEmpty }) { break }
      try running.write(Self.configuration(running.serverPort, mark: round))
      let result = await running.gateway.reload()
      #expect(result == .installed(generation: UInt64(round + 1)))
    }
    load.isOver.store(true, ordering: .relaxed)
    await withCheckedContinuation { done in finished.notify(queue: queue) { done.resume() } }
    #expect(load.failures.withLock { $0 } == [])
    #expect(load.served.load(ordering: .relaxed) > 500)
    // Four connections of the load may linger on both sides; a leak would be hundreds.
    #expect(openConnections([port, running.serverPort]) <= 48)
    let held = running.gateway.ledger.counts().filter { $0.value[.exchange] != nil }
    #expect(held.isEmpty)
    let client = try RawClient(port: port)
    #expect(client.get("/") == "HTTP/1.1 200 OK")
    await running.stop()
  }

  @Test("a refused file changes nothing, counts, and is told; a right one ends the matter")
  func refusedReload() async throws {
    let running = try await RunningGateway.start { Self.configuration($0, mark: 1) }
    let client = try RawClient(port: running.port)
    try running.write(Self.configuration(running.serverPort, mark: 2, extra: "nonsense: true"))
    guard case .refused(let lines) = await running.gateway.reload() else {
      Issue.record("a file with an unknown key was taken")
      return
    }
    #expect(lines.first?.contains("sluice.yml:7:1: ") == true)
    #expect(client.get("/") == "HTTP/1.1 200 OK")
    #expect(running.gateway.view().lastReloadFailure?.contains("nonsense") == true)
    #expect(running.gateway.view().generation == 1)
    let metrics = String(decoding: running.gateway.metrics.registry.text(.prometheus), as: UTF8.self)
    #expect(metrics.contains("sluice_config_reload_failures_total 1"))
    try running.write(Self.configuration(running.serverPort, mark: 3))
    #expect(await running.gateway.reload() == .installed(generation: 2))
    #expect(running.gateway.view().lastReloadFailure == nil)
    await running.stop()
  }
}

/// What the load's threads and the test share.
private final class LoadState: Sendable {
  let isOver = Atomic<Bool>(false)
  let served = Atomic<Int>(0)
  let failures = Mutex<[String]>([])

  func fail(_ what: String) { failures.withLock { $0.append(what) } }
}
