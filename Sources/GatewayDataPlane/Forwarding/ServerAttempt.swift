import ResiliencePolicies

/// One request sent to one server, as balancers and outlier detection see it.
///
/// An exchange may have several, one after the other: the server failed and another was asked, or an error page is
/// fetched. Each is begun once, judged at most once by how the server did, and ended once, so that the count of
/// requests in flight always returns to zero. What the client or the gateway broke is no judgement: the attempt ends,
/// and nothing is learnt.
struct ServerAttempt {
  let choice: InstalledSnapshot.Choice
  /// When the server's time began: with the choice, or with the end of a body that the client sent slowly.
  var startedAt: UInt64
  var isJudged = false
}

extension Exchange {
  /// A server was chosen.
  func beginAttempt(_ choice: InstalledSnapshot.Choice) {
    endAttempt()
    outcome.server = choice.server
    attempt = ServerAttempt(choice: choice, startedAt: shard.coarseNow)
    shard.changeLoad(of: choice.server) { $0.begin() }
  }

  /// The request's body is out: what the server takes from now on is its own time.
  func attemptSent() {
    if attempt != nil { attempt?.startedAt = shard.coarseNow }
    outcome.requestSentAt = shard.coarseNow
  }

  /// The server sent a response's head, or failed to. `now` is a fresh time.
  func judgeAttempt(failed: Bool, now: UInt64) {
    guard let attempt, !attempt.isJudged else { return }
    self.attempt?.isJudged = true
    let roundTrip = now > attempt.startedAt ? now &- attempt.startedAt : 0
    shard.changeLoad(of: attempt.choice.server) { $0.observe(roundTrip, failed: failed, now: now) }
    note(attempt.choice, failed: failed, now: now)
  }

  /// The attempt broke. Only what the server did counts against it; that an idle connection died is nobody's fault,
  /// and a response that was cut counts although its head was good.
  func breakAttempt(_ failure: Failure) {
    if let attempt, failure.origin == .server, failure.kind != .closedWhileIdle {
      let now = shard.now()
      if attempt.isJudged { note(attempt.choice, failed: true, now: now) } else { judgeAttempt(failed: true, now: now) }
    }
    endAttempt()
  }

  func endAttempt() {
    guard let attempt else { return }
    self.attempt = nil
    shard.changeLoad(of: attempt.choice.server) { $0.end() }
  }

  private func note(_ choice: InstalledSnapshot.Choice, failed: Bool, now: UInt64) {
    guard let outliers = choice.service.policy.outliers else { return }
    let shard = self.shard
    outliers.record(choice.member, failed: failed, now: now) { member, verdict in
      shard.serverStoodOut(choice.service, member, verdict)
    }
  }
}
