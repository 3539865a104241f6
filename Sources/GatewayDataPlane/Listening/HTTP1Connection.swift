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
final class HTTP1Connection: ClientSide, ChannelDuplexHandler {
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

  /// How the response's body is being written.
  enum ResponseBody {
    case none
    case plain
    case chunked
  }

  /// Always the installed one: an idle connection must not keep an old Snapshot alive. What a plan says of a connection
  /// comes from the static configuration and is the same in every generation.
  var plan: EntryPointPlan { shard.installed.snapshot.entryPoints[connection.entryPoint] }
  var state = State.idle
  var context: ChannelHandlerContext?
  var exchange: Exchange?
  var parser: RequestParser
  var body = RequestBodyDecoder()
  var responseBody = ResponseBody.none
  /// Bytes that wait: an unfinished head, a body nobody wants yet, the next request of a pipeline.
  var held: ByteBuffer?
  var out: ByteBuffer?
  var closesAfterResponse = false
  private var bodyPaused = false
  private var readSwallowed = false
  private var isProcessing = false
  private var flushWanted = false
  var isDraining = false
  private var requests = 0
  private var skippedEmptyLine = false
  private let acceptedAt: UInt64
  var headStartedAt: UInt64 = 0
  private let timer = TimerNode()
  private var ledger = LedgerHandle.none

  private static let lingerNanoseconds: UInt64 = 2_000_000_000
  /// Bytes of a pipeline kept beyond the current request before reading pauses.
  private static let heldMax = 64 * 1024

  override init(shard: Shard, connection: ConnectionInfo) {
    parser = RequestParser(limits: shard.installed.snapshot.entryPoints[connection.entryPoint].limits)
    acceptedAt = shard.coarseNow
    super.init(shard: shard, connection: connection)
    timer.owner = self
  }

  // Disarmed already unless the channel never came to life; the shard may be gone by now, so it is asked only then.
  deinit { if timer.isArmed { shard.timers.disarm(timer) } }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    ledger = shard.clientConnected(connection, plan)
    shard.register(self)
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.now())
  }

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
    shard.timers.disarm(timer)
    shard.unregister(self)
    shard.clientDisconnected(ledger, plan)
    ledger = .none
    held = nil
    let running = exchange
    exchange = nil
    guard let running else { return }
    if running.phase == .idle { shard.store(running) } else { running.clientGone() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  // MARK: Reading

  func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { readSwallowed = true }
  }

  private var mayRead: Bool {
    switch state {
    case .idle: return mayBegin
    case .head, .lingering, .closed: return true
    case .tunnel: return !bodyPaused
    case .exchanging:
      if !body.isComplete { return !bodyPaused }
      // Reading goes on between request and response to see the client leave, up to a bound.
      return (held?.readableBytes ?? 0) < Self.heldMax
    }
  }

  /// A client that pipelines and takes no answers gets no further ones: what it has asked for waits here, and more is not
  /// read, until what was written has left.
  private var mayBegin: Bool { isWritable && (out?.readableBytes ?? 0) < Self.heldMax }

  private func readIfSwallowed() {
    guard readSwallowed, mayRead, let context else { return }
    readSwallowed = false
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    switch state {
    case .lingering, .closed:
      return
    case .tunnel:
      if bodyPaused { return hold(bytes) }
      exchange?.tunnelFromClient(bytes)
    case .idle, .head, .exchanging:
      if var joined = held {
        held = nil
        joined.writeImmutableBuffer(bytes)
        bytes = joined
      }
      process(bytes)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    exchange?.requestFlush()
    context.fireChannelReadComplete()
  }

  func takeHeld() -> ByteBuffer? {
    defer { held = nil }
    return held
  }

  private func hold(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    if held == nil { held = bytes } else { held?.writeImmutableBuffer(bytes) }
  }

  /// Goes through bytes until they are used up or have to wait.
  private func process(_ input: ByteBuffer) {
    var bytes = input
    isProcessing = true
    loop: while bytes.readableBytes > 0 {
      switch state {
      case .idle where !mayBegin:
        hold(bytes)
        break loop
      case .idle, .head:
        if !collectHead(&bytes) { break loop }
      case .exchanging:
        if body.isComplete || bodyPaused {
          hold(bytes)
          break loop
        }
        if !passBody(&bytes) { break loop }
      case .tunnel:
        exchange?.tunnelFromClient(bytes)
        break loop
      case .lingering, .closed:
        break loop
      }
    }
    isProcessing = false
    if flushWanted { flush() }
    if isWritable { beginHeld() }
  }

  /// Takes up a request that waited for its predecessors' answers to leave.
  private func beginHeld() {
    guard !isProcessing, case .idle = state, let bytes = held else { return }
    held = nil
    process(bytes)
  }

  /// Returns false when the bytes have to wait or are of no use any more.
  private func collectHead(_ bytes: inout ByteBuffer) -> Bool {
    if case .idle = state {
      if requests == 0, HTTP2Preface.isAhead(bytes), let context {
        hold(bytes)
        switchToHTTP2(context)
        return false
      }
      if requests > 0, skipEmptyLine(&bytes), bytes.readableBytes == 0 { return false }
      state = .head
      headStartedAt = shard.now()
      exchange = shard.takeExchange()
      parser.reset()
      shard.timers.arm(timer, duration: plan.timeouts.head, now: headStartedAt)
      shard.ledgerWait(ledger, .clientHead)
    }
    guard let exchange else { return false }
    let progress = bytes.withUnsafeReadableBytes { parser.parse($0, into: exchange.request) }
    switch progress {
    case .incomplete:
      hold(bytes)
      return false
    case .refused(let refusal):
      refuseHead(refusal, exchange)
      return false
    case .complete(let count):
      bytes.moveReaderIndex(forwardBy: count)
      beginExchange(exchange)
      return true
    }
  }

  /// Old clients end a body with CRLF that belongs to nothing. One is thrown away without a request having begun (RFC 9112
  /// section 2.2), so that the connection stays idle and is not answered with a 408 that nobody waits for.
  private func skipEmptyLine(_ bytes: inout ByteBuffer) -> Bool {
    guard !skippedEmptyLine, bytes.readableBytes >= 2,
      bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) == 0x0D0A
    else { return false }
    bytes.moveReaderIndex(forwardBy: 2)
    skippedEmptyLine = true
    return true
  }

  private func beginExchange(_ exchange: Exchange) {
    state = .exchanging
    skippedEmptyLine = false
    requests += 1
    let head = exchange.request
    body = RequestBodyDecoder(head.framing, limits: plan.limits)
    bodyPaused = !body.isComplete
    closesAfterResponse = !keepsAlive(head)
    if body.isComplete {
      shard.timers.disarm(timer)
    } else {
      shard.timers.arm(timer, duration: plan.timeouts.read, now: headStartedAt)
    }
    shard.ledgerWait(ledger, .exchange)
    if let refusal = body.refusal(for: head.framing) {
      exchange.client = self
      exchange.begin(refusing: refusal, client: self, startedAt: headStartedAt)
      return
    }
    exchange.begin(client: self, entryPoint: plan.index, startedAt: headStartedAt)
  }

  private func keepsAlive(_ head: RequestHead) -> Bool {
    if isDraining || head.connection.close { return false }
    if head.minorVersion == 0 && !head.connection.keepAlive { return false }
    if plan.keepAliveMaxRequests > 0 && requests >= plan.keepAliveMaxRequests { return false }
    if plan.keepAliveMaxNanoseconds > 0 && shard.coarseNow &- acceptedAt > plan.keepAliveMaxNanoseconds { return false }
    return true
  }

  private func refuseHead(_ refusal: Refusal, _ exchange: Exchange) {
    state = .exchanging
    requests += 1
    closesAfterResponse = true
    // Nothing after a refused head can be trusted, so the request never counts as complete.
    body = RequestBodyDecoder(.chunked, limits: plan.limits)
    bodyPaused = true
    exchange.begin(refusing: refusal, client: self, startedAt: headStartedAt)
  }

  /// Returns false when the bytes have to wait.
  private func passBody(_ bytes: inout ByteBuffer) -> Bool {
    guard let exchange else { return false }
    let trailers = exchange.trailers ?? RequestHead()
    var position = 0
    let step = bytes.withUnsafeReadableBytes { body.next($0, position: &position, trailers: trailers) }
    switch step {
    case .incomplete:
      bytes.moveReaderIndex(forwardBy: position)
      return false
    case .refused(let refusal):
      closesAfterResponse = true
      bodyPaused = true
      exchange.requestRefused(refusal)
      return false
    case .data(let at, let count):
      let part = bytes.getSlice(at: bytes.readerIndex + at, length: count)
      bytes.moveReaderIndex(forwardBy: position)
      if let part { exchange.requestBody(part) }
      // A length is complete with its last byte; chunks say so themselves.
      if body.isComplete { requestComplete(exchange, trailers: nil) }
    case .end:
      bytes.moveReaderIndex(forwardBy: position)
      requestComplete(exchange, trailers: trailers.fieldCount > 0 ? trailers : nil)
    }
    return true
  }

  private func requestComplete(_ exchange: Exchange, trailers: MessageHead?) {
    guard self.exchange === exchange else { return }
    shard.timers.disarm(timer)
    exchange.requestEnd(trailers: trailers)
  }

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
    // The write timeout shares the connection's node, which the read timeout has while a body is still coming.
    if context.channel.isWritable {
      if body.isComplete { shard.timers.disarm(timer) }
      exchange?.clientBecameWritable()
      beginHeld()
      readIfSwallowed()
    } else if body.isComplete {
      shard.timers.arm(timer, duration: plan.timeouts.write, now: shard.now())
    }
    context.fireChannelWritabilityChanged()
  }

  override func sendInformational(_ head: ResponseHead) {
    // RFC 9110 section 15.2: not to HTTP/1.0 clients.
    guard exchange?.request.minorVersion == 1 else { return }
    var buffer = out ?? shard.takeBuffer()
    ClientHead.write(head, framing: .none, request: nil, closes: false, shard: shard, to: &buffer)
    out = buffer
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
    if !body.isComplete || shard.isDraining { closesAfterResponse = true }
    var buffer = out ?? shard.takeBuffer()
    ClientHead.write(head, framing: settled, request: request, closes: closesAfterResponse, shard: shard, to: &buffer)
    out = buffer
  }

  override func sendBody(_ bytes: ByteBuffer) {
    guard let context, bytes.readableBytes > 0 else { return }
    var buffer = out ?? shard.takeBuffer()
    switch responseBody {
    case .none:
      break
    case .plain:
      append(bytes, to: &buffer, context)
    case .chunked:
      buffer.writeChunkHeader(bytes.readableBytes)
      append(bytes, to: &buffer, context)
      buffer.writeStaticString("\r\n")
    }
    out = buffer
  }

  private func append(_ bytes: ByteBuffer, to buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
    // One copy of a few kilobytes is cheaper than a second vector entry and a retained read buffer.
    if bytes.readableBytes <= 8192 {
      buffer.writeImmutableBuffer(bytes)
      return
    }
    if buffer.readableBytes > 0 { context.write(wrapOutboundOut(buffer), promise: nil) }
    context.write(wrapOutboundOut(bytes), promise: nil)
    buffer.clear()
  }

  override func sendEnd(trailers: MessageHead?) {
    guard case .chunked = responseBody else { return }
    var buffer = out ?? shard.takeBuffer()
    buffer.writeLastChunk(trailers)
    out = buffer
  }

  override func flush() {
    if isProcessing {
      flushWanted = true
      return
    }
    flushWanted = false
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

  override func abort() {
    exchange = nil
    closesAfterResponse = true
    out = nil
    // Neither a last chunk nor the promised length: the client can tell that this is not the end.
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
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
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
    let rest = out ?? ByteBuffer()
    out = nil
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
    var buffer = out ?? shard.takeBuffer()
    ClientHead.write(head, framing: .none, request: exchange?.request, closes: false, shard: shard, to: &buffer)
    out = buffer
    flush()
    bodyPaused = false
    if !isProcessing, let bytes = held {
      held = nil
      exchange?.tunnelFromClient(bytes)
    }
    readIfSwallowed()
  }
}
