/// The states of a circuit breaker and how it moves between them. No clock, no lock, no counting of a closed state.
///
/// Two published behaviours in one machine. By counts (sony/gobreaker v2): open until `timeout`; half-open lets
/// `maxRequests` through, the first failure opens it again, `maxRequests` successes in a row close it; a closed
/// breaker forgets its counts every `interval`. By expression (vulcand/oxy, which Traefik uses): open for
/// `fallbackDuration`; then for `recoveryDuration` a share of requests that grows linearly to a half passes, as long as
/// the expression does not hold again, and then it closes.
///
/// Every change of state, and every interval, begins a new generation. What began in another one never counts.
struct BreakerMachine {
  private let form: BreakerSettings.Form
  private(set) var state = BreakerState.closed
  private(set) var generation: UInt64 = 1
  /// The state's end by itself; `.max`: never.
  private(set) var deadline: UInt64 = .max
  private(set) var transitions = [UInt64](repeating: 0, count: BreakerState.allCases.count)

  /// Half-open by counts: let through and not excluded since; and how many of them succeeded.
  private(set) var admitted: UInt64 = 0
  private(set) var succeeded: UInt64 = 0
  /// Half-open by expression.
  private var recoverySince: UInt64 = 0
  private var allowed: UInt64 = 0
  private var denied: UInt64 = 0

  init(_ form: BreakerSettings.Form, now: UInt64) {
    self.form = form
    begin(now)
  }

  /// What time alone changes.
  mutating func settle(_ now: UInt64) {
    guard now > deadline else { return }
    switch (state, form) {
    case (.closed, _): begin(now)
    case (.open, _): move(to: .halfOpen, now)
    case (.halfOpen, _): move(to: .closed, now)
    }
  }

  /// Lets a request through, or says why not. `now` may be a little behind what another loop saw.
  mutating func admit(_ now: UInt64) -> BreakerVerdict {
    settle(now)
    switch state {
    case .closed: return .pass(ticket)
    case .open: return .refuse(.open, retryAfterNanoseconds: deadline &- min(now, deadline))
    case .halfOpen:
      guard allows(now) else { return .refuse(.halfOpen, retryAfterNanoseconds: 0) }
      return .pass(ticket)
    }
  }

  var ticket: BreakerTicket { BreakerTicket(word: word) }
  var word: UInt64 { generation << 2 | UInt64(state.rawValue) }

  private mutating func allows(_ now: UInt64) -> Bool {
    switch form {
    case .counts(let maxRequests, _, _, _, _):
      guard admitted < maxRequests else { return false }
      admitted += 1
      return true
    case .expression(_, _, _, let recovery):
      // oxy's ratio controller: would the share of those let through still be under the line that grows to a half? At
      // a half it lets every other one through, and the state ends there.
      let target = 0.5 * Double(now &- min(now, recoverySince)) / Double(max(1, recovery))
      if Double(allowed + 1) / Double(allowed + denied + 1) < target {
        allowed += 1
        return true
      }
      denied += 1
      return false
    }
  }

  /// A probe of the count form has finished.
  mutating func probeFinished(_ kind: BreakerResult.Kind, generation: UInt64, now: UInt64) {
    guard state == .halfOpen, generation == self.generation, case .counts(let maxRequests, _, _, _, _) = form else {
      return
    }
    switch kind {
    case .excluded: admitted -= 1
    case .failure: move(to: .open, now)
    case .success:
      succeeded += 1
      if succeeded >= maxRequests { move(to: .closed, now) }
    }
  }

  /// The counts of `generation` say that the breaker must open.
  mutating func trip(generation: UInt64, now: UInt64) {
    guard generation == self.generation, state != .open else { return }
    move(to: .open, now)
  }

  private mutating func move(to next: BreakerState, _ now: UInt64) {
    state = next
    transitions[Int(next.rawValue)] &+= 1
    begin(now)
  }

  private mutating func begin(_ now: UInt64) {
    generation += 1
    admitted = 0
    succeeded = 0
    switch (state, form) {
    case (.closed, .counts(_, let interval, _, _, _)): deadline = interval == 0 ? .max : now &+ interval
    case (.closed, .expression): deadline = .max
    case (.open, .counts(_, _, let timeout, _, _)): deadline = now &+ timeout
    case (.open, .expression(_, _, let fallback, _)): deadline = now &+ fallback
    case (.halfOpen, .counts): deadline = .max
    case (.halfOpen, .expression(_, _, _, let recovery)):
      recoverySince = now
      allowed = 0
      denied = 0
      deadline = now &+ recovery
    }
  }
}
