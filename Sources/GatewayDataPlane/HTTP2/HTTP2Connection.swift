import NIOCore
import NIOHTTP2
import Observability

/// A client's HTTP/2 connection: its idle time and its end by GOAWAY. Its streams are channels with handlers of their
/// own (`HTTP2Stream`); how many there are is told here.
final class HTTP2Connection: ChannelInboundHandler, ClientConnection {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  unowned(unsafe) let shard: Shard
  let connection: ConnectionInfo
  var context: ChannelHandlerContext?
  private var streams = 0
  private var isDraining = false
  private var isOver = false
  let timer = TimerNode()
  var ledger = LedgerHandle.none

  init(shard: Shard, connection: ConnectionInfo) {
    self.shard = shard
    self.connection = connection
    timer.owner = self
  }

  func handlerAdded(context: ChannelHandlerContext) { beginLife(context) }

  func handlerRemoved(context: ChannelHandlerContext) {
    finishLife()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    finishLife()
    context.fireChannelInactive()
  }

  private func finishLife() {
    guard !isOver else { return }
    isOver = true
    endLife()
  }

  func streamOpened() {
    streams += 1
    shard.timers.disarm(timer)
    shard.ledgerWait(ledger, .exchange)
  }

  func streamClosed() {
    streams -= 1
    guard streams == 0, !isOver else { return }
    if isDraining { closeAfterWrites() } else { waitForRequest() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // NIOHTTP2 has sent GOAWAY for what the peer did wrong; what remains is to go.
    context.close(promise: nil)
  }

  func timerFired(_ node: TimerNode) {
    sendGoAway()
    closeNow()
  }

  func drain() {
    isDraining = true
    if streams == 0 { closeAfterWrites() } else { sendGoAway() }
  }

  /// Says goodbye and goes when the client's kernel has taken all that was written before.
  private func closeAfterWrites() {
    guard let context else { return }
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in self.closeNow() }
    sendGoAway(promise: sent)
  }

  private func sendGoAway(promise: EventLoopPromise<Void>? = nil) {
    let frame = HTTP2Frame(
      streamID: .rootStream, payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
    context?.writeAndFlush(wrapOutboundOut(frame), promise: promise)
  }
}
