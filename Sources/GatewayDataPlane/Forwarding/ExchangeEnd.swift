/// How an exchange ends. Every way out comes through `finish`, once.
extension Exchange {
  /// Another response takes the place of the one that was on its way, of which the client has nothing yet.
  func dropTransforms() {
    guard !headSent, !transforms.isEmpty else { return }
    transforms = []
    pendingFraming = .none
    heldTrailers = nil
  }

  func fail(_ failure: Failure, rejection: Rejection) {
    dropTransforms()
    outcome.failure = failure.kind
    shard.assignRequestID(self)
    shard.upstreamFailed(self, failure)
    if headSent { return endsCall(rejection) ? () : abortClient() }
    if let errorPage, errorPage.isStarted {
      // The page could not be had: the client gets the plain problem with the status it was about.
      var plain = rejection
      plain.status = errorPage.status
      self.errorPage = nil
      return reject(plain)
    }
    reject(rejection)
  }

  func releaseServer() {
    if attempts.second != nil { giveUpSecond() }
    if attemptTimer.isArmed { shard.timers.disarm(attemptTimer) }
    if phase == .connecting { pool?.cancel(self) }
    server?.cancel()
    server = nil
  }

  /// The response cannot be completed. The client side is told last: closing it may call back at once, and by then
  /// this object may serve another request.
  func abortClient() {
    let side = client
    client = nil
    finish()
    side?.abort()
  }

  /// Settles the outcome and gives everything back. Reached once. The client side is told last (see `abortClient`); it
  /// sends what is still buffered.
  func finish() {
    guard phase != .ended, phase != .idle else { return }
    // Fields of a head that was not read to its end say where they were, not what.
    if response.byteCount == 0 && response.fieldCount > 0 { response.reset() }
    releaseServer()
    disarmTimers()
    endAttempt()
    phase = .ended
    outcome.endedAt = shard.now()
    if let route {
      var index = entered - 1
      while index >= 0 {
        if route.middlewares[index].actsOnEnd { route.middlewares[index].ended(self) }
        index -= 1
      }
    }
    shard.exchangeEnded(self)
    let copies = mirroring.map { $0.copies(of: self) }
    let side = client
    client = nil
    shard.store(self)
    side?.exchangeEnded()
    // Behind the client's answer: a copy delays nobody.
    if let copies { for copy in copies { copy.begin() } }
  }
}
