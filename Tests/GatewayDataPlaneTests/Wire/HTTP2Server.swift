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
    /// GOAWAY that names this stream as the last one, then the answer to it.
    case goAwayAfter(HPACKHeaders, body: String)
    /// The response head at once, without the request's end.
    case respondEarly(HPACKHeaders)
    /// The head and a part of the body at once, and never more.
    case begin(HPACKHeaders, String)
    case nothing
    case close
  }

  /// What came from the gateway.
  private struct Seen {
    var connections = 0
    var streams = 0
    var bodies: [String] = []
    var heads: [HPACKHeaders] = []
    var trailers: [HPACKHeaders] = []
    var resets: [HTTP2ErrorCode] = []
  }

  typealias Script = @Sendable (_ number: Int, _ headers: HPACKHeaders) -> Answer

  let port: UInt16
  private let group: MultiThreadedEventLoopGroup
  private let counts: NIOLockedValueBox<Seen>

  static func start(streamsMax: Int = 100, _ script: @escaping Script) async throws -> HTTP2Server {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let counts = NIOLockedValueBox(Seen())
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
    counts: NIOLockedValueBox<Seen>
  ) {
    self.port = port
    self.group = group
    self.counts = counts
  }

  var connections: Int { counts.withLockedValue { $0.connections } }
  var streams: Int { counts.withLockedValue { $0.streams } }
  var bodies: [String] { counts.withLockedValue { $0.bodies } }
  var heads: [HPACKHeaders] { counts.withLockedValue { $0.heads } }
  var trailers: [HPACKHeaders] { counts.withLockedValue { $0.trailers } }
  /// Streams that the gateway reset, in the order in which it did.
  var resets: [HTTP2ErrorCode] { counts.withLockedValue { $0.resets } }

  func stop() async { try? await group.shutdownGracefully() }

  private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let counts: NIOLockedValueBox<Seen>
    private let script: Script
    private var answer = Answer.nothing
    private var body = ""
    private var hasHead = false

    init(counts: NIOLockedValueBox<Seen>, script: @escaping Script) {
      self.counts = counts
      self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .headers(let frame):
        if hasHead {
          counts.withLockedValue { $0.trailers.append(frame.headers) }
        } else {
          hasHead = true
          let number = counts.withLockedValue { counts in
            defer { counts.streams += 1 }
            counts.heads.append(frame.headers)
            return counts.streams
          }
          answer = script(number, frame.headers)
          switch answer {
          case .respondEarly(let headers): write(.headers(.init(headers: headers)), context)
          case .begin(let headers, let text):
            write(.headers(.init(headers: headers)), context)
            write(.data(.init(data: .byteBuffer(ByteBuffer(string: text)))), context)
          default: break
          }
        }
        if frame.endStream { end(context) }
      case .data(let frame):
        if case .byteBuffer(let bytes) = frame.data { body += String(buffer: bytes) }
        if frame.endStream { end(context) }
      case .rstStream(let code): counts.withLockedValue { $0.resets.append(code) }
      default: break
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

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
      case .goAwayAfter(let headers, let text):
        let id = try? context.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)
        let payload = HTTP2Frame.FramePayload.goAway(
          lastStreamID: id ?? .rootStream, errorCode: .noError, opaqueData: nil)
        let frame = HTTP2Frame(streamID: .rootStream, payload: payload)
        context.channel.parent?.writeAndFlush(frame, promise: nil)
        write(.headers(.init(headers: headers)), context)
        write(.data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: true)), context)
      case .close: context.channel.parent?.close(promise: nil)
      case .nothing, .begin: break
      }
    }
  }
}

extension HTTP2Server.Answer {
  static func ok(_ body: String = "ok") -> Self { .respond([":status": "200"], body: body) }
}
