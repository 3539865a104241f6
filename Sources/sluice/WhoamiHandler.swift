import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection of `sluice whoami`. NIO's pipelining handler hands it one request at a time.
final class WhoamiHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// Part of a request body that is kept to be shown; the rest is counted and let go.
  static let bodyBytesKept = 64 << 10
  /// Bytes of `/data` written at a time.
  static let sliceBytes = 64 << 10

  private enum State {
    /// Nothing runs. Can move to receiving.
    case idle
    /// A head has arrived and its body is arriving. Can move to answering.
    case receiving(WhoamiRequest)
    /// The answer waits for `?wait=` or for the client to read. Moves to idle, or the connection closes.
    case answering(keepAlive: Bool, dataLeft: Int)
  }

  private let crowd: WhoamiCrowd
  private var state = State.idle
  private var timer: Scheduled<Void>?

  /// The handshake was looked at already, and comes here because it is none.
  private var hasAwaitedUpgrade = false

  init(crowd: WhoamiCrowd) { self.crowd = crowd }

  private func wantsWebSocket(_ head: HTTPRequestHead) -> Bool {
    !hasAwaitedUpgrade && WhoamiTarget(head.uri).path == "/echo"
      && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
  }

  /// No request is in work here.
  var isIdle: Bool {
    if case .idle = state { return true }
    return false
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      if wantsWebSocket(head) {
        hasAwaitedUpgrade = true
        guard let before = try? WhoamiServer.awaitUpgrade(before: self, in: context.channel),
          let upgrade = before.handler as? HTTPServerUpgradeHandler
        else { return context.close(promise: nil) }
        return upgrade.channelRead(context: before, data: data)
      }
      if head.headers[canonicalForm: "expect"].contains("100-continue") {
        let goOn = HTTPResponseHead(version: head.version, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(goOn)), promise: nil)
      }
      state = .receiving(WhoamiRequest(head: head))
    case .body(let bytes):
      guard case .receiving(var request) = state else { return }
      state = .idle  // so that the buffer below has one owner and is not copied
      request.append(bytes, kept: Self.bodyBytesKept)
      state = .receiving(request)
    case .end(let trailers):
      guard case .receiving(var request) = state else { return }
      request.trailers = trailers
      answer(request, context: context)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    // Only when it became writable: the event of the contrary arrives inside the write that filled the channel.
    if context.channel.isWritable, case .answering(let keepAlive, let left) = state, left > 0 {
      writeData(left, keepAlive: keepAlive, context: context)
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case is IdleStateHandler.IdleStateEvent:
      context.close(promise: nil)
    case ChannelEvent.inputClosed:
      // The client has ended its side. A running answer is still finished, as a browser's half-close expects.
      switch state {
      case .answering(_, let left): state = .answering(keepAlive: false, dataLeft: left)
      case .idle, .receiving: context.close(promise: nil)
      }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
  }

  // MARK: answering

  private func answer(_ request: WhoamiRequest, context: ChannelHandlerContext) {
    let target = WhoamiTarget(request.head.uri)
    guard let wait = target.wait else {
      let refusal = WhoamiAnswer.text(.badRequest, "wait is a duration such as 300ms or 2s, at most 10m\n")
      return write(refusal, to: request.head, context: context)
    }
    guard wait > .zero else { return answerNow(request, target, context: context) }
    state = .answering(keepAlive: request.head.isKeepAlive, dataLeft: 0)
    let bound = NIOLoopBound((self, request, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: TimeAmount(wait)) {
      let (handler, request, context) = bound.value
      handler.timer = nil
      handler.answerNow(request, target, context: context)
    }
  }

  private func answerNow(_ request: WhoamiRequest, _ target: WhoamiTarget, context: ChannelHandlerContext) {
    let remote = WhoamiIdentity.text(context.channel.remoteAddress)
    let answer =
      switch target.path {
      case "/api": WhoamiAnswer.json(request, identity: crowd.identity, remote: remote)
      case "/bench": WhoamiAnswer.text(.ok, "1")
      case "/data": WhoamiAnswer.data(target)
      case "/echo": WhoamiAnswer.text(.upgradeRequired, "a WebSocket is expected here\n", ["Upgrade": "websocket"])
      case "/health": health(request)
      default: WhoamiAnswer.report(request, identity: crowd.identity, remote: remote)
      }
    write(answer, to: request.head, context: context)
  }

  /// POST sets the status that GET answers with.
  private func health(_ request: WhoamiRequest) -> WhoamiAnswer {
    guard request.head.method == .POST else {
      return .text(HTTPResponseStatus(statusCode: crowd.health), "")
    }
    let text = String(buffer: request.body).trimmingPrefix(while: \.isWhitespace).prefix { $0.isNumber }
    guard let status = Int(text), (200...599).contains(status) else {
      return .text(.badRequest, "the body is a status from 200 to 599\n")
    }
    crowd.health = status
    return .text(.ok, "")
  }

  private func write(_ answer: WhoamiAnswer, to head: HTTPRequestHead, context: ChannelHandlerContext) {
    // Behind a request to upgrade nothing more is read of the connection, whatever came of it.
    var keepAlive = head.isKeepAlive && !crowd.draining && !head.headers.contains(name: "Upgrade")
    if case .answering(false, _) = state { keepAlive = false }  // the client has ended its side meanwhile
    var headers = answer.headers
    let length = answer.dataBytes > 0 ? answer.dataBytes : answer.body.readableBytes
    headers.replaceOrAdd(name: "Content-Length", value: String(length))
    if !keepAlive {
      headers.add(name: "Connection", value: "close")
    } else if head.version == .http1_0 {
      headers.add(name: "Connection", value: "keep-alive")
    }
    let answerHead = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
    context.write(wrapOutboundOut(.head(answerHead)), promise: nil)
    if head.method == .HEAD {
      finish(keepAlive: keepAlive, context: context)
    } else if answer.dataBytes > 0 {
      writeData(answer.dataBytes, keepAlive: keepAlive, context: context)
    } else {
      if length > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil) }
      finish(keepAlive: keepAlive, context: context)
    }
  }

  /// Writes slices while the channel takes them; goes on at the next change of writability. The flush comes last,
  /// because that change can arrive inside it.
  private func writeData(_ bytes: Int, keepAlive: Bool, context: ChannelHandlerContext) {
    var left = bytes
    while left > 0, context.channel.isWritable {
      let slice = WhoamiAnswer.slice(bytes: min(left, Self.sliceBytes))
      left -= slice.readableBytes
      state = .answering(keepAlive: keepAlive, dataLeft: left)
      context.write(wrapOutboundOut(.body(.byteBuffer(slice))), promise: nil)
    }
    if left == 0 {
      finish(keepAlive: keepAlive, context: context)
    } else {
      context.flush()
    }
  }

  private func finish(keepAlive: Bool, context: ChannelHandlerContext) {
    state = .idle
    if keepAlive && !crowd.draining {
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    } else {
      let channel = context.channel
      context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
