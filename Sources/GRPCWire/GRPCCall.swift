public import NIOCore
public import NIOHPACK
public import NIOHTTP2

/// One gRPC call as a stream of HTTP/2: one request message, any number of answers.
/// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
public final class GRPCCall: ChannelInboundHandler {
  public typealias InboundIn = HTTP2Frame.FramePayload
  public typealias OutboundOut = HTTP2Frame.FramePayload

  private let headers: HPACKHeaders
  private let request: [UInt8]
  private let isLast: Bool
  private let answer: ([UInt8]) -> Void
  private let ended: (GRPCEnd) -> Void
  private var frames: GRPCFrames
  private var hasEnded = false

  /// - Parameters:
  ///   - isLast: whether the request is complete with its message, as in a unary call and a server's stream.
  ///   - messageBytesMax: of one answer.
  ///   - answer: gets each message.
  ///   - ended: called once.
  public init(
    _ headers: HPACKHeaders, _ request: [UInt8], isLast: Bool, messageBytesMax: Int,
    answer: @escaping ([UInt8]) -> Void, ended: @escaping (GRPCEnd) -> Void
  ) {
    self.headers = headers
    self.request = request
    self.isLast = isLast
    self.answer = answer
    self.ended = ended
    frames = GRPCFrames(messageBytesMax: messageBytesMax)
  }

  /// The header list of a call without its metadata.
  ///
  /// - Parameter path: `/package.Service/Method`.
  public static func headers(scheme: String, path: String, authority: String) -> HPACKHeaders {
    HPACKHeaders([
      (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ])
  }

  public func channelActive(context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
    context.writeAndFlush(
      wrapOutboundOut(.data(.init(data: .byteBuffer(GRPCFrames.buffer(request)), endStream: isLast))), promise: nil)
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let payload):
      if let status = payload.headers.first(name: ":status"), status != "200" {
        return end(.broken("HTTP status \(status.prefix(8))"))
      }
      if let status = payload.headers.first(name: "grpc-status") {
        let message = GRPCMessage.decode(payload.headers.first(name: "grpc-message") ?? "")
        end(.status(Int(status) ?? 2, message: String(message.prefix(500))))
      }
    case .data(let payload):
      guard case .byteBuffer(let part) = payload.data else { return }
      frames.append(part)
      readMessages()
    default: break
    }
  }

  private func readMessages() {
    while !hasEnded {
      do throws(GRPCFrames.Refused) {
        guard let message = try frames.next() else { return }
        answer(message)
      } catch {
        end(.broken("\(error)"))
      }
    }
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(.broken("\(error)"))
    context.close(promise: nil)
  }

  public func channelInactive(context: ChannelHandlerContext) { end(.closed) }

  private func end(_ how: GRPCEnd) {
    guard !hasEnded else { return }
    hasEnded = true
    ended(how)
  }
}
