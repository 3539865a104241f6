import NIOCore
import NIOPosix

@testable import LoadGeneration

/// A server of HTTP/1.1 that answers each request with fixed bytes, at once or when its clock says so.
///
/// It takes a request for whole at its empty line, which is enough for requests without bodies.
final class ScriptedServer: Sendable {
  /// How long an answer waits, by the time since the server started.
  typealias Delay = @Sendable (Duration) -> Duration

  static let hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-State: open\r\n\r\nhello"

  let port: Int
  private let channel: any Channel
  private let group: MultiThreadedEventLoopGroup

  init(answer: String = ScriptedServer.hello, closes: Bool = false, delay: @escaping Delay = { _ in .zero })
    async throws
  {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let start = ContinuousClock.now
    channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ScriptedHandler(answer: ByteBuffer(string: answer), closes: closes) { delay(ContinuousClock.now - start) })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func stop() async throws {
    try await channel.close()
    try await group.shutdownGracefully()
  }

  /// A plan against this server.
  func plan(_ pace: LoadPlan.Pace, path: String = "/") throws -> LoadPlan {
    try LoadPlan(port: port, pace: pace, path: path)
  }
}

final class ScriptedHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answer: ByteBuffer
  private let closes: Bool
  private let delay: () -> Duration
  private var line: [UInt8] = []

  init(answer: ByteBuffer, closes: Bool, delay: @escaping () -> Duration) {
    self.answer = answer
    self.closes = closes
    self.delay = delay
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    for byte in unwrapInboundIn(data).readableBytesView {
      line.append(byte)
      guard line.suffix(4).elementsEqual("\r\n\r\n".utf8) else { continue }
      line.removeAll(keepingCapacity: true)
      let wait = delay()
      guard wait > .zero else {
        reply(context)
        continue
      }
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: .nanoseconds(wait.inNanoseconds)) {
        bound.value.0.reply(bound.value.1)
      }
    }
  }

  private func reply(_ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    if closes { context.close(promise: nil) }
  }
}
