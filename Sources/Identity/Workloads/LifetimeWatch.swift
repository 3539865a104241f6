/// How much of an SVID's life is left, and when to say so.
///
/// The problem: an agent that died is noticed when the last SVID expires, which is when every handshake fails. Agents
/// rotate at half of the life (SPIRE's rule), so one that has only a third left was not rotated in time, and there is a
/// third of its life to repair that. The rule: say it once for an SVID at a third, and once when it has expired; say
/// that it is over when another one came. Time is an argument.
public struct LifetimeWatch: Sendable {
  public enum State: String, Sendable {
    /// None was given yet.
    case absent
    case fresh
    /// A third of the life is left, or less.
    case due
    case expired
  }

  /// What to tell the operator.
  public enum News: Sendable, Equatable {
    case due(secondsLeft: Int64)
    case expired
    /// Another SVID came after one of the above.
    case recovered
  }

  private var told = State.absent

  public init() {}

  /// The state at `now` of an SVID that lives from `notBefore` to `notAfter`, in seconds since 1970.
  public static func state(notBefore: Int64, notAfter: Int64, now: Int64) -> State {
    if now > notAfter { return .expired }
    let third = max(0, notAfter - notBefore) / 3
    return notAfter - now <= third ? .due : .fresh
  }

  /// Called every so often and after every change.
  public mutating func look(notBefore: Int64, notAfter: Int64, now: Int64) -> News? {
    let state = Self.state(notBefore: notBefore, notAfter: notAfter, now: now)
    defer { told = state }
    guard state != told else { return nil }
    switch state {
    case .due: return .due(secondsLeft: notAfter - now)
    case .expired: return .expired
    case .fresh, .absent: return told == .due || told == .expired ? .recovered : nil
    }
  }
}
