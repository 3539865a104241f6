import Foundation
import NIOCore
import NIOPosix
import Observability
import Testing

@testable import GatewayRuntime

/// The end of a gateway with requests that still wait for something. NIO prints an error where a task is scheduled on a
/// loop that has ended, and dies of it when it is told to be strict: so each end is one of a process of its own.
@Suite("ends")
struct EndTests {
  /// Runs a gateway as the command does, sends `requests`, and stops it by a signal when all of them are there.
  private static func run(_ requests: [String], _ configuration: (_ serverPort: Int) -> String) async throws {
    let running = try await RunningGateway.start(configuration)
    let (lines, telling) = AsyncStream<String>.makeStream()
    let service = Task { try await GatewayService(running.gateway).runUntilStopped { telling.yield($0) } }
    for await line in lines where line.hasPrefix("listening: admin") { break }
    let clients = try requests.map { request in
      let client = try RawClient(port: running.port)
      client.send(Array(request.utf8))
      return client
    }
    let deadline = ContinuousClock.now + .seconds(30)
    func waiting() -> Int {
      running.gateway.ledger.counts().values.reduce(0) { $0 + Int($1[.exchange] ?? 0) }
    }
    while waiting() < requests.count, ContinuousClock.now < deadline { await Task.yield() }
    kill(getpid(), SIGTERM)
    try await service.value
    withExtendedLifetime(clients) {}
  }

  private static func configuration(_ serverPort: Int, _ middleware: String) -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:0", transport: { lifeCycle: { graceTimeOut: 50ms } } } }
    admin: { address: "127.0.0.1:0" }
    log: { level: ERROR }
    runtime: { eventLoops: 1 }
    http:
      routers: { all: { rule: "PathPrefix(`/`)", service: up, middlewares: [asks] } }
      middlewares: { asks: { \(middleware) } }
      services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(serverPort)" } ] } } }
    """
  }

  @Test("requests that wait for a key set hand nothing to a loop that has ended")
  func keySets() async {
    await #expect(processExitsWith: .success) {
      setenv("SWIFTNIO_STRICT", "1", 1)
      // Accepts and says nothing.
      let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
      let url = "http://127.0.0.1:\(silent.localAddress?.port ?? 0)/"
      let token = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhIn0." + String(repeating: "A", count: 86)
      let request = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
      try await EndTests.run(Array(repeating: request, count: 3)) {
        EndTests.configuration($0, "jwt: { algorithms: [ES256], jwks: { url: \"\(url)\", timeout: 20s } }")
      }
    }
  }

  @Test("passwords that are being checked hand nothing to a loop that has ended")
  func passwords() async {
    await #expect(processExitsWith: .success) {
      setenv("SWIFTNIO_STRICT", "1", 1)
      // Cost 12: a quarter of a second each, of which 50 ms are waited for.
      let hash = "$2b$12$B3ULWRwMdwYMiPGbDgqj/ODFkiwj3sno4r7bFIfqkyUpryX/Tvo4y"
      let requests = (0..<4).map { number in
        let name = Data("u:\(number)".utf8).base64EncodedString()
        return "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \(name)\r\n\r\n"
      }
      try await EndTests.run(requests) { EndTests.configuration($0, "basicAuth: { users: [\"u:\(hash)\"] }") }
    }
  }
}
