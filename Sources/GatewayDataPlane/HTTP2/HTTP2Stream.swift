import NIOCore
import NIOHPACK
import NIOHTTP2

/// A client's HTTP/2 stream: one exchange, then over.
///
/// It is the HTTP/2 counterpart of `HTTP1Connection`. Back-pressure is the stream's window: a body that nobody takes is
/// not read, so no window is given back, and at most one window of it is held here.
final class HTTP2Stream: ClientSide, ChannelDuplexHandler, StreamWriter {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private enum State {
    /// Before the header list. Can move to `exchanging`, `closed`.
    case fresh
    /// The exchange runs. Can move to `closed`.
    case exchanging
    case closed
  }

  private var state = State.fresh
  private(set) var context: ChannelHandlerContext?
  private var exchange: Exchange?
  private var bodyPaused = true
  private var readSwallowed = false
  private var held: [ByteBuffer] = []
  private var requestEnded = false
  private var requestEndPassed = false
  private var trailers: RequestHead?
  private var bodyBytes: UInt64 = 0
  private var bodyBytesMax: UInt64 = .max
  private var responseEnded = false
  var pending: ByteBuffer?
  /// For the whole request, as for HTTP/1.1: whoever opens a stream and sends no more must not hold a server's place.
  private let readTimer = TimerNode()

  override var protocolVersion: HTTPVersion { .http2 }
  override var isWritable: Bool { context?.channel.isWritable ?? false }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    readTimer.owner = self
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    over()
    if readTimer.isArmed { shard.timers.disarm(readTimer) }
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    over()
    context.fireChannelInactive()
  }

  private func over() {
    if case .closed = state { return }
    state = .closed
    shard.timers.disarm(readTimer)
    let running = exchange
    exchange = nil
    running?.clientGone()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  // MARK: Reading

  func read(context: ChannelHandlerContext) {
    if bodyPaused && !held.isEmpty { readSwallowed = true } else { context.read() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if case .fresh = state { begin(frame.headers, endStream: frame.endStream) } else { end(trailers: frame.headers) }
    case .data(let frame):
      if case .byteBuffer(let bytes) = frame.data { take(bytes) }
      if frame.endStream { end(trailers: nil) }
    default:
      break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    exchange?.requestFlush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { exchange?.clientBecameWritable() }
    context.fireChannelWritabilityChanged()
  }

  private func begin(_ headers: HPACKHeaders, endStream: Bool) {
    state = .exchanging
    let startedAt = shard.now()
    let plan = shard.installed.snapshot.entryPoints[connection.entryPoint]
    bodyBytesMax = plan.limits.bodyBytesMax
    requestEnded = endStream
    requestEndPassed = endStream
    if !endStream { shard.timers.arm(readTimer, duration: plan.timeouts.read, now: startedAt) }
    let exchange = shard.takeExchange()
    self.exchange = exchange
    var text = shard.takeBuffer()
    defer { shard.giveBuffer(text) }
    var refusal = HTTP2Request.write(headers, to: &text)
    if refusal == nil {
      var parser = RequestParser(limits: plan.limits)
      switch text.withUnsafeReadableBytes({ parser.parse($0, into: exchange.request) }) {
      case .complete(let count) where count == text.readableBytes: break
      case .refused(let reason): refusal = reason
      case .complete, .incomplete: refusal = .malformedRequestLine
      }
    }
    if refusal == nil { refusal = settleFraming(exchange.request, endStream) }
    if let refusal { return exchange.begin(refusing: refusal, client: self, startedAt: startedAt) }
    exchange.begin(client: self, startedAt: startedAt)
  }

  private func settleFraming(_ head: RequestHead, _ endStream: Bool) -> Refusal? {
    if endStream {
      if case .length = head.framing { return .malformedContentLength }
      head.framing = .none
      head.expectsContinue = false
      return nil
    }
    if case .length(let length) = head.framing { return length > bodyBytesMax ? .bodyTooLarge : nil }
    head.framing = .chunked
    return nil
  }

  private func take(_ bytes: ByteBuffer) {
    guard let exchange, bytes.readableBytes > 0 else { return }
    bodyBytes &+= UInt64(bytes.readableBytes)
    if bodyBytes > bodyBytesMax { return exchange.requestRefused(.bodyTooLarge) }
    if bodyPaused { held.append(bytes) } else { exchange.requestBody(bytes) }
  }

  private func end(trailers headers: HPACKHeaders?) {
    guard !requestEnded else { return }
    requestEnded = true
    shard.timers.disarm(readTimer)
    if let headers {
      guard let section = HTTP2Trailers.section(headers) else {
        exchange?.requestRefused(.forbiddenTrailer)
        return
      }
      trailers = section
    }
    passEnd()
  }

  private func passEnd() {
    guard requestEnded, !requestEndPassed, !bodyPaused, held.isEmpty, let exchange else { return }
    requestEndPassed = true
    exchange.requestEnd(trailers: trailers)
  }

  override func resumeRequestBody() {
    guard bodyPaused else { return }
    bodyPaused = false
    let parts = held
    held = []
    for (index, part) in parts.enumerated() {
      guard let exchange else { return }
      if bodyPaused {
        held = Array(parts[index...])
        return
      }
      exchange.requestBody(part)
    }
    passEnd()
    if readSwallowed {
      readSwallowed = false
      context?.read()
    }
  }

  override func pauseRequestBody() { bodyPaused = true }

  // MARK: Responding

  override func sendInformational(_ head: ResponseHead) {
    writeHead(HTTP2Response.headers(head, framing: .none, request: nil, shard: shard), endStream: false)
  }

  override func sendHead(_ head: ResponseHead, framing: BodyFraming, request: RequestHead) {
    responseEnded = framing == .none || !head.mayHaveBody(for: request)
    let headers = HTTP2Response.headers(head, framing: framing, request: request, shard: shard)
    writeHead(headers, endStream: responseEnded, promise: responseEnded ? lastFramePromise() : nil)
  }

  override func sendBody(_ bytes: ByteBuffer) {
    if !responseEnded { writeBody(bytes) }
  }

  override func sendEnd(trailers: MessageHead?) {
    guard !responseEnded else { return }
    responseEnded = true
    writeEnd(trailers, promise: lastFramePromise())
  }

  /// For a response that ends before its request: the rest of that is not wanted (RFC 9113 section 8.1), which may only
  /// be said when the response has left, since a reset drops what waits for a window. Nil: nothing has to be said.
  private func lastFramePromise() -> EventLoopPromise<Void>? {
    guard !requestEnded, let context else { return nil }
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenSuccess { self.refuseRest() }
    return promise
  }

  private func refuseRest() {
    guard !requestEnded, let context else { return }
    context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
  }

  override func flush() { flushPending() }

  override func abort() {
    exchange = nil
    pending = nil
    guard let context, case .exchanging = state else { return }
    state = .closed
    context.writeAndFlush(wrapOutboundOut(.rstStream(.internalError)), promise: nil)
  }

  override func exchangeEnded() {
    exchange = nil
    held = []
    guard case .exchanging = state else { return }
    state = .closed
    flushPending()
  }
}

extension HTTP2Stream: TimerOwner {
  func timerFired(_ node: TimerNode) {
    if let exchange { exchange.requestTimedOut() } else { refuseRest() }
  }
}
