import NIOConcurrencyHelpers
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// An HTTP/2 server without TLS whose every stream does what the test says: for what no well-behaved server shows.
final class HTTP2Server: Sendable {
  /// What becomes of a stream once its request is complete, or at its head.
  enum Answer: Sendable {
    case respond(HPACKHeaders, body: String = "", trailers: HPACKHeaders? = nil)
    case reset(HTTP2ErrorCode)
    /// GOAWAY that leaves this stream out, then the end of the connection.
    case goAway
    /// The response head at once, without the request's end.
    case respondEarly(HPACKHeaders)
    case nothing
    case close
  }

  typealias Script = @Sendable (_ number: Int, _ headers: HPACKHeaders) -> Answer

  let port: UInt16
  private let group: MultiThreadedEventLoopGroup
  private let counts: NIOLockedValueBox<(connections: Int, streams: Int, bodies: [String])>

  static func start(streamsMax: Int = 100, _ script: @escaping Script) async throws -> HTTP2Server {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let counts = NIOLockedValueBox((connections: 0, streams: 0, bodies: [String]()))
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          counts.withLockedValue { $0.connections += 1 }
          var connection = NIOHTTP2Handler.ConnectionConfiguration()
          // Tests send what they want.
          connection.headerBlockValidation = .disabled
          connection.initialSettings = [HTTP2Setting(parameter: .maxConcurrentStreams, value: streamsMax)]
          let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamConfiguration: .init()
          ) { stream in
            stream.eventLoop.makeCompletedFuture {
              try stream.pipeline.syncOperations.addHandler(StreamHandler(counts: counts, script: script))
            }
          }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return HTTP2Server(port: UInt16(channel.localAddress?.port ?? 0), group: group, counts: counts)
  }

  private init(
    port: UInt16, group: MultiThreadedEventLoopGroup,
    counts: NIOLockedValueBox<(connections: Int, streams: Int, bodies: [String])>
  ) {
    self.port = port
    self.group = group
    self.counts = counts
  }

  var connections: Int { counts.withLockedValue { $0.connections } }
  var streams: Int { counts.withLockedValue { $0.streams } }
  var bodies: [String] { counts.withLockedValue { $0.bodies } }

  func stop() async { try? await group.shutdownGracefully() }

  private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let counts: NIOLockedValueBox<(connections: Int, streams: Int, bodies: [String])>
    private let script: Script
    private var answer = Answer.nothing
    private var body = ""

    init(counts: NIOLockedValueBox<(connections: Int, streams: Int, bodies: [String])>, script: @escaping Script) {
      self.counts = counts
      self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .headers(let frame):
        if answer.isNothing {
          let number = counts.withLockedValue { counts in
            defer { counts.streams += 1 }
            return counts.streams
          }
          answer = script(number, frame.headers)
          if case .respondEarly(let headers) = answer { write(.headers(.init(headers: headers)), context) }
        }
        if frame.endStream { end(context) }
      case .data(let frame):
        if case .byteBuffer(let bytes) = frame.data { body += String(buffer: bytes) }
        if frame.endStream { end(context) }
      default: break
      }
    }

    private func write(_ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(payload), promise: nil)
    }

    private func end(_ context: ChannelHandlerContext) {
      counts.withLockedValue { $0.bodies.append(body) }
      switch answer {
      case .respond(let headers, let text, let trailers):
        write(.headers(.init(headers: headers, endStream: text.isEmpty && trailers == nil)), context)
        if !text.isEmpty {
          write(.data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: trailers == nil)), context)
        }
        if let trailers { write(.headers(.init(headers: trailers, endStream: true)), context) }
      case .respondEarly:
        write(.data(.init(data: .byteBuffer(ByteBuffer(string: "done")), endStream: true)), context)
      case .reset(let code): write(.rstStream(code), context)
      case .goAway:
        let parent = context.channel.parent
        let frame = HTTP2Frame(
          streamID: .rootStream, payload: .goAway(lastStreamID: .rootStream, errorCode: .noError, opaqueData: nil))
        parent?.writeAndFlush(frame, promise: nil)
        parent?.close(promise: nil)
      case .close: context.channel.parent?.close(promise: nil)
      case .nothing: break
      }
    }
  }
}

extension HTTP2Server.Answer {
  fileprivate var isNothing: Bool { if case .nothing = self { true } else { false } }

  static func ok(_ body: String = "ok") -> Self { .respond([":status": "200"], body: body) }
}
