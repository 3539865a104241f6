import NIOCore
import NIOWebSocket

/// The WebSocket of `/echo` (RFC 6455): every data frame is sent back as it came, a ping is answered, a close is
/// returned. While the client does not read, nothing more is read from it, so memory stays at a few frames.
final class WhoamiEcho: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private var readHeld = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.opcode {
    case .text, .binary, .continuation:
      send(frame.unmaskedData, frame.opcode, final: frame.fin, context: context)
    case .ping:
      send(frame.unmaskedData, .pong, final: true, context: context)
    case .connectionClose:
      let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData)
      let channel = context.channel
      context.writeAndFlush(wrapOutboundOut(answer)).whenComplete { _ in channel.close(promise: nil) }
    default:
      break  // a pong nobody asked for is allowed and means nothing
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, readHeld {
      readHeld = false
      context.read()
    }
    context.fireChannelWritabilityChanged()
  }

  func read(context: ChannelHandlerContext) {
    if context.channel.isWritable { context.read() } else { readHeld = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent || event as? ChannelEvent == .inputClosed {
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func send(_ data: ByteBuffer, _ opcode: WebSocketOpcode, final: Bool, context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: final, opcode: opcode, data: data)), promise: nil)
  }
}
