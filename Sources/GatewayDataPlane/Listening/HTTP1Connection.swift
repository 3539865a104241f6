import NIOCore
import Observability

/// A client's HTTP/1.1 connection: collects heads, hands over exchanges one after the other, writes responses.
///
/// Requests of a pipeline are answered in order because the next head is looked at only when the exchange before it
/// has ended. The connection reads nothing it has no room for: bytes behind the current request stay in `held`, and
/// while there are any, reading pauses. When the response ended before the request did (a refusal, an early
/// answer), the connection is closed in the way of RFC 9112 section 9.6: the sending half first, the rest read and
/// thrown away for a short time, so that the response is not lost to a reset.
///
/// An idle connection holds no exchange, no buffer and no head: only this object and its channel.
final class HTTP1Connection: ClientSide, ChannelDuplexHandler, ClientConnection, MessageWriter {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum State {
    /// Between requests. Can move to `head`, `closed`.
    case idle
    /// A head is incomplete; `exchange` holds what there is. Can move to `exchanging`, `lingering`, `closed`.
    case head
    /// An exchange runs. Can move to `idle`, `tunnel`, `lingering`, `closed`.
    case exchanging
    /// Raw bytes pass. Can move to `closed`.
    case tunnel
    /// The response is out, the sending half is closed, what comes is thrown away. Can move to `closed`.
    case lingering
    case closed
  }

  var state = State.idle
  var context: ChannelHandlerContext?
  var exchange: Exchange?
  var parser: RequestParser
  var body = RequestBodyDecoder()
  var responseBody = WrittenBody.none
  /// Bytes that wait: an unfinished head, a body nobody wants yet, the next request of a pipeline.
  var held: ByteBuffer?
  var unsent = UnsentBytes()
  var closesAfterResponse = false
  var bodyPaused = false
  var readSwallowed = false
  /// Inside `process`, which looks at `held` and flushes when it is through.
  var isProcessing = false
  var flushWanted = false
  var isDraining = false
  var requests = 0
  var skippedEmptyLine = false
  let acceptedAt: UInt64
  var headStartedAt: UInt64 = 0
  let timer = TimerNode()
  var ledger = LedgerHandle.none

  private static let lingerNanoseconds: UInt64 = 2_000_000_000

  override init(shard: Shard, connection: ConnectionInfo) {
    parser = RequestParser(limits: shard.installed.snapshot.entryPoints[connection.entryPoint].limits)
    acceptedAt = shard.coarseNow
    super.init(shard: shard, connection: connection)
    timer.owner = self
  }

  // MARK: Life

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
    if case .closed = state { return }
    state = .closed
    endLife()
    held = nil
    let running = exchange
    exchange = nil
    guard let running else { return }
    if running.phase == .idle { shard.store(running) } else { running.clientGone() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  // MARK: The request's body

  override func resumeRequestBody() {
    guard bodyPaused else { return }
    bodyPaused = false
    if !isProcessing, let bytes = held {
      held = nil
      if case .tunnel = state { exchange?.tunnelFromClient(bytes) } else { process(bytes) }
    }
    readIfSwallowed()
  }

  override func pauseRequestBody() { bodyPaused = true }

  // MARK: Responding

  override var isWritable: Bool { context?.channel.isWritable ?? false }

  override var protocolVersion: HTTPVersion { exchange?.request.minorVersion == 0 ? .http10 : .http11 }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    waitForClient(isWritable)
    if isWritable {
      exchange?.clientBecameWritable()
      beginHeld()
      readIfSwallowed()
    }
    context.fireChannelWritabilityChanged()
  }

  override func sendInformational(_ head: ResponseHead) {
    // RFC 9110 section 15.2: not to HTTP/1.0 clients.
    guard exchange?.request.minorVersion == 1 else { return }
    gather { ClientHead.write(head, framing: .none, request: nil, closes: false, shard: shard, to: &$0) }
  }

  override func sendHead(_ head: ResponseHead, framing: BodyFraming, request: RequestHead) {
    var settled = framing
    if case .untilClose = framing { settled = .chunked }
    if case .chunked = settled, request.minorVersion == 0 {
      // HTTP/1.0 has no chunks: the end of the connection is the end of the body.
      settled = .untilClose
      closesAfterResponse = true
    }
    switch settled {
    case .none: responseBody = .none
    case .chunked: responseBody = .chunked
    case .length, .untilClose: responseBody = .plain
    }
    if !head.mayHaveBody(for: request) { responseBody = .none }
    if !body.isComplete || shard.isDraining { closesAfterResponse = true }
    let closes = closesAfterResponse
    gather { ClientHead.write(head, framing: settled, request: request, closes: closes, shard: shard, to: &$0) }
  }

  override func sendBody(_ bytes: ByteBuffer) { writeBody(bytes, as: responseBody) }

  override func sendEnd(trailers: MessageHead?) { writeEnd(trailers, of: responseBody) }

  override func flush() {
    flushWanted = isProcessing
    if !isProcessing { flushUnsent() }
  }

  override func abort() {
    exchange = nil
    closesAfterResponse = true
    // What there was of the response: a client that got nothing at all takes it for an idle connection that died, and
    // asks again. Neither a last chunk nor the promised length follows, so it can tell that this is not the end.
    flushUnsent()
    context?.close(promise: nil)
  }

  override func exchangeEnded() {
    exchange = nil
    if closesAfterResponse || isTunnel { return endAfterResponse() }
    // A flush that fails closes the channel before it returns, so the state is looked at afterwards.
    flush()
    guard context != nil, case .exchanging = state else { return }
    responseBody = .none
    state = .idle
    waitForRequest()
    if !isWritable { waitForClient(false) }
    guard !isProcessing else { return }
    if let bytes = held {
      held = nil
      process(bytes)
    }
    readIfSwallowed()
  }

  private var isTunnel: Bool { if case .tunnel = state { true } else { false } }

  /// Sends what is left of the response and ends the connection when the client's kernel has taken it: closing at once
  /// would throw away what a slow reader has not made room for yet.
  private func endAfterResponse() {
    guard let context else { return }
    switch state {
    case .exchanging, .tunnel: break
    case .idle, .head, .lingering, .closed: return
    }
    state = .lingering
    held = nil
    let rest = unsent.gathered ?? ByteBuffer()
    unsent = UnsentBytes()
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in self.responseLeft() }
    context.writeAndFlush(wrapOutboundOut(rest), promise: sent)
    readIfSwallowed()
  }

  private func responseLeft() {
    guard let context, case .lingering = state else { return }
    if body.isComplete {
      context.close(promise: nil)
      return
    }
    // RFC 9112 section 9.6: the sending half first, the rest of the request read and thrown away for a while.
    shard.timers.arm(timer, duration: Self.lingerNanoseconds, now: shard.coarseNow)
    context.close(mode: .output, promise: nil)
    readIfSwallowed()
  }

  override func startTunnel(_ head: ResponseHead) {
    state = .tunnel
    shard.timers.disarm(timer)
    shard.ledgerWait(ledger, .tunnel)
    responseBody = .plain
    let request = exchange?.request
    gather { ClientHead.write(head, framing: .none, request: request, closes: false, shard: shard, to: &$0) }
    flush()
    bodyPaused = false
    if !isProcessing, let bytes = held {
      held = nil
      exchange?.tunnelFromClient(bytes)
    }
    readIfSwallowed()
  }
}
