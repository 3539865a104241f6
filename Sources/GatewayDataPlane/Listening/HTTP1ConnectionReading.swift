import NIOCore
import Observability

/// How a connection reads: what it takes from the socket and when, and what becomes of the bytes, head by head.
extension HTTP1Connection {
  /// Bytes of a pipeline kept beyond the current request before reading pauses.
  private static let heldMax = 64 * 1024

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

  /// A client that pipelines and takes no answers gets no further ones: what it has asked for waits here, and more is
  /// not read, until what was written has left.
  private var mayBegin: Bool { isWritable && (unsent.gathered?.readableBytes ?? 0) < Self.heldMax }

  func readIfSwallowed() {
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
  func process(_ input: ByteBuffer) {
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
  func beginHeld() {
    guard !isProcessing, case .idle = state, let bytes = held else { return }
    held = nil
    process(bytes)
  }

  /// Returns false when the bytes have to wait or are of no use any more.
  private func collectHead(_ bytes: inout ByteBuffer) -> Bool {
    var isFirstRead = false
    if case .idle = state {
      if requests == 0, HTTP2Preface.isAhead(bytes), let context {
        hold(bytes)
        switchToHTTP2(context)
        return false
      }
      if requests > 0, skipEmptyLine(&bytes), bytes.readableBytes == 0 { return false }
      state = .head
      isFirstRead = true
      headStartedAt = shard.now()
      exchange = shard.takeExchange()
      parser.reset()
    }
    guard let exchange else { return false }
    let progress = bytes.withUnsafeReadableBytes { parser.parse($0, into: exchange.request) }
    switch progress {
    case .incomplete:
      // Nearly every head is complete at once, and then there is nothing to wait for.
      if isFirstRead {
        shard.timers.arm(timer, duration: plan.timeouts.head, now: headStartedAt)
        shard.ledgerWait(ledger, .clientHead)
      }
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

  /// Old clients end a body with CRLF that belongs to nothing. One is thrown away without a request having begun (RFC
  /// 9112 section 2.2), so that the connection stays idle and is not answered with a 408 that nobody waits for.
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
    let plan = plan
    let head = exchange.request
    body = RequestBodyDecoder(head.framing, limits: plan.limits)
    bodyPaused = !body.isComplete
    closesAfterResponse = !keepsAlive(head, plan)
    if body.isComplete {
      shard.timers.disarm(timer)
    } else {
      shard.timers.arm(timer, duration: plan.timeouts.read, now: headStartedAt)
    }
    shard.ledgerWait(ledger, .exchange)
    if let refusal = body.refusal(for: head.framing) {
      exchange.begin(refusing: refusal, client: self, startedAt: headStartedAt)
      return
    }
    exchange.begin(client: self, startedAt: headStartedAt)
  }

  private func keepsAlive(_ head: RequestHead, _ plan: EntryPointPlan) -> Bool {
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
    // Which the client has to take in the time that it had for its head.
    shard.timers.arm(timer, duration: plan.timeouts.head, now: headStartedAt)
    shard.ledgerWait(ledger, .exchange)
    exchange.begin(refusing: refusal, client: self, startedAt: headStartedAt)
  }

  /// Returns false when the bytes have to wait.
  private func passBody(_ bytes: inout ByteBuffer) -> Bool {
    guard let exchange else { return false }
    var position = 0
    let step = bytes.withUnsafeReadableBytes { body.next($0, position: &position, trailers: exchange.trailers) }
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
      requestComplete(exchange, trailers: exchange.trailers.fieldCount > 0 ? exchange.trailers : nil)
    }
    return true
  }

  private func requestComplete(_ exchange: Exchange, trailers: MessageHead?) {
    guard self.exchange === exchange else { return }
    shard.timers.disarm(timer)
    exchange.requestEnd(trailers: trailers)
  }
}
