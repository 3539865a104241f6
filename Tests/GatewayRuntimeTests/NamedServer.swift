import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real server that answers with its name and that a test can make fail, refuse or fall silent while it runs.
final class NamedServer: Sendable {
  struct Behaviour: Sendable {
    var status = 200
    /// For requests under `/health`.
    var health = 200
    /// Takes requests and says nothing.
    var isSilent = false
    /// Milliseconds before it answers.
    var delay: Int64 = 0
  }

  let name: String
  let port: Int
  let behaviour = Mutex(Behaviour())
  private let counts = Mutex<[String: Int]>([:])
  private let channel: any Channel

  var url: String { "http://127.0.0.1:\(port)" }

  private init(_ name: String, _ channel: any Channel) {
    self.name = name
    self.channel = channel
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameter port: 0 for a free one.
  static func start(_ name: String, on group: MultiThreadedEventLoopGroup, port: Int = 0) async throws -> NamedServer {
    let server = Mutex<NamedServer?>(nil)
    let box = Box(server)
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(NamedHandler(box))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    let made = NamedServer(name, channel)
    box.server.withLock { $0 = made }
    return made
  }

  func stop() async { try? await channel.close().get() }

  func change(_ body: (inout Behaviour) -> Void) { behaviour.withLock { body(&$0) } }

  /// Requests for a path so far.
  func count(_ path: String) -> Int { counts.withLock { $0[path] ?? 0 } }
  /// All requests but those for `/health`.
  var served: Int { counts.withLock { $0.filter { !$0.key.hasPrefix("/health") }.values.reduce(0, +) } }

  fileprivate func note(_ path: String) { counts.withLock { $0[path, default: 0] += 1 } }
}

/// The handler is made before the server has its port.
private final class Box: Sendable {
  let server: Mutex<NamedServer?>
  init(_ server: consuming Mutex<NamedServer?>) { self.server = server }
}

private final class NamedHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let box: Box
  private var path = ""
  private var body = ByteBuffer()

  init(_ box: Box) { self.box = box }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      path = head.uri
      body.clear()
    case .body(var part): body.writeBuffer(&part)
    case .end: answer(context)
    }
  }

  private func answer(_ context: ChannelHandlerContext) {
    guard let server = box.server.withLock({ $0 }) else { return }
    server.note(path)
    let behaviour = server.behaviour.withLock { $0 }
    if behaviour.isSilent { return }
    let status = path.hasPrefix("/health") ? behaviour.health : behaviour.status
    let text = body.readableBytes > 0 ? server.name + " " + String(buffer: body) : server.name
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .milliseconds(behaviour.delay)) {
      let (handler, context) = bound.value
      let head = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: status),
        headers: ["content-length": "\(text.utf8.count)"])
      context.write(handler.wrapOutboundOut(.head(head)), promise: nil)
      context.write(handler.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
      context.writeAndFlush(handler.wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
