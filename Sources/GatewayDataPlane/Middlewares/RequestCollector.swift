import NIOCore

/// Takes a request's body for `buffering` or `forwardAuth`, then gives it to servers at the server's pace.
final class RequestCollector: RequestBodySink, RequestBodySource {
  private enum State {
    /// The body comes in while `request` of the middleware is still running. Can move to every other one.
    case starting
    /// The exchange waits for the body. Can move to `complete`, `refused`.
    case waiting(Resumption)
    /// Can be sent, more than once for another try.
    case complete
    case refused(Rejection)
  }

  private var state = State.starting
  private let spool: BodySpool
  private let bytesMax: Int
  private let tooLarge: Rejection
  /// What the middleware does once the body is there.
  private var then: ((Exchange) -> Step)?
  /// A piece that was read for an earlier try is not for this one's connection.
  private var tries = 0
  private var isReading = false
  private var isSent = false

  /// - Parameter tooLarge: what is said to a body of more than `bytesMax`.
  init(spool: BodySpool, bytesMax: Int, tooLarge: Rejection = .bodyTooLarge) {
    self.spool = spool
    self.bytesMax = bytesMax
    self.tooLarge = tooLarge
  }

  var count: Int { spool.count }

  /// Starts the body; it may be complete when this returns.
  ///
  /// - Parameter then: what the middleware does with the whole body; called once, on the loop, unless the exchange
  ///   ends.
  func collect(_ exchange: Exchange, then: @escaping (Exchange) -> Step = { _ in .go }) -> Step {
    exchange.bodySink = self
    self.then = then
    let resumption = exchange.resumption()
    spool.onFailure = { [weak self] in self?.refuse(.bufferingFailed) }
    spool.onRelief = { if resumption.isValid { resumption.exchange.client?.resumeRequestBody() } }
    if exchange.request.expectsContinue { Self.askForBody(exchange) }
    exchange.client?.resumeRequestBody()
    switch state {
    case .starting, .waiting:
      state = .waiting(resumption)
      return .wait
    case .complete: return settle(exchange)
    case .refused(let rejection): return .reject(rejection)
    }
  }

  /// The server will not see the expectation: its body is there.
  private static func askForBody(_ exchange: Exchange) {
    exchange.request.removeAll(.expect)
    exchange.request.expectsContinue = false
    let head = ResponseHead()
    head.status = 100
    exchange.client?.sendInformational(head)
    exchange.client?.flush()
  }

  func body(_ bytes: ByteBuffer, of exchange: Exchange) {
    if case .refused = state { return }
    guard bytes.readableBytes <= bytesMax - spool.count else { return refuse(tooLarge) }
    spool.append(bytes)
    if spool.isBehind { exchange.client?.pauseRequestBody() }
  }

  func end(of exchange: Exchange) {
    if case .refused = state { return }
    spool.finishWriting { [self] in
      spool.letGo()
      switch state {
      case .starting: state = .complete
      case .waiting(let resumption):
        state = .complete
        guard resumption.isValid else { return }
        resumption.resume(settle(resumption.exchange))
      case .complete, .refused: break
      }
    }
  }

  private func refuse(_ rejection: Rejection) {
    let before = state
    state = .refused(rejection)
    spool.letGo()
    then = nil
    if case .waiting(let resumption) = before { resumption.resume(.reject(rejection)) }
  }

  /// From here on the exchange has a request whose length is known and whose body is here.
  private func settle(_ exchange: Exchange) -> Step {
    exchange.request.framing = spool.count > 0 ? .length(UInt64(spool.count)) : .none
    exchange.bodySink = nil
    if spool.count > 0 { exchange.bodySource = self }
    defer { then = nil }
    return then?(exchange) ?? .go
  }

  // MARK: To the server

  func start(_ exchange: Exchange) {
    tries += 1
    isReading = false
    isSent = false
    spool.rewind()
    goOn(exchange)
  }

  func goOn(_ exchange: Exchange) {
    // The request for an error page is another one.
    guard !isSent, !isReading, exchange.errorPage == nil, let server = exchange.server else { return }
    while server.isWritable, let piece = spool.nextInMemory() { exchange.sendSource(piece) }
    if spool.isAtEnd {
      isSent = true
      exchange.requestSourceEnded()
    } else if server.isWritable {
      read(exchange)
    }
    exchange.requestFlush()
  }

  private func read(_ exchange: Exchange) {
    isReading = true
    let resumption = exchange.resumption()
    let attempt = tries
    spool.readNext { [self] piece in
      guard resumption.isValid, attempt == tries, exchange.errorPage == nil, exchange.server != nil else { return }
      isReading = false
      guard let piece else { return exchange.bodyLost(.bufferingFailed) }
      exchange.sendSource(piece)
      goOn(exchange)
    }
  }
}
