import Foundation
import Logging
import NIOCore
import NIOPosix

@testable import Bookstore

/// A client that sends exactly what a test says, one connection a request.
struct TestClient: Sendable {
  let port: Int

  struct Response: Sendable {
    let status: Int
    let head: String
    let body: JSONValue

    func header(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
        .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
  }

  /// Sends a request and reads the answer. Throws when there is none.
  func send(
    _ method: String, _ path: String, _ body: JSONValue? = nil, token: String? = nil, headers: [String] = []
  ) async throws -> Response {
    let bytes = Self.bytes(method, path, body, token, headers)
    let received = try await exchange(bytes, leavesEarly: false)
    guard let end = received.range(of: "\r\n\r\n"), let status = received.split(separator: " ").dropFirst().first,
      let code = Int(status)
    else { throw ChannelError.eof }
    let text = received[end.upperBound...]
    return Response(
      status: code, head: String(received[..<end.lowerBound]),
      body: (try? JSONReader.read(Array(text.utf8))) ?? .string(String(text)))
  }

  /// What comes back for these bytes until the server closes the connection.
  func raw(_ bytes: String) async throws -> String { try await exchange(Array(bytes.utf8), leavesEarly: false) }

  /// Sends a request and closes the connection without waiting for the answer.
  func sendAndLeave(
    _ method: String, _ path: String, _ body: JSONValue?, token: String, headers: [String]
  ) async throws {
    _ = try await exchange(Self.bytes(method, path, body, token, headers), leavesEarly: true)
  }

  private static func bytes(
    _ method: String, _ path: String, _ body: JSONValue?, _ token: String?, _ headers: [String]
  ) -> [UInt8] {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    for header in headers { head += header + "\r\n" }
    if let token { head += "Authorization: Bearer \(token)\r\n" }
    let payload = body?.bytes ?? []
    if body != nil { head += "Content-Type: application/json\r\nContent-Length: \(payload.count)\r\n" }
    return Array((head + "\r\n").utf8) + payload
  }

  private func exchange(_ bytes: [UInt8], leavesEarly: Bool) async throws -> String {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: bytes))
      if leavesEarly { return "" }
      var received: [UInt8] = []
      for try await part in inbound { received += part.readableBytesView }
      return String(decoding: received, as: UTF8.self)
    }
  }
}

/// Runs a whole service on a free port, with its worker, while `body` uses it.
func withService(
  _ store: any Store, _ body: @Sendable @escaping (Bookstore, TestClient) async throws -> Void
) async throws {
  let clock = Clock { Int64(Date().timeIntervalSince1970 * 1000) }
  let bookstore = try await Bookstore.open(store, clock: clock, passwords: .weak, logger: .init(label: "test"))
  let (ports, found) = AsyncStream.makeStream(of: Int.self)
  var logger = bookstore.testLogger
  logger.logLevel = .critical
  let server = BookstoreServer(
    host: "127.0.0.1", port: 0, dispatcher: bookstore.dispatcher(logger), logger: logger,
    onListening: { found.yield($0) })
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.run() }
    group.addTask { try await bookstore.worker.run() }
    group.addTask {
      for await port in ports {
        try await body(bookstore, TestClient(port: port))
        break
      }
      throw CancellationError()
    }
    do { while try await group.next() != nil {} } catch is CancellationError {}
    group.cancelAll()
  }
  await bookstore.accounts.hasher.close()
}

extension Bookstore {
  fileprivate var testLogger: Logger { Logger(label: "bookstore-test") }

  /// A user and a token that holds.
  func makeUser(_ name: String, role: User.Role = .customer) async throws -> (user: User, token: String) {
    let user = try await accounts.register(
      email: try EmailAddress("\(name)@example.org"), name: name, password: "a long password", role: role)
    return (user, try accounts.tokens.token(for: user, nowSeconds: clock.seconds))
  }
}
