import ResiliencePolicies

/// The second server of a hedged request.
///
/// The second try is an exchange of its own, taken from the shard's store, that has no client: it is only there for a
/// connection to talk to (`leader` is the exchange with the client, which owns it and gives it back). What matters is
/// one moment: a response's head is complete. If it is the second's, the connection and the head change over to the
/// leader, and the first connection is closed; if it is the first's, the second is given up. So everything behind the
/// head, middlewares, body, back-pressure, sees one exchange with one server, as always, and the leader's `finish` is
/// still reached once.
///
/// A failure of one try while the other runs is kept and told only when both have failed.
extension Exchange {
  /// A try has begun: a second server is asked if no answer came after the delay.
  func armHedge() {
    guard let hedge = attempts.hedge, attempts.made == 1, attempts.second == nil, errorPage == nil,
      !attemptTimer.isArmed
    else { return }
    let delay = hedge.delay.nanoseconds
    guard delay > 0 else { return }
    shard.timers.arm(attemptTimer, duration: delay, now: shard.coarseNow)
  }

  /// The delay is over and no head has come.
  func askSecondServer() {
    guard let hedge = attempts.hedge, attempts.second == nil, attempts.made == 1, errorPage == nil, !headSent,
      phase == .connecting || phase == .forwarding, let installed, let first = outcome.server
    else { return }
    let now = shard.now()
    guard hedge.allows(hedge.budget.take(now: now), shard) else { return }
    attempts.tried.add(first)
    // A second server is asked for this request only: it is no reason to send the client there from now on.
    let cookies = stickyCookies
    defer { stickyCookies = cookies }
    guard let service = serviceInstead ?? route?.service, let choice = installed.pick(service, for: self),
      choice.server !== first
    else { return }
    let server = choice.server
    attempts.tried.add(server)
    let second = shard.takeExchange()
    attempts.second = second
    second.leader = self
    second.installed = installed
    second.requestReceived = true
    second.attempts.deadline = attempts.deadline
    second.attempts.teller = attempts.teller
    second.outcome.startedAt = now
    second.beginAttempt(choice)
    second.phase = .connecting
    let pool = shard.pool(for: server)
    second.pool = pool
    pool.acquire(second)
  }

  /// A response's head is complete on a connection of this exchange. Returns the exchange that goes on with it.
  func headArrived(on connection: ServerSide) -> Exchange {
    guard let leader else {
      if attempts.second != nil { giveUpSecond() }
      return self
    }
    leader.changeOver(to: self, connection)
    return leader
  }

  /// The second server was faster.
  private func changeOver(to second: Exchange, _ connection: ServerSide) {
    // Not `releaseServer`'s to give up any more.
    attempts.second = nil
    releaseServer()
    server = connection
    pool = second.pool
    phase = .forwarding
    outcome.server = second.outcome.server
    // What becomes of the answer is the second server's; of the first nothing is known but that it was not quick.
    endAttempt()
    attempt = second.attempt
    second.attempt = nil
    outcome.forwardedAt = second.outcome.forwardedAt
    outcome.usedIdleConnection = second.outcome.usedIdleConnection
    requestEndSent = true
    attempts.firstFailure = nil
    swap(&response, &second.response)
    second.server = nil
    second.pool = nil
    storeSecond(second)
  }

  /// The first server was faster, or nobody wants an answer any more.
  func giveUpSecond() {
    guard let second = attempts.second else { return }
    second.releaseServer()
    storeSecond(second)
  }

  private func storeSecond(_ second: Exchange) {
    attempts.second = nil
    second.endAttempt()
    second.phase = .ended
    second.leader = nil
    shard.store(second)
  }

  /// A try of a hedged request has failed. Returns false when there is no other one and the failure stands.
  func otherTryGoesOn(_ failure: Failure) -> Bool {
    guard attempts.second != nil else { return false }
    attempts.firstFailure = failure
    phase = .connecting
    pool = nil
    return true
  }

  /// The second try has failed.
  func secondFailed(_ failure: Failure) {
    guard let leader, let second = leader.attempts.second else { return }
    second.breakAttempt(failure)
    leader.storeSecond(second)
    // If the first is still under way it decides; if it had failed before, its failure is the one to tell.
    guard let first = leader.attempts.firstFailure else { return }
    leader.attempts.firstFailure = nil
    leader.tryFailed(first)
  }
}
