import GatewayModel
import ResiliencePolicies

/// What counts as a failure for a circuit breaker. One table, because every other answer to "whose fault was it" ends
/// in a breaker that opens for the client's sins.
///
/// | the exchange | counts as |
/// |---|---|
/// | no server could be reached, or there is none | failure, network error |
/// | it broke off, or its bytes were refused | failure, network error |
/// | it did not answer in time | failure, network error |
/// | it answered with a status of `failureStatus` | failure; 502 and 504 are network errors, as in Traefik |
/// | it answered otherwise | success |
/// | the client went away, or its bytes were refused or did not come in time | nothing |
/// | the client's own deadline passed, which may be a nanosecond | nothing |
/// | the time was over before a server was asked: a middleware waited for somebody else | nothing |
/// | the gateway refused, answered itself, or reached a limit of its own | nothing |
enum BreakerJudgement {
  /// - Parameter status: the response's at the breaker's place in the chain; 0: there was none.
  static func judge(
    _ outcome: borrowing Outcome, status: UInt16, failureStatus: [StatusRange], latency: UInt64
  ) -> BreakerResult {
    if let failure = outcome.failure {
      let wasAsked = failure != .deadlineExceeded || outcome.server != nil
      let kind = wasAsked ? kind(of: failure) : .excluded
      return BreakerResult(
        kind, isNetworkError: kind == .failure, status: status, latencyNanoseconds: latency)
    }
    if outcome.rejection != nil || outcome.refusal != nil || outcome.server == nil || status == 0 {
      return BreakerResult(.excluded, status: status)
    }
    var isFailure = false
    for range in failureStatus where range.contains(status) { isFailure = true }
    return BreakerResult(
      isFailure ? .failure : .success, isNetworkError: status == 502 || status == 504, status: status,
      latencyNanoseconds: latency)
  }

  static func kind(of failure: Failure.Kind) -> BreakerResult.Kind {
    switch failure {
    case .connectRefused, .connectTimeout, .resolve, .tlsHandshake, .closedEarly, .closedWhileIdle, .responseTimeout,
      .responseRefused, .bodyCut, .deadlineExceeded:
      .failure
    case .poolExhausted, .clientGone, .clientDeadline, .requestTooSlow, .requestRefused, .internalLimit: .excluded
    }
  }
}
