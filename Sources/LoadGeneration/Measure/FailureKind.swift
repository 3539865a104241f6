/// Why a request got no whole answer. A status such as 503 is an answer and no error here: ask with `status 5xx`.
public enum FailureKind: Int, Sendable, CaseIterable {
  /// Nobody listens, or the listener's queue refused.
  case refused
  /// A connection was not made in time, or for another reason not at all.
  case connect
  /// The TLS handshake failed, or HTTP/2 was not agreed on.
  case tls
  /// The connection was reset.
  case reset
  /// The connection was closed before the answer was whole.
  case closed
  /// The answer was not whole within the time limit.
  case timeout
  /// The answer broke HTTP's rules.
  case malformed
  /// The request had no connection to leave on for the whole time limit: the open loop went on without it.
  case notSent

  /// The word for it in expectations, reports and JSON.
  public var name: String {
    switch self {
    case .refused: "refused"
    case .connect: "connect"
    case .tls: "tls"
    case .reset: "reset"
    case .closed: "closed"
    case .timeout: "timeout"
    case .malformed: "malformed"
    case .notSent: "not-sent"
    }
  }

  init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}
