import Testing

@testable import GatewayRuntime

@Suite(.serialized)
struct RateLimitReloadTests {
  private static func configuration(_ serverPort: Int, average: Int, mark: Int) -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:0" } }
    runtime: { eventLoops: 2 }
    http:
      routers: { all: { rule: "PathPrefix(`/`)", service: up, middlewares: [mark, limit] } }
      middlewares:
        mark: { headers: { customResponseHeaders: { X-Mark: "\(mark)" } } }
        limit: { rateLimit: { average: \(average), period: 1h, burst: 3 } }
      services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(serverPort)" } ] } } }
    """
  }

  @Test("a reload that leaves the limit as it is leaves what was used; one that changes it begins anew")
  func reload() async throws {
    let running = try await RunningGateway.start { Self.configuration($0, average: 1, mark: 0) }
    // Each on a connection of its own, so that both loops are asked.
    func lines(_ count: Int) throws -> [String] {
      try (0..<count).map { _ in try RawClient(port: running.port).get("/") }
    }
    let ok = "HTTP/1.1 200 OK"
    let refused = "HTTP/1.1 429 Too Many Requests"
    #expect(try lines(2) == [ok, ok])
    try running.write(Self.configuration(running.serverPort, average: 1, mark: 1))
    #expect(await running.gateway.reload() == .installed(generation: 2))
    #expect(try lines(3) == [ok, refused, refused])
    try running.write(Self.configuration(running.serverPort, average: 2, mark: 1))
    #expect(await running.gateway.reload() == .installed(generation: 3))
    #expect(try lines(4) == [ok, ok, ok, refused])
    await running.stop()
  }
}
