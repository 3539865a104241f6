import Foundation
import GatewayModel
import Logging
import NIOCore
import NIOPosix
import Observability
import ServiceLifecycle
import Synchronization
import Testing

@testable import AdminAPI

@Suite(.timeLimit(.minutes(5))) struct AdminServerTests {
  /// Sends bytes, reads until the server closes or `isEnough`.
  private static func talk(
    _ port: Int, _ request: String, until isEnough: @escaping @Sendable (String) -> Bool = { _ in false }
  ) async throws -> String {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: request))
      var text = ""
      for try await part in inbound {
        text += String(buffer: part)
        if isEnough(text) { break }
      }
      return text
    }
  }

  /// Runs a server on a free port; `body` gets the port and the group that stops it.
  private static func withServer(
    stopSecondsMax: Int = 5, _ body: @escaping @Sendable (Int, ServiceGroup) async throws -> Void
  ) async throws {
    var settings = try FakeGateway().configuration().static
    settings.admin.address = ListenAddress(host: "127.0.0.1", port: 0)
    let (ports, continuation) = AsyncStream<UInt16>.makeStream()
    let server = AdminServer(
      settings, sources: try FakeGateway().sources(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      stopSecondsMax: stopSecondsMax
    ) { port in
      continuation.yield(port)
      continuation.finish()
    }
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: server)], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      for await port in ports { try await body(Int(port), group) }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  @Test("a request over a real socket gets its answer, with its length and without a cache")
  func answers() async throws {
    try await Self.withServer { port, _ in
      let text = try await Self.talk(port, "GET /api/version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(text.lowercased().contains("content-type: application/json\r\n"))
      #expect(text.lowercased().contains("cache-control: no-store\r\n"))
      #expect(text.contains("\"Version\":\"1.2.3\""))
      let body = text.components(separatedBy: "\r\n\r\n").dropFirst().joined()
      #expect(text.lowercased().contains("content-length: \(body.utf8.count)\r\n"))
    }
  }

  @Test("HEAD has the head of GET and no body")
  func head() async throws {
    try await Self.withServer { port, _ in
      let text = try await Self.talk(port, "HEAD /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(text.lowercased().contains("content-length: 2\r\n"))
      #expect(text.hasSuffix("\r\n\r\n"))
    }
  }

  @Test("several requests share a connection; a refused method and a missing page do not end it")
  func keepAlive() async throws {
    try await Self.withServer { port, _ in
      let text = try await Self.talk(
        port,
        "POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /nope HTTP/1.1\r\nHost: a\r\n\r\n"
          + "GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      let statuses = text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
      #expect(statuses == ["405", "404", "200"])
      #expect(text.hasSuffix("OK"))
    }
  }

  @Test("a graceful stop closes idle connections and ends")
  func stopsIdle() async throws {
    try await Self.withServer { port, group in
      let text = try await Self.talk(port, "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n") { text in
        // The answer is here, the connection idle: from now on only the stop can close it.
        if text.hasSuffix("OK") { Task { await group.triggerGracefulShutdown() } }
        return false
      }
      #expect(text.hasSuffix("OK"))
    }
  }

  @Test("a client that never finishes its request does not hold the stop beyond its deadline")
  func deadline() async throws {
    try await Self.withServer(stopSecondsMax: 1) { port, group in
      let text = try await Self.talk(
        port, "GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: ") { text in
          if text.hasSuffix("OK") { Task { await group.triggerGracefulShutdown() } }
          return false
        }
      #expect(text.hasSuffix("OK"))
    }
  }

  @Test("no stop leaves something behind that schedules on a loop that has ended")
  func stopsForGood() async {
    await #expect(processExitsWith: .success) {
      // NIO then dies of what it otherwise prints.
      setenv("SWIFTNIO_STRICT", "1", 1)
      for _ in 0..<60 {
        try await AdminServerTests.withServer { port, _ in
          _ = try await AdminServerTests.talk(port, "GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        }
      }
    }
  }

  @Test("an address that is taken is an error, not a hang")
  func taken() async throws {
    try await Self.withServer { port, _ in
      var settings = try FakeGateway().configuration().static
      settings.admin.address = ListenAddress(host: "127.0.0.1", port: UInt16(port))
      let second = AdminServer(
        settings, sources: try FakeGateway().sources(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      await #expect(throws: AdminServer.ListenFailure.self) { try await second.run() }
    }
  }
}
