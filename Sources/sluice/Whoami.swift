import ArgumentParser
import GatewayDataPlane
import GatewayModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// `sluice whoami`: a server that answers with what it received, as the well-known container traefik/whoami does.
//
// It stands behind a gateway where a real service would, so that a person, a test or the quick start sees what the
// gateway forwarded: which server answered, which fields were added, what is left of a path. It is a tool and not
// the product, so it takes NIO's stock HTTP codec, and one event loop that owns everything: no lock, no hop.
// Bounded: connections, silence, the part of a body that is kept, a wait, a WebSocket frame, the time a stop takes.

/// `sluice whoami`: answers with what it received, until SIGTERM or SIGINT.
struct Whoami: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "whoami",
    abstract: "A small server that answers with what it received, to stand behind a gateway.",
    discussion: """
      /            what arrived, as text: host name, addresses, request line, fields, body
      /api         the same as JSON
      /data        ?size=N&unit=KB|MB|GB: a body of that size, streamed
      /health      GET answers with the status that a POST of a number has set (200 first)
      /echo        a WebSocket that sends every message back
      /bench       one byte, for load
      ?wait=300ms  on any of them: answers after that time (at most 10 minutes)
      """)

  @Option(help: "Port to listen on; 0 takes a free one and prints it.")
  var port: Int = 0

  @Option(help: "Address to listen on.")
  var host: String = "127.0.0.1"

  @Option(help: "A name to print first, to tell several servers apart.")
  var name: String?

  func validate() throws {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port is a number from 0 to 65535, not \(port).")
    }
  }

  func run() async throws {
    let stops = CommandSignals([SIGTERM, SIGINT])
    defer { withExtendedLifetime(stops) {} }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let server = try await WhoamiServer.start(
        host: host, port: port, identity: WhoamiIdentity(name: name), on: group.next())
      say("whoami\(name.map { " \($0)" } ?? "") listens on http://\(server.address)")
      for await _ in stops.arrivals { break }
      await server.drain()
    } catch {
      try? await group.shutdownGracefully()
      throw WhoamiFailure(description: "\(ListenError.ofCommand(host, port, error))")
    }
    try await group.shutdownGracefully()
  }

  /// Prints a line at once, also into a pipe: whoever started this waits for it.
  private func say(_ line: String) {
    print(line)
    fflush(nil)
  }
}

extension ListenError {
  /// A command's server cannot listen where its options say.
  static func ofCommand(_ host: String, _ port: Int, _ cause: any Error) -> ListenError {
    ListenError(
      place: cause is SocketAddressError.UnknownHost ? "--host" : "--port",
      address: ListenAddress(host: host, port: UInt16(clamping: port)), cause: cause)
  }
}

/// Why `sluice whoami` does not run, for the person who started it.
struct WhoamiFailure: Error, CustomStringConvertible {
  let description: String
}

/// The listening server: its channel, and the connections of its one event loop.
struct WhoamiServer: Sendable {
  static let connectionsMax = 16_384
  static let idleMax = TimeAmount.minutes(5)
  static let drainMax = TimeAmount.seconds(5)
  static let frameBytesMax = 1 << 20

  private let listener: any Channel
  private let crowd: NIOLoopBound<WhoamiCrowd>

  /// Where it listens, as `host:port`.
  var address: String { WhoamiIdentity.text(listener.localAddress) }

  /// The port it listens on.
  var port: Int? { listener.localAddress?.port }

  /// Binds and serves. Throws NIO's IOError when the address is taken or not of this machine.
  static func start(
    host: String, port: Int, identity: WhoamiIdentity, on loop: any EventLoop
  ) async throws -> WhoamiServer {
    try await loop.flatSubmit {
      let crowd = NIOLoopBound(WhoamiCrowd(identity: identity), eventLoop: loop)
      return ServerBootstrap(group: loop)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .serverChannelOption(.backlog, value: 4096)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try admit(channel, into: crowd.value) }
        }
        .bind(host: host, port: port)
        .map { WhoamiServer(listener: $0, crowd: crowd) }
    }.get()
  }

  /// Stops accepting, lets running answers end, closes idle connections at once and the rest at `drainMax`.
  func drain() async {
    try? await listener.close().get()
    let loop = listener.eventLoop
    let crowd = self.crowd
    try? await loop.flatSubmit {
      crowd.value.drain(on: loop, deadline: Self.drainMax)
    }.get()
  }

  private static func admit(_ channel: any Channel, into crowd: WhoamiCrowd) throws {
    guard crowd.connections.count < connectionsMax, !crowd.draining else {
      channel.close(promise: nil)
      return
    }
    let handler = WhoamiHandler(crowd: crowd)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(IdleStateHandler(allTimeout: idleMax))
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: true,
      withServerUpgrade: (upgraders: [upgrader()], completionHandler: { _ in }),
      withErrorHandling: true)
    try pipeline.addHandler(handler)
    crowd.join(channel, handler)
  }

  private static func upgrader() -> NIOWebSocketServerUpgrader {
    NIOWebSocketServerUpgrader(
      maxFrameSize: frameBytesMax,
      shouldUpgrade: { channel, head in
        let accepted = WhoamiTarget(head.uri).path == "/echo"
        return channel.eventLoop.makeSucceededFuture(accepted ? HTTPHeaders() : nil)
      },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let finished = try pipeline.handler(type: WhoamiHandler.self)
          try pipeline.addHandler(WhoamiEcho())
          pipeline.removeHandler(finished, promise: nil)
        }
      })
  }

  /// A second chance to become a WebSocket: NIO's upgrade handler leaves with a connection's first request, and a
  /// gateway sends a handshake on whichever connection is idle.
  ///
  /// - Returns: the context of a handler in front of `handler`, to be given the head.
  static func awaitUpgrade(before handler: WhoamiHandler, in channel: any Channel) throws -> ChannelHandlerContext {
    let pipeline = channel.pipeline.syncOperations
    let others: [any RemovableChannelHandler] = [
      try pipeline.handler(type: HTTPServerPipelineHandler.self),
      try pipeline.handler(type: NIOHTTPResponseHeadersValidator.self),
      try pipeline.handler(type: HTTPServerProtocolErrorHandler.self),
      try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self),
    ]
    let upgrade = HTTPServerUpgradeHandler(
      upgraders: [upgrader()], httpEncoder: try pipeline.handler(type: HTTPResponseEncoder.self),
      extraHTTPHandlers: others, upgradeCompletionHandler: { _ in })
    try pipeline.addHandler(upgrade, position: .before(handler))
    return try pipeline.context(handler: upgrade)
  }
}

/// Everything the connections of one server share. It belongs to the server's event loop.
final class WhoamiCrowd {
  let identity: WhoamiIdentity
  var health = 200
  private(set) var draining = false
  /// Every open connection, with the handler that knows whether an answer is running.
  private(set) var connections: [ObjectIdentifier: (channel: any Channel, handler: WhoamiHandler)] = [:]
  private var emptied: EventLoopPromise<Void>?

  init(identity: WhoamiIdentity) { self.identity = identity }

  func join(_ channel: any Channel, _ handler: WhoamiHandler) {
    connections[ObjectIdentifier(channel)] = (channel, handler)
    let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
    channel.closeFuture.whenComplete { _ in bound.value.leave(ObjectIdentifier(channel)) }
  }

  private func leave(_ identifier: ObjectIdentifier) {
    connections[identifier] = nil
    if connections.isEmpty { emptied?.succeed() }
  }

  /// Succeeds when no connection is left, at the deadline at the latest.
  func drain(on loop: any EventLoop, deadline: TimeAmount) -> EventLoopFuture<Void> {
    draining = true
    if connections.isEmpty { return loop.makeSucceededVoidFuture() }
    let promise = loop.makePromise(of: Void.self)
    emptied = promise
    let bound = NIOLoopBound(self, eventLoop: loop)
    let force = loop.scheduleTask(in: deadline) {
      for each in bound.value.connections.values { each.channel.close(promise: nil) }
    }
    promise.futureResult.whenComplete { _ in force.cancel() }
    for each in connections.values where each.handler.isIdle { each.channel.close(promise: nil) }
    return promise.futureResult
  }
}
