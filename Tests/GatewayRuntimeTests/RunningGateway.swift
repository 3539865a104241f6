import Foundation
import GatewayModel
import NIOCore
import NIOHTTP1
import NIOPosix

@testable import GatewayRuntime

/// A server, a configuration file in a folder of its own, and a gateway in front: what the tests of the runtime run on.
///
/// Everything is real but small: sockets on free ports of 127.0.0.1, files that are written and read again.
struct RunningGateway {
  let gateway: Gateway
  let folder: String
  private let group: MultiThreadedEventLoopGroup
  let serverPort: Int

  var port: Int { Int(gateway.ports[0]) }
  var file: String { folder + "/sluice.yml" }

  static func start(_ configuration: (_ serverPort: Int) -> String) async throws -> RunningGateway {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(HelloHandler())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = server.localAddress?.port ?? 0
    let folder = NSTemporaryDirectory() + "sluice-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try configuration(port).write(toFile: folder + "/sluice.yml", atomically: true, encoding: .utf8)
    let gateway = try await Gateway.start(path: folder + "/sluice.yml", version: "test")
    return RunningGateway(gateway: gateway, folder: folder, group: group, serverPort: port)
  }

  func write(_ text: String) throws {
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  func stop() async {
    await gateway.drain()
    await gateway.end()
    await clean()
  }

  /// The rest, where the gateway has ended by itself.
  func clean() async {
    try? await group.shutdownGracefully()
    try? FileManager.default.removeItem(atPath: folder)
  }
}

/// Answers every request with two bytes.
final class HelloHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .end = unwrapInboundIn(data) else { return }
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "2"])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "ok")))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }
}

/// A blocking client with a deadline for each wait: any bytes out, any bytes in.
final class RawClient {
  struct Failed: Error {
    let what: String
  }

  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failed(what: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  /// False when the peer has closed.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  /// Some bytes; empty at the end; nil when none came in time.
  func receive() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    if count < 0 { return errno == EAGAIN ? nil : [] }
    return Array(bytes[..<count])
  }

  /// One GET on a kept connection; the status line, or what went wrong.
  func get(_ path: String, fields: String = "") -> String {
    let request = "GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
    guard send(Array(request.utf8)) else { return "closed before the request" }
    var text = ""
    while !Self.isWhole(text) {
      guard let bytes = receive(), !bytes.isEmpty else { return "closed inside the response: \(text)" }
      text += String(decoding: bytes, as: UTF8.self)
    }
    return String(text.prefix { $0 != "\r\n" })
  }

  /// Head and body, of which the length is said: what is left of one response would be taken for the next one's.
  private static func isWhole(_ text: String) -> Bool {
    let parts = text.components(separatedBy: "\r\n\r\n")
    guard parts.count > 1 else { return false }
    let fields = parts[0].lowercased().components(separatedBy: "\r\n")
    let field = fields.first { $0.hasPrefix("content-length: ") }
    return parts.dropFirst().joined().utf8.count >= field.flatMap { Int($0.dropFirst(16)) } ?? 0
  }
}

/// Connections that are not over, with one of these ports at either end. Descriptors of the process would be counted
/// more easily, but other tests run in it.
func openConnections(_ ports: [Int]) -> Int {
  let text = (try? String(contentsOfFile: "/proc/self/net/tcp", encoding: .utf8)) ?? ""
  let wanted = Set(ports.map { String(format: "%04X", $0) })
  // Established, and those of which one side has not closed: FIN_WAIT1 and 2, CLOSE_WAIT.
  let states: Set<Substring> = ["01", "04", "05", "08"]
  return text.split(separator: "\n").dropFirst().count { line in
    let columns = line.split(separator: " ")
    guard columns.count > 3, states.contains(columns[3]) else { return false }
    return columns[1...2].contains { wanted.contains(String($0.suffix(4))) }
  }
}
