import NIOCore
import Observability

/// The way of a request: to a service's server, and the body behind it at the server's pace.
extension Exchange {
  // MARK: Towards the server

  func forward() {
    if let onlyServer {
      outcome.server = onlyServer
      return connect(to: onlyServer)
    }
    guard let installed, let service = errorPage?.service ?? serviceInstead ?? route?.service else {
      return reject(.noServer)
    }
    guard let choice = installed.pick(service, for: self) else {
      return fail(Failure(.connectRefused, origin: .gateway, detail: "no server"), rejection: .noServer)
    }
    beginAttempt(choice)
    connect(to: choice.server)
  }

  func connect(to server: ServerPlan) {
    phase = .connecting
    let pool = shard.pool(for: server)
    self.pool = pool
    shard.exchangeWaits(self, for: .upstreamConnect)
    attempts.made += 1
    armHedge()
    pool.acquire(self)
  }

  /// The pool found or made a connection.
  func attach(_ connection: ServerSide) {
    phase = .forwarding
    outcome.forwardedAt = shard.coarseNow
    server = connection
    outcome.usedIdleConnection = connection.wasOpen
    shard.exchangeWaits(self, for: .upstreamHead)
    if hasLostBody { return failForLostBody() }
    if connection.mayRefuse, attempts.made == 1, !requestReceived { attempts.keepBodyForRefusal() }
    tellDeadline()
    connection.begin(self)
    if errorPage != nil || leader != nil {
      requestEndSent = true
    } else if let bodySource {
      mirroring?.bodyStartsAgain()
      bodySource.start(self)
    } else {
      sendBodyAgain(connection)
      if requestReceived {
        requestEndSent = true
        // Only a try that is not the first has a body that came before its connection.
        if request.framing != .none { connection.sendEnd(trailers: nil) }
      } else {
        client?.resumeRequestBody()
      }
    }
    // The client's part may have ended the exchange.
    if phase == .forwarding, server === connection { connection.flush() }
  }

  // MARK: From the client

  /// A part of the request's body, in order.
  func requestBody(_ bytes: ByteBuffer) {
    outcome.requestBytes &+= UInt64(bytes.readableBytes)
    if let bodySink { return bodySink.body(bytes, of: self) }
    mirroring?.keep(bytes)
    attempts.keep(bytes)
    // Behind the end of a request (that for an error page has no body) the bytes would be another one to the server.
    guard phase == .forwarding, let server, !requestEndSent else { return }
    server.sendBody(bytes)
    if !server.isWritable { client?.pauseRequestBody() }
  }

  /// The request's body is complete. `trailers` are valid during the call.
  func requestEnd(trailers: MessageHead?) {
    requestReceived = true
    if let bodySink { return bodySink.end(of: self) }
    if let trailers, trailers.fieldCount > 0 { attempts.loseBody() }
    guard phase == .forwarding, let server, !requestEndSent else { return }
    requestEndSent = true
    server.sendEnd(trailers: trailers.flatMap(trailersToPass))
    attemptSent()
  }

  func requestFlush() {
    server?.flush()
  }

  func serverBecameWritable() {
    if phase == .tunnel {
      client?.resumeRequestBody()
      return
    }
    if let bodySource { return bodySource.goOn(self) }
    guard !requestReceived, bodySink == nil else { return }
    client?.resumeRequestBody()
    // What was held is written now; no read of the client need come that would flush it.
    server?.flush()
  }

  /// The client closed or reset before it had its response.
  func clientGone() {
    guard phase != .ended, phase != .idle else { return }
    outcome.failure = .clientGone
    if outcome.status == 0 { outcome.status = 499 }
    client = nil
    finish()
  }

  /// The client sent bytes that cannot be the rest of this request.
  func requestRefused(_ refusal: Refusal) {
    guard phase != .ended else { return }
    outcome.refusal = refusal
    shard.refused(refusal, side: .client)
    if headSent {
      outcome.failure = .requestRefused
      abortClient()
    } else {
      releaseServer()
      reject(Rejection(refusal))
    }
  }

  func requestTimedOut() {
    guard phase != .ended, !headSent else { return }
    releaseServer()
    outcome.failure = .requestRefused
    reject(.requestTimeout)
  }
}
