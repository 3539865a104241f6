import NIOCore
import NIOSSL
import Observability

/// One HTTP/1.1 connection to a server: writes requests, parses responses, knows when it may be used again.
///
/// It is the last handler of its channel. Parsing is done by `ResponseParser` and `ChunkedDecoder`, deciding by the
/// exchange; what is here is carrying out. A connection with any doubt about framing is closed: surplus bytes after a
/// response, bytes while idle, a response before the request was complete, a refused head.
final class UpstreamConnection: ServerSide, ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
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

  private enum Body {
    case head
    case length(UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
  }

  private var state = State.connecting
  private var body = Body.head
  private var context: ChannelHandlerContext?
  private var exchange: Exchange?
  private var parser: ResponseParser
  /// Bytes of an unfinished head.
  private var held: ByteBuffer?
  private var requestComplete = false
  private var responseStarted = false
  private var requestIsChunked = false
  private var isPaused = false
  private var wantsRead = false
  private var isReading = false
  private var out: ByteBuffer?
  private(set) var exchangesServed = 0
  private var idleSince: UInt64 = 0
  private let timer = TimerNode()
  private let isTLS: Bool
  private var ledger = LedgerHandle.none

  override init(shard: Shard, pool: UpstreamPool) {
    isTLS = pool.server.tls != nil
    parser = ResponseParser(limits: shard.responseLimits)
    super.init(shard: shard, pool: pool)
    timer.owner = self
  }

  // Disarmed already unless the channel never came to life; the shard may be gone by now, so it is asked only then.
  deinit { if timer.isArmed { shard.timers.disarm(timer) } }

  override var wasOpen: Bool { exchangesServed > 0 }
  override var isWritable: Bool { context?.channel.isWritable ?? false }

  // MARK: Sending a request

  /// Takes the exchange and writes its head; `flush` sends it.
  override func begin(_ exchange: Exchange) {
    self.exchange = exchange
    state = .busy
    body = .head
    responseStarted = false
    requestComplete = false
    let head = exchange.outgoing
    let framing = head.framing
    requestIsChunked = framing == .chunked
    if framing == .none { requestComplete = true }
    var buffer = out ?? shard.takeBuffer()
    UpstreamHead.write(head, framing: framing, server: pool.server, to: &buffer)
    out = buffer
    shard.ledgerWait(ledger, .exchange)
    // The server's time begins with the end of the request (see `sendEnd`).
    if requestComplete { armResponseTimeout() } else { shard.timers.disarm(timer) }
  }

  /// With a fresh look at the clock: after a slow upload the last one may be older than the whole timeout.
  private func armResponseTimeout() {
    shard.timers.arm(timer, duration: pool.server.transport.responseHeaderNanoseconds, now: shard.now())
  }

  override func sendBody(_ bytes: ByteBuffer) {
    guard let context, state == .busy else { return }
    // A chunk of nothing would be the last one.
    if requestIsChunked && bytes.readableBytes == 0 { return }
    var buffer = out ?? shard.takeBuffer()
    if requestIsChunked { buffer.writeChunkHeader(bytes.readableBytes) }
    append(bytes, to: &buffer, context)
    if requestIsChunked { buffer.writeStaticString("\r\n") }
    out = buffer
  }

  /// Small parts are copied behind what waits already, which saves a system call; large ones are passed by reference.
  private func append(_ bytes: ByteBuffer, to buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
    if bytes.readableBytes <= 8192 {
      buffer.writeImmutableBuffer(bytes)
      return
    }
    if buffer.readableBytes > 0 { context.write(wrapOutboundOut(buffer), promise: nil) }
    context.write(wrapOutboundOut(bytes), promise: nil)
    buffer.clear()
  }

  override func sendEnd(trailers: MessageHead?) {
    guard state == .busy else { return }
    requestComplete = true
    if requestIsChunked {
      var buffer = out ?? shard.takeBuffer()
      buffer.writeLastChunk(trailers)
      out = buffer
    }
    // A response that has begun may outlast its request.
    if !responseStarted { armResponseTimeout() }
  }

  override func sendRaw(_ bytes: ByteBuffer) {
    context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  override func flush() {
    guard let context else { return }
    if let buffer = out {
      out = nil
      if buffer.readableBytes > 0 {
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
      } else {
        context.flush()
      }
      shard.giveBuffer(buffer)
    }
  }

  // MARK: Flow control

  override func pauseReading() { isPaused = true }

  override func resumeReading() {
    guard isPaused else { return }
    isPaused = false
    if wantsRead {
      wantsRead = false
      context?.read()
    }
  }

  func read(context: ChannelHandlerContext) {
    if isPaused { wantsRead = true } else { context.read() }
  }

  // MARK: The pool's side

  func becomeIdle(for duration: UInt64) {
    state = .idle
    idleSince = shard.coarseNow
    shard.timers.arm(timer, duration: max(duration, 1), now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
  }

  func leaveIdle() {
    shard.timers.disarm(timer)
  }

  /// Closes without telling anybody.
  func discard() {
    guard state != .closed else { return }
    context?.close(promise: nil)
  }

  /// The exchange does not want the rest.
  override func cancel() {
    exchange = nil
    guard state != .closed else { return }
    context?.close(promise: nil)
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
      isReading = true
      if var joined = held {
        held = nil
        joined.writeImmutableBuffer(bytes)
        parse(joined)
      } else {
        parse(bytes)
      }
      isReading = false
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

  private var failure: Failure?

  private func closed(_ cause: Failure) {
    shard.timers.disarm(timer)
    let previous = state
    state = .closed
    let cause = failure ?? cause
    shard.ledgerEnd(ledger)
    ledger = .none
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
    switch body {
    case .untilClose where failure == nil:
      exchange.serverEnd(trailers: nil)
    case .head:
      let wasWarm = exchangesServed > 0 && !responseStarted && held == nil
      exchange.serverFailed(wasWarm ? Failure(.closedWhileIdle, detail: cause.detail) : cause)
    case .length, .chunked, .untilClose:
      exchange.serverFailed(Failure(.bodyCut, detail: cause.detail))
    }
  }

  // MARK: Parsing a response

  private func parse(_ input: ByteBuffer) {
    var buffer = input
    while let exchange {
      switch body {
      case .head:
        guard parseHead(&buffer, exchange) else { return }
      case .length(let remaining):
        guard buffer.readableBytes > 0 else { return }
        let count = Int(min(remaining, UInt64(buffer.readableBytes)))
        if count == buffer.readableBytes && UInt64(count) < remaining {
          body = .length(remaining &- UInt64(count))
          exchange.serverBody(buffer)
          return
        }
        guard let part = buffer.readSlice(length: count) else { return }
        body = .length(remaining &- UInt64(count))
        exchange.serverBody(part)
        if UInt64(count) == remaining { return complete(trailers: nil, surplus: buffer.readableBytes) }
      case .untilClose:
        if buffer.readableBytes > 0 { exchange.serverBody(buffer) }
        return
      case .chunked(var decoder):
        body = .head
        let more = decodeChunks(&decoder, &buffer, exchange)
        if more { body = .chunked(decoder) }
        return
      }
    }
    // The response ended in these bytes, or the exchange went away.
  }

  /// Returns false when more bytes are needed or the connection is done for.
  private func parseHead(_ buffer: inout ByteBuffer, _ exchange: Exchange) -> Bool {
    let progress = buffer.withUnsafeReadableBytes {
      parser.parse($0, into: exchange.response, requestMethod: exchange.outgoing.method)
    }
    switch progress {
    case .incomplete:
      if buffer.readableBytes > 0 { held = buffer }
      return false
    case .refused(let refusal):
      shard.refused(refusal, side: .server)
      fail(Failure(.responseRefused, detail: "\(refusal.code)"))
      return false
    case .complete(let count):
      buffer.moveReaderIndex(forwardBy: count)
      return headComplete(buffer.readableBytes, exchange, &buffer)
    }
  }

  private func headComplete(_ rest: Int, _ asked: Exchange, _ buffer: inout ByteBuffer) -> Bool {
    let head = asked.response
    // Of two servers that were asked the first head decides.
    let exchange = head.status >= 200 || head.status == 101 ? asked.headArrived(on: self) : asked
    self.exchange = exchange
    if head.status == 101 {
      shard.timers.disarm(timer)
      state = .tunnel
      requestComplete = true
      exchange.serverResponded()
      if rest > 0, self.exchange != nil, case .tunnel = state { exchange.tunnelFromServer(buffer) }
      return false
    }
    if head.status < 200 {
      exchange.serverResponded()
      parser.reset()
      return self.exchange != nil && buffer.readableBytes > 0
    }
    responseStarted = true
    shard.timers.disarm(timer)
    noteKeepAlive(head)
    keepsAlive = head.minorVersion == 1 ? !head.connection.close : head.connection.keepAlive && !head.connection.close
    let framing = head.framing
    switch framing {
    case .none: break
    case .length(let length): body = .length(length)
    case .chunked: body = .chunked(ChunkedDecoder(limits: shard.responseLimits))
    case .untilClose: body = .untilClose
    }
    exchange.serverResponded()
    guard self.exchange === exchange else { return false }
    if framing == .none {
      complete(trailers: nil, surplus: buffer.readableBytes)
      return false
    }
    return buffer.readableBytes > 0
  }

  private var keepsAlive = false

  /// `Keep-Alive: timeout=5` is a promise not worth testing to the last second.
  private func noteKeepAlive(_ head: ResponseHead) {
    guard let value = head.value(of: .keepAlive) else { return }
    forEachListElement(head.bytes(value)) { element in
      guard element.count > 8, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: element[..<8]), "timeout="),
        let seconds = FieldSectionParser.decimal(UnsafeRawBufferPointer(rebasing: element[8...])), seconds < 100_000
      else { return }
      pool.learnIdle(seconds &* 1_000_000_000)
    }
  }

  /// Returns true when the body goes on.
  private func decodeChunks(
    _ decoder: inout ChunkedDecoder, _ buffer: inout ByteBuffer, _ exchange: Exchange
  ) -> Bool {
    let trailers = exchange.trailers ?? RequestHead()
    exchange.trailers = trailers
    while true {
      var position = 0
      let step = buffer.withUnsafeReadableBytes { decoder.next($0, position: &position, trailers: trailers) }
      switch step {
      case .data(let at, let count):
        if let part = buffer.getSlice(at: buffer.readerIndex + at, length: count) { exchange.serverBody(part) }
        buffer.moveReaderIndex(forwardBy: position)
        if self.exchange !== exchange { return false }
      case .incomplete:
        return true
      case .refused(let refusal):
        shard.refused(refusal, side: .server)
        fail(Failure(.responseRefused, detail: "\(refusal.code)"))
        return false
      case .end:
        buffer.moveReaderIndex(forwardBy: position)
        complete(trailers: trailers, surplus: buffer.readableBytes)
        return false
      }
    }
  }

  private func complete(trailers: RequestHead?, surplus: Int) {
    guard let exchange else { return }
    self.exchange = nil
    body = .head
    parser.reset()
    exchangesServed += 1
    if surplus == 0 && keepsAlive && requestComplete && !shard.isDraining {
      // Given back before the exchange ends: the client's next request may already be there.
      isPaused = false
      pool.release(self)
      if wantsRead {
        wantsRead = false
        context?.read()
      }
    } else {
      state = .closed
      shard.timers.disarm(timer)
      shard.ledgerEnd(ledger)
      ledger = .none
      pool.closed(self, wasIdle: false)
      context?.close(promise: nil)
    }
    exchange.serverEnd(trailers: trailers)
    trailers?.reset()
  }

  private func fail(_ failure: Failure) {
    self.failure = failure
    guard let exchange else { return discard() }
    self.exchange = nil
    discard()
    exchange.serverFailed(failure)
  }
}

extension UpstreamConnection: ChannelOutboundHandler, TimerOwner {
  typealias OutboundIn = ByteBuffer

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
