import NIOCore

/// What a connection does when a deadline passes or the gateway stops.
///
/// One node serves all deadlines of a connection, because it waits for one thing at a time: the next request, the rest
/// of a head, the rest of a body, room for the response, or the end. The state says which it was.
extension HTTP1Connection {
  /// The client takes what it is sent again, or has stopped to. While a body is still coming the deadline is the read
  /// timeout's, and between requests the idle timeout's, unless there is a write timeout.
  func waitForClient(_ takes: Bool) {
    let now = shard.now()
    switch state {
    case .exchanging where body.isComplete:
      shard.timers.arm(timer, duration: takes ? 0 : plan.timeouts.write, now: now)
    case .lingering:
      shard.timers.arm(timer, duration: plan.timeouts.write, now: now)
    case .idle:
      let write = plan.timeouts.write
      shard.timers.arm(timer, duration: takes || write == 0 ? plan.timeouts.idle : write, now: now)
    case .head, .exchanging, .tunnel, .closed: break
    }
  }

  func timerFired(_ node: TimerNode) {
    switch state {
    case .idle:
      context?.close(promise: nil)
    case .head:
      closesAfterResponse = true
      guard let exchange else { return }
      state = .exchanging
      body = RequestBodyDecoder(.chunked, limits: plan.limits)
      exchange.begin(timedOut: self, startedAt: headStartedAt)
    case .exchanging:
      if body.isComplete {
        // The write timeout: the client does not take its response.
        context?.close(promise: nil)
      } else {
        closesAfterResponse = true
        exchange?.requestTimedOut()
      }
    case .lingering:
      context?.close(promise: nil)
    case .tunnel, .closed:
      break
    }
  }

  func drain() {
    isDraining = true
    if case .idle = state { context?.close(promise: nil) }
    if case .exchanging = state { closesAfterResponse = true }
  }
}
