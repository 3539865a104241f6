import NIOCore
import Observability

/// The way of a response: through the middlewares and transforms to the client, at the client's pace.
extension Exchange {
  /// A whole response head is in `response`.
  func serverResponded() {
    if response.status < 200 {
      if response.status == 101 { return startTunnel() }
      let serial = self.serial
      client?.sendInformational(response)
      client?.flush()
      guard serial == self.serial else { return }
      response.reset()
      // There may be any number of them: a client that reads nothing holds the server up here too.
      if client?.isWritable == false { server?.pauseReading() }
      return
    }
    if attemptTimer.isArmed { shard.timers.disarm(attemptTimer) }
    outcome.originStatus = response.status
    let now = shard.now()
    // Also where another server answers instead: one that only ever costs a try has to be found out.
    judgeAttempt(failed: response.status >= 500, now: now)
    if triesAgainInsteadOfResponse() { return }
    // A server that answers has looked at the request: without `retry` its body is not sent again.
    if attempts.retry == nil { attempts.loseBody() }
    outcome.upstreamHeadAt = now
    shard.exchangeWaits(self, for: .upstreamBody)
    if let errorPage {
      response.status = errorPage.status
      response.reason = .empty
    }
    for cookie in stickyCookies { response.add("Set-Cookie", id: .setCookie, value: response.append(cookie)) }
    // Links inside the one that fetched the page saw the response it replaces; their end still comes.
    runResponders(below: errorPage?.link)
    // A middleware may have chosen to fetch an error page instead.
    if errorPage != nil && errorPage?.isStarted == false { return startErrorPage() }
    sendHead(response.framing)
  }

  /// Lets the entered middlewares see the response, innermost first.
  func runResponders(below limit: Int? = nil) {
    guard let route, route.hasResponders else { return }
    var index = (limit ?? entered) - 1
    while index >= 0 {
      let middleware = route.middlewares[index]
      if middleware.actsOnResponse { middleware.response(self) }
      index -= 1
    }
  }

  func sendHead(_ framing: BodyFraming) {
    guard let client else { return }
    outcome.status = response.status
    if transforms.isEmpty {
      headSent = true
      client.sendHead(response, framing: framing, request: request)
      return
    }
    var settled = framing
    for transform in transforms { settled = transform.begin(settled, of: self) }
    pendingFraming = settled
    if !transforms.contains(where: { $0.holdsHead }) { releaseHead() }
  }

  /// A transform that held the head back lets it go, with another framing if it now knows better.
  func releaseHead(_ framing: BodyFraming? = nil) {
    guard let client, !headSent else { return }
    headSent = true
    outcome.status = response.status
    client.sendHead(response, framing: framing ?? pendingFraming, request: request)
  }

  func serverBody(_ bytes: ByteBuffer) {
    outcome.originBytes &+= UInt64(bytes.readableBytes)
    if transforms.isEmpty { return passBody(bytes) }
    transforms[0].body(bytes, BodyOutput(exchange: self, next: 1))
  }

  func passBody(_ bytes: ByteBuffer) {
    guard let client else { return }
    outcome.responseBytes &+= UInt64(bytes.readableBytes)
    client.sendBody(bytes)
    if !client.isWritable { server?.pauseReading() }
  }

  func serverFlush() {
    client?.flush()
  }

  func clientBecameWritable() {
    server?.resumeReading()
    for (index, transform) in transforms.enumerated() {
      transform.clientBecameWritable(BodyOutput(exchange: self, next: index + 1))
    }
  }

  /// The response is complete; the connection has been given back already.
  func serverEnd(trailers: MessageHead?) {
    server = nil
    if transforms.isEmpty { return passEnd(trailers: trailers) }
    holdTrailers(trailers)
    transforms[0].end(BodyOutput(exchange: self, next: 1))
  }

  func passEnd(trailers: MessageHead?) {
    if !headSent { releaseHead() }
    client?.sendEnd(trailers: trailers)
    finish()
  }
}
