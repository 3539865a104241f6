import NIOCore
import NIOSSL
import Observability

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// One HTTP/1.1 connection to a server: writes requests, parses responses, knows when it may be used again.
///
/// It is the last handler of its channel. Parsing is done by `ResponseParser` and `ChunkedDecoder`, deciding by the
/// exchange; what is here is carrying out. A connection with any doubt about framing is closed: surplus bytes after a
/// response, bytes while idle, a response before the request was complete, a refused head.
final class UpstreamConnection: ServerSide, ChannelDuplexHandler, MessageWriter, TimerOwner {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum State {
    /// The channel is being made. Can move to `idle`, `busy` or `closed`.
    case connecting
    /// In the pool. Can move to `busy` or `closed`.
    case idle
    /// Serves one exchange. Can move to `idle`, `tunnel` or `closed`.
    case busy
    /// Carries raw bytes for one exchange. Can move to `closed`.
    case tunnel
    case closed
  }

  /// What of a response is read next.
  enum ResponsePart {
    case head
    case length(UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
  }

  var state = State.connecting
  var part = ResponsePart.head
  var exchange: Exchange?
  var parser: ResponseParser
  /// Bytes of an unfinished head.
  var held: ByteBuffer?
  var unsent = UnsentBytes()
  private var requestBody = WrittenBody.plain
  var requestComplete = false
  var responseStarted = false
  /// Bytes of 1xx heads ahead of the response.
  var interimBytes = 0
  /// Whether the response's head lets another request follow.
  var keepsAlive = false
  /// What is known of the end of this connection, before the channel has told.
  private var failure: Failure?
  private(set) var exchangesServed = 0
  private var idleSince: UInt64 = 0
  let timer = TimerNode()
  private let isTLS: Bool
  private var ledger = LedgerHandle.none

  override init(shard: Shard, pool: UpstreamPool) {
    isTLS = pool.server.tls != nil
    parser = ResponseParser(limits: shard.responseLimits)
    super.init(shard: shard, pool: pool)
    timer.owner = self
  }

  override var wasOpen: Bool { exchangesServed > 0 }

  // MARK: Sending a request

  /// Takes the exchange and writes its head; `flush` sends it.
  override func begin(_ exchange: Exchange) {
    self.exchange = exchange
    state = .busy
    part = .head
    responseStarted = false
    interimBytes = 0
    let head = exchange.outgoing
    let framing = head.framing
    requestBody = framing == .chunked ? .chunked : .plain
    requestComplete = framing == .none
    gather { UpstreamHead.write(head, framing: framing, server: pool.server, to: &$0) }
    shard.ledgerWait(ledger, .exchange)
    // The server's time begins with the end of the request (see `sendEnd`).
    if requestComplete { armResponseTimeout() } else { shard.timers.disarm(timer) }
  }

  /// With a fresh look at the clock: after a slow upload the last one may be older than the whole timeout.
  private func armResponseTimeout() {
    shard.timers.arm(timer, duration: pool.server.transport.responseHeaderNanoseconds, now: shard.now())
  }

  override func sendBody(_ bytes: ByteBuffer) {
    if state == .busy && !requestComplete { writeBody(bytes, as: requestBody) }
  }

  override func sendEnd(trailers: MessageHead?) {
    guard state == .busy else { return }
    requestComplete = true
    writeEnd(trailers, of: requestBody)
    // A response that has begun may outlast its request.
    if !responseStarted { armResponseTimeout() }
  }

  override func sendRaw(_ bytes: ByteBuffer) {
    context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  override func flush() { flushUnsent() }

  // MARK: The pool's side

  func becomeIdle(for duration: UInt64) {
    state = .idle
    idleSince = shard.coarseNow
    shard.timers.arm(timer, duration: max(duration, 1), now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
  }

  /// Closes without telling anybody but the pool.
  func discard() {
    switch state {
    // Now: were it left to the channel's end, that would look as if the server had closed an idle connection.
    case .idle: leave(wasIdle: true)
    case .connecting, .busy, .tunnel: context?.close(promise: nil)
    case .closed: break
    }
  }

  /// The exchange does not want the rest.
  override func cancel() {
    exchange = nil
    discard()
  }

  /// Asks the kernel whether the server has closed, which the loop may not have seen yet.
  func peerHasClosed() -> Bool {
    guard let channel = context?.channel, !isTLS else { return false }
    return SocketPeek.hasEnded(channel)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { becomeReady() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    becomeReady()
    context.fireChannelActive()
  }

  private func becomeReady() {
    guard case .connecting = state else { return }
    ledger = shard.serverConnected(pool.server)
    state = .idle
    pool.connected(self)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { exchange?.serverBecameWritable() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    switch state {
    case .busy:
      if var joined = held.take() {
        joined.writeImmutableBuffer(bytes)
        parse(joined)
      } else {
        parse(bytes)
      }
    case .tunnel:
      exchange?.tunnelFromServer(bytes)
    case .idle:
      // Nobody asked anything (RFC 9112 section 9.2): the connection cannot be trusted.
      discard()
    case .connecting, .closed:
      break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    exchange?.serverFlush()
    context.fireChannelReadComplete()
  }

  func channelInactive(context: ChannelHandlerContext) {
    closed(Failure(.closedEarly))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A TLS peer that closes without close_notify has cut nothing that its framing did not delimit.
    if let tls = error as? NIOSSLError, tls == .uncleanShutdown { return }
    failure = Failure(.closedEarly, detail: String(describing: error))
    context.close(promise: nil)
  }

  /// While the end of the connection is the end of the response: learns of a close that was no end.
  ///
  /// A write that fails closes the channel, and what failed is told to the write and to no handler; to the others it
  /// looks as if the server had ended, and a part like the whole. So one empty write waits for the flush of the next
  /// bytes of the request, and the one after it for the next, and the last hears why the channel closed. EPIPE is the
  /// reset of a connection whose end had come before it; all that was sent has been read then, unless reading was
  /// paused.
  func watchEnd() {
    guard case .untilClose = part, state == .busy, let context else { return }
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success: watchEnd()
      case .failure(let error as IOError) where error.errnoCode != EPIPE || isPaused:
        failure = failure ?? Failure(.closedEarly, detail: String(describing: error))
      case .failure: break
      }
    }
    context.write(wrapOutboundOut(ByteBuffer()), promise: written)
  }

  private func closed(_ cause: Failure) {
    let previous = state
    endLife()
    let cause = failure ?? cause
    switch previous {
    // What never became a channel is reported by the connector.
    case .closed, .connecting: return
    case .idle:
      pool.showedIdle(shard.now() &- idleSince)
      pool.closed(self, wasIdle: true)
    case .busy, .tunnel:
      pool.closed(self, wasIdle: false)
    }
    guard let exchange else { return }
    self.exchange = nil
    if case .tunnel = previous { return exchange.serverFailed(cause) }
    switch part {
    case .untilClose where failure == nil:
      exchange.serverEnd(trailers: nil)
    case .head:
      let wasWarm = exchangesServed > 0 && !responseStarted && held == nil
      exchange.serverFailed(wasWarm ? Failure(.closedWhileIdle, detail: cause.detail) : cause)
    case .length, .chunked, .untilClose:
      exchange.serverFailed(Failure(.bodyCut, detail: cause.detail))
    }
  }

  // MARK: The end of an exchange

  /// The response is complete. `surplus` is what came behind it, which nobody has asked for.
  func complete(trailers: RequestHead?, surplus: Int) {
    guard let exchange else { return }
    self.exchange = nil
    part = .head
    parser.reset()
    exchangesServed += 1
    if surplus == 0 && keepsAlive && requestComplete && !shard.isDraining {
      // Given back before the exchange ends: the client's next request may already be there.
      pool.release(self)
      resumeReading()
    } else {
      leave(wasIdle: false)
    }
    exchange.serverEnd(trailers: trailers)
    trailers?.reset()
  }

  func fail(_ failure: Failure) {
    self.failure = failure
    guard let exchange else { return discard() }
    self.exchange = nil
    discard()
    exchange.serverFailed(failure)
  }

  private func leave(wasIdle: Bool) {
    endLife()
    pool.closed(self, wasIdle: wasIdle)
    context?.close(promise: nil)
  }

  private func endLife() {
    state = .closed
    shard.timers.disarm(timer)
    shard.ledgerEnd(ledger)
    ledger = .none
  }

  func timerFired(_ node: TimerNode) {
    switch state {
    case .idle:
      discard()
    case .busy:
      fail(Failure(.responseTimeout))
    case .connecting, .tunnel, .closed:
      break
    }
  }
}
