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
    // What one stream did wrong has reset that stream (RFC 9113 section 5.4.2); the others go on. Too many of them are
    // an error of the connection, which NIOHTTP2 counts.
    if error.isOfOneStream { return }
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

extension Error {
  /// Whether NIOHTTP2 has reset a stream for it and the connection is well. For what the peer did wrong it fires the
  /// bare error in both cases; these types are those of header lists and lengths, which are never the connection's.
  fileprivate var isOfOneStream: Bool {
    switch self {
    case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.ForbiddenHeaderField,
      is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue,
      is NIOHTTP2Errors.MissingPseudoHeader,
      is NIOHTTP2Errors.DuplicatePseudoHeader, is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader,
      is NIOHTTP2Errors.UnknownPseudoHeader, is NIOHTTP2Errors.UnsupportedPseudoHeader,
      is NIOHTTP2Errors.InvalidPseudoHeaders, is NIOHTTP2Errors.InvalidPseudoHeaderValue,
      is NIOHTTP2Errors.MissingHostHeader, is NIOHTTP2Errors.DuplicateHostHeader, is NIOHTTP2Errors.EmptyPathHeader,
      is NIOHTTP2Errors.TrailersWithoutEndStream, is NIOHTTP2Errors.ContentLengthViolated,
      is NIOHTTP2Errors.ContentLengthHeadersMismatch, is NIOHTTP2Errors.ContentLengthHeaderNegative,
      is NIOHTTP2Errors.ContentLengthHeaderMalformedValue:
      true
    default: false
    }
  }
}
