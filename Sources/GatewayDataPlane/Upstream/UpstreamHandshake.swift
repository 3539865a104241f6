import Identity
import NIOCore
import NIOTLS

/// Waits for the TLS session with a server, then puts the protocol on the channel that both have agreed upon by ALPN.
///
/// A server that accepts and then says nothing would hold exchanges for ever, so the session has the dial timeout of
/// its own. Until it is there the channel counts as being connected: the pool learns of a failure here.
final class UpstreamHandshake: ChannelInboundHandler, RemovableChannelHandler, TimerOwner {
  typealias InboundIn = ByteBuffer

  unowned(unsafe) private let shard: Shard
  private let pool: UpstreamPool
  private let timer = TimerNode()
  private var context: ChannelHandlerContext?
  private var failure = Failure(.tlsHandshake, isRetrySafe: true, detail: "closed inside the handshake")
  private var isOver = false
  private var isRefused = false

  init(shard: Shard, pool: UpstreamPool) {
    self.shard = shard
    self.pool = pool
    timer.owner = self
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { arm() }
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    arm()
    context.fireChannelActive()
  }

  private func arm() {
    let dial = pool.server.transport.dialNanoseconds
    shard.timers.arm(timer, duration: dial == 0 ? 30_000_000_000 : dial, now: shard.now())
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let agreed) = event as? TLSUserEvent, !isOver {
      isOver = true
      shard.timers.disarm(timer)
      do {
        try Connector.install(agreed == "h2" ? .http2 : .http1, on: context.channel, shard: shard, pool: pool)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
      } catch {
        pool.connectFailed(Failure(.internalLimit, origin: .gateway, isRetrySafe: true, detail: "\(error)"))
        context.close(promise: nil)
      }
      return
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// The server's SVID was not taken. The TLS library only says that the certificate was not, so the reason is kept.
  func refused(_ refusal: SVIDRefusal) {
    guard !isOver else { return }
    shard.serverRefused(refusal)
    failure = Failure(.tlsHandshake, isRetrySafe: true, detail: "\(refusal.code): \(refusal)")
    isRefused = true
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if !isOver && !isRefused { failure = Failure(.tlsHandshake, isRetrySafe: true, detail: String(describing: error)) }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !isOver {
      isOver = true
      shard.timers.disarm(timer)
      pool.connectFailed(failure)
    }
    context.fireChannelInactive()
  }

  func timerFired(_ node: TimerNode) {
    failure = Failure(.connectTimeout, isRetrySafe: true, detail: "no TLS session in time")
    context?.close(promise: nil)
  }
}
