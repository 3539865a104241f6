import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// An HTTP/2 client without TLS: one connection, streams one after the other or at once, each heard to its end.
final class HTTP2Client: Sendable {
  /// What came of one stream.
  struct Answer: Sendable, Equatable {
    var head = HPACKHeaders()
    var body = ""
    var trailers: HPACKHeaders?
    /// What a RST_STREAM said, unless it followed a whole answer.
    var reset: HTTP2ErrorCode?
    /// Something broke, or the connection was closed, before the end.
    var broke = false

    var status: String? { head.first(name: ":status") }
    /// The status of a gRPC call: in the trailers, or in the head where that is all there is.
    var grpcStatus: String? { (trailers ?? head).first(name: "grpc-status") }
  }

  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer

  /// Connects, runs `body`, closes.
  static func with<Result>(
    _ port: UInt16, _ body: (HTTP2Client) async throws -> Result
  ) async throws -> Result {
    let client = try await HTTP2Client(port)
    do {
      let result = try await body(client)
      try await client.close()
      return result
    } catch {
      try? await client.close()
      throw error
    }
  }

  private init(_ port: UInt16) async throws {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let (channel, multiplexer) = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: Int(port)) {
      channel in
      channel.eventLoop.makeCompletedFuture {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        // Tests send what they want.
        connection.headerBlockValidation = .disabled
        connection.contentLengthValidation = .disabled
        let handler = NIOHTTP2Handler(
          mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection, streamConfiguration: .init()
        ) { $0.close() }
        try channel.pipeline.syncOperations.addHandler(handler)
        return (channel, try handler.syncMultiplexer())
      }
    }
    self.channel = channel
    self.multiplexer = multiplexer
  }

  private func close() async throws {
    try? await channel.close().get()
    try await group.shutdownGracefully()
  }

  /// Opens a stream, sends what is given and hears the answer to its end.
  ///
  /// - Parameters:
  ///   - trailers: sent after the body; nil: the body, or the head, is the end.
  ///   - ends: whether the request ends at all.
  func ask(
    _ head: HPACKHeaders, body: [String] = [], trailers: HPACKHeaders? = nil, ends: Bool = true
  ) async throws -> Answer {
    let answered = channel.eventLoop.makePromise(of: Answer.self)
    let opened = multiplexer.createStreamChannel { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(Collector(answered))
      }
    }
    opened.whenFailure { answered.fail($0) }
    let stream = try await opened.get()
    let isBare = body.isEmpty && trailers == nil
    do {
      try await stream.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: head, endStream: isBare && ends)))
    } catch {
      answered.fail(error)
    }
    // Whoever was answered before the end need not take the rest.
    for (index, part) in body.enumerated() {
      let isLast = ends && trailers == nil && index == body.count - 1
      let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(string: part)), endStream: isLast)
      try? await stream.writeAndFlush(HTTP2Frame.FramePayload.data(data))
    }
    if let trailers {
      try? await stream.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: trailers, endStream: true)))
    }
    return try await answered.futureResult.get()
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload

    private var answer = Answer()
    private var hasHead = false
    private var isOver = false
    private let answered: EventLoopPromise<Answer>

    init(_ answered: EventLoopPromise<Answer>) { self.answered = answered }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .headers(let frame):
        if hasHead { answer.trailers = frame.headers } else { answer.head = frame.headers }
        hasHead = true
        if frame.endStream { finish() }
      case .data(let frame):
        if case .byteBuffer(let bytes) = frame.data { answer.body += String(buffer: bytes) }
        if frame.endStream { finish() }
      case .rstStream(let code):
        answer.reset = code
        finish()
      default: break
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
      if !isOver { answer.broke = true }
      finish()
    }

    private func finish() {
      guard !isOver else { return }
      isOver = true
      answered.succeed(answer)
    }
  }
}
