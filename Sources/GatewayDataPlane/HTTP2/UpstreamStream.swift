import NIOCore
import NIOHPACK
import NIOHTTP2

/// One exchange on an HTTP/2 connection to a server.
///
/// The head of a response is checked for what only HTTP/2 can say, written as an HTTP/1.1 head and given to the same
/// `ResponseParser` that HTTP/1.1 servers meet (see `HTTP2Request` for why). Back-pressure is the stream's window: what
/// the client does not take is not read. A stream that the server refused or that its GOAWAY left out was never
/// processed, so the exchange may be tried again whatever its method (RFC 9113 section 8.7); for that the first of a
/// request's body is kept until the response's head is there.
final class UpstreamStream: ServerSide, ChannelDuplexHandler, StreamWriter, TimerOwner {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let connection: UpstreamHTTP2
  private var exchange: Exchange?
  /// Waits for the stream's channel.
  private(set) var waiting: Exchange?
  private(set) var isOver = false
  private var headDone = false
  /// Bytes of 1xx heads ahead of the response.
  private var interimBytes = 0
  private var requestEnded = false
  var pending: ByteBuffer?
  /// What the server's RST_STREAM said.
  private var resetCode: HTTP2ErrorCode?
  /// The library closed the stream though the server did not reset it: a GOAWAY left it out.
  private var isLeftOut = false
  private var detail = ""
  private let timer = TimerNode()

  init(shard: Shard, pool: UpstreamPool, connection: UpstreamHTTP2, for exchange: Exchange) {
    self.connection = connection
    waiting = exchange
    super.init(shard: shard, pool: pool)
    timer.owner = self
  }

  override var wasOpen: Bool { connection.exchangesServed > 0 || connection.streams > 1 }
  override var mayRefuse: Bool { true }

  /// The channel is there, or cannot be had.
  func made() {
    pool.opened(self)
    let exchange = waiting
    waiting = nil
    let isUsable = !isOver && context?.channel.isActive == true
    if let exchange, isUsable { return exchange.attach(self) }
    if isUsable { context?.close(promise: nil) }
    if context == nil { over() }
    // The connection died in between: another one will do.
    if let exchange { pool.acquire(exchange) }
  }

  /// The exchange does not want the stream that is being made.
  func forget() { waiting = nil }

  // MARK: Sending a request

  override func begin(_ exchange: Exchange) {
    self.exchange = exchange
    let head = exchange.outgoing
    requestEnded = head.framing == .none
    writeHead(HTTP2ServerRequest.headers(head, server: pool.server), endStream: requestEnded)
    if requestEnded { armResponseTimeout() }
  }

  private func armResponseTimeout() {
    guard !headDone, !isOver else { return }
    shard.timers.arm(timer, duration: pool.server.transport.responseHeaderNanoseconds, now: shard.now())
  }

  override func sendBody(_ bytes: ByteBuffer) {
    if !requestEnded { writeBody(bytes) }
  }

  override func sendEnd(trailers: MessageHead?) {
    guard !requestEnded else { return }
    requestEnded = true
    writeEnd(trailers)
    armResponseTimeout()
  }

  override func flush() { flushPending() }

  override func cancel() {
    exchange = nil
    // RST_STREAM(CANCEL), while the stream is open.
    if !isOver { context?.close(promise: nil) }
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    over()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    over()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.hear()
    guard let exchange else { return }
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if headDone { end(trailers: frame.headers) } else { take(frame.headers, endStream: frame.endStream, exchange) }
    case .data(let frame):
      if case .byteBuffer(let bytes) = frame.data, bytes.readableBytes > 0 { exchange.serverBody(bytes) }
      if frame.endStream { complete(trailers: nil) }
    case .rstStream(let code): resetCode = code
    default: break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    exchange?.serverFlush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { exchange?.serverBecameWritable() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let closed = error as? NIOHTTP2Errors.StreamClosed, resetCode == nil {
      // CANCEL is the library's own word for a stream above the last one that GOAWAY names.
      if closed.errorCode == .cancel && !headDone { isLeftOut = true } else { resetCode = closed.errorCode }
    }
    detail = String(describing: error)
    context.close(promise: nil)
  }

  func timerFired(_ node: TimerNode) { fail(Failure(.responseTimeout)) }

  // MARK: A response

  private func take(_ headers: HPACKHeaders, endStream: Bool, _ exchange: Exchange) {
    var text = shard.takeBuffer()
    defer { shard.giveBuffer(text) }
    let head = exchange.response
    var refusal = HTTP2ServerResponse.write(headers, to: &text)
    if refusal == nil {
      var parser = ResponseParser(limits: shard.responseLimits)
      let method = exchange.outgoing.method
      switch text.withUnsafeReadableBytes({ parser.parse($0, into: head, requestMethod: method) }) {
      case .complete(let count) where count == text.readableBytes: break
      case .refused(let reason): refusal = reason
      case .complete, .incomplete: refusal = .malformedStatusLine
      }
    }
    // Nobody switches protocols here, and an interim answer is not the last word (RFC 9113 section 8.1).
    if refusal == nil, head.status == 101 || (head.status < 200 && endStream) { refusal = .malformedUpgrade }
    if let refusal { return refuse(refusal) }
    guard head.status >= 200 else {
      interimBytes += text.readableBytes
      return interimBytes > WireLimits.interimBytesMax ? refuse(.tooManyInterimResponses) : exchange.serverResponded()
    }
    headDone = true
    shard.timers.disarm(timer)
    settleFraming(head, endStream, isHead: exchange.outgoing.method == .head)
    // Of two servers that were asked the first head decides.
    let answered = exchange.headArrived(on: self)
    self.exchange = answered
    answered.serverResponded()
    if endStream, self.exchange === answered { complete(trailers: nil) }
  }

  private func settleFraming(_ head: ResponseHead, _ endStream: Bool, isHead: Bool) {
    if endStream {
      head.framing = .none
      return
    }
    switch head.framing {
    case .untilClose: head.framing = .chunked
    // Trailers may follow nothing at all.
    case .none where !isHead && head.status != 204 && head.status != 304: head.framing = .chunked
    case .none, .length, .chunked: break
    }
  }

  private func end(trailers headers: HPACKHeaders) {
    guard let section = HTTP2Trailers.section(headers) else { return refuse(.forbiddenTrailer) }
    complete(trailers: section.fieldCount > 0 ? section : nil)
  }

  private func complete(trailers: RequestHead?) {
    guard let exchange else { return }
    self.exchange = nil
    // The server has said all it will: what is left of the request is not wanted.
    if !requestEnded, !isOver { context?.close(promise: nil) }
    exchange.serverEnd(trailers: trailers)
  }

  private func refuse(_ refusal: Refusal) {
    shard.refused(refusal, side: .server)
    fail(Failure(.responseRefused, detail: "\(refusal.code)"))
  }

  private func fail(_ failure: Failure) {
    guard let exchange else { return }
    self.exchange = nil
    if !isOver { context?.close(promise: nil) }
    exchange.serverFailed(failure)
  }

  private func over() {
    guard !isOver else { return }
    isOver = true
    shard.timers.disarm(timer)
    let wasWarm = wasOpen
    connection.streamOver()
    guard let exchange else { return }
    self.exchange = nil
    if resetCode == .refusedStream || isLeftOut {
      let reason = isLeftOut ? "left out by GOAWAY" : "the stream was refused"
      exchange.serverFailed(Failure(.closedWhileIdle, isRetrySafe: true, detail: reason))
    } else if headDone {
      exchange.serverFailed(Failure(.bodyCut, detail: detail))
    } else if wasWarm && resetCode == nil {
      exchange.serverFailed(Failure(.closedWhileIdle, detail: detail))
    } else {
      exchange.serverFailed(Failure(.closedEarly, detail: resetCode.map { "reset by the server: \($0)" } ?? detail))
    }
  }
}
