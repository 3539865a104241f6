import Foundation
import NIOCore
import NIOPosix
import Observability

@testable import GatewayRuntime

/// Some named servers, and a gateway in front whose services a test writes.
struct ServiceGateway {
  let gateway: Gateway
  let servers: [NamedServer]
  let group: MultiThreadedEventLoopGroup
  private let folder: String

  var port: Int { Int(gateway.ports[0]) }

  /// - Parameter services: the section `http.services` in YAML; the router's service is `main`.
  static func with(
    _ names: [String], loops: Int = 1, extra: String = "", services: ([NamedServer]) -> String,
    _ body: (ServiceGateway) async throws -> Void
  ) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var servers: [NamedServer] = []
    for name in names { servers.append(try await NamedServer.start(name, on: group)) }
    let folder = NSTemporaryDirectory() + "sluice-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Self.text(services(servers), loops, extra).write(
      toFile: folder + "/sluice.yml", atomically: true, encoding: .utf8)
    let gateway = try await Gateway.start(path: folder + "/sluice.yml", version: "test")
    let made = ServiceGateway(gateway: gateway, servers: servers, group: group, folder: folder)
    let result: Result<Void, any Error>
    do { result = .success(try await body(made)) } catch { result = .failure(error) }
    await gateway.drain()
    await gateway.end()
    try? await group.shutdownGracefully()
    try? FileManager.default.removeItem(atPath: folder)
    try result.get()
  }

  private static func text(_ services: String, _ loops: Int, _ extra: String) -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:0", transport: { lifeCycle: { graceTimeOut: 1s } } } }
    runtime: { eventLoops: \(loops) }
    \(extra)
    http:
      routers: { all: { rule: "PathPrefix(`/`)", service: main } }
      services:
    \(services.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
    """
  }

  /// Installs other services.
  func reload(loops: Int = 1, _ services: String) async throws -> Gateway.ReloadResult {
    try Self.text(services, loops, "").write(toFile: folder + "/sluice.yml", atomically: true, encoding: .utf8)
    return await gateway.reload()
  }

  /// The value of a line of the metrics, nil when there is none.
  func metric(_ line: String) -> Double? {
    let text = String(decoding: gateway.metrics.registry.text(.prometheus), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
      .flatMap { Double($0.dropFirst(line.count + 1)) }
  }

  /// Looks every ten milliseconds of a loop's clock until it is so, for `seconds` at most; says whether it was.
  func until(seconds: Double = 30, _ condition: () throws -> Bool) async throws -> Bool {
    for _ in 0..<Int(seconds * 100) {
      if try condition() { return true }
      try await group.next().scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
    }
    return try condition()
  }

  /// One request on a connection of its own: status and body.
  func ask(_ path: String = "/", fields: String = "") throws -> (status: Int, body: String, head: String) {
    let client = try RawClient(port: port)
    client.send(Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)Connection: close\r\n\r\n".utf8))
    var text = ""
    while let bytes = client.receive(), !bytes.isEmpty { text += String(decoding: bytes, as: UTF8.self) }
    let parts = text.components(separatedBy: "\r\n\r\n")
    return (Int(text.dropFirst(9).prefix(3)) ?? 0, parts.dropFirst().joined(), parts[0])
  }

  /// Names of the servers that answered `count` requests, with how many each.
  func shares(_ count: Int, fields: (Int) -> String = { _ in "" }) throws -> [String: Int] {
    var shares: [String: Int] = [:]
    for number in 0..<count {
      let answer = try ask(fields: fields(number))
      shares[answer.status == 200 ? answer.body : "\(answer.status)", default: 0] += 1
    }
    return shares
  }
}
