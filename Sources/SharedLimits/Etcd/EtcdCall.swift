import NIOCore
import NIOHPACK
import NIOHTTP2

/// One gRPC call as a stream of HTTP/2: one request message, any number of answers.
/// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
final class EtcdCall: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// Thresholds are a line of text; etcd's own bound on a value is 1.5 MiB.
  private static let messageBytesMax = 2 * 1024 * 1024

  private let headers: HPACKHeaders
  private let request: [UInt8]
  private let isLast: Bool
  private let answer: ([UInt8]) -> Void
  private let ended: (String?) -> Void
  private var bytes = ByteBuffer()
  private var hasEnded = false

  /// - Parameters:
  ///   - isLast: whether the request is complete with its message, as in a unary call.
  ///   - answer: gets each message.
  ///   - ended: called once, with what went wrong if anything did.
  init(
    _ headers: HPACKHeaders, _ request: [UInt8], isLast: Bool, answer: @escaping ([UInt8]) -> Void,
    ended: @escaping (String?) -> Void
  ) {
    self.headers = headers
    self.request = request
    self.isLast = isLast
    self.answer = answer
    self.ended = ended
  }

  func channelActive(context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
    var message = context.channel.allocator.buffer(capacity: request.count + 5)
    // Not compressed, and how long.
    message.writeInteger(UInt8(0))
    message.writeInteger(UInt32(request.count))
    message.writeBytes(request)
    context.writeAndFlush(
      wrapOutboundOut(.data(.init(data: .byteBuffer(message), endStream: isLast))), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let payload):
      if let status = payload.headers.first(name: ":status"), status != "200" { return end("HTTP status \(status)") }
      if let status = payload.headers.first(name: "grpc-status") {
        let message = payload.headers.first(name: "grpc-message") ?? ""
        end(status == "0" && isLast ? nil : "gRPC status \(status) \(message)")
      }
    case .data(let payload):
      guard case .byteBuffer(var part) = payload.data else { return }
      bytes.writeBuffer(&part)
      readMessages()
    default: break
    }
  }

  private func readMessages() {
    while !hasEnded, let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self) {
      guard length <= Self.messageBytesMax, bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 0 else {
        return end("a message that is compressed or too long")
      }
      guard bytes.readableBytes >= 5 + Int(length) else { return }
      bytes.moveReaderIndex(forwardBy: 5)
      let message = bytes.readBytes(length: Int(length)) ?? []
      bytes.discardReadBytes()
      answer(message)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end("\(error)")
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(isLast ? nil : "the watch has ended")
  }

  private func end(_ reason: String?) {
    guard !hasEnded else { return }
    hasEnded = true
    ended(reason)
  }
}
