/// Something broke on the way. It says who broke it and whether another try could be safe.
///
/// `kind.code` is what the operator's log and `sluice_upstream_failures_total{kind}` say; the client only sees the
/// status. `detail` is for the log.
public struct Failure: Error, Sendable {
  /// Whose fault it is.
  public enum Origin: UInt8, Sendable { case client, server, gateway }

  /// What broke; its code is a label of `sluice_upstream_failures_total`.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// Nobody listens, or the host or network cannot be reached.
    case connectRefused
    case connectTimeout
    case resolve
    case tlsHandshake
    /// The server closed or reset the connection before a whole response head.
    case closedEarly
    /// The same, on a connection that had been idle: the classic keep-alive race.
    case closedWhileIdle
    case responseTimeout
    /// The server's bytes were refused (see `Refusal`).
    case responseRefused
    /// The connection broke inside the response body.
    case bodyCut
    /// Too many requests wait for a connection.
    case poolExhausted
    case clientGone
    case requestRefused
    case internalLimit
    /// The exchange took longer than its `timeout` allows.
    case deadlineExceeded
    /// The exchange's `timeout` passed while the gateway still waited for the rest of the request.
    case requestTooSlow
    /// The exchange took longer than its client is ready to wait, by the client's own word.
    case clientDeadline

    public var code: StaticString {
      switch self {
      case .connectRefused: "connect-refused"
      case .connectTimeout: "connect-timeout"
      case .resolve: "resolve"
      case .tlsHandshake: "tls-handshake"
      case .closedEarly: "closed-early"
      case .closedWhileIdle: "closed-while-idle"
      case .responseTimeout: "response-timeout"
      case .responseRefused: "response-refused"
      case .bodyCut: "body-cut"
      case .poolExhausted: "pool-exhausted"
      case .clientGone: "client-gone"
      case .requestRefused: "request-refused"
      case .internalLimit: "internal-limit"
      case .deadlineExceeded: "deadline-exceeded"
      case .requestTooSlow: "request-too-slow"
      case .clientDeadline: "client-deadline"
      }
    }
  }

  public var kind: Kind
  public var origin: Origin
  /// True when the server cannot have begun to act on the request.
  public var isRetrySafe: Bool
  public var detail: String

  public init(_ kind: Kind, origin: Origin = .server, isRetrySafe: Bool = false, detail: String = "") {
    self.kind = kind
    self.origin = origin
    self.isRetrySafe = isRetrySafe
    self.detail = detail
  }

  /// What the client is told: RFC 9110 section 15.6.
  public var rejection: Rejection {
    switch kind {
    case .connectTimeout, .responseTimeout:
      return Rejection(status: 504, code: "upstream-timeout", detail: "The server did not answer in time.")
    case .deadlineExceeded, .clientDeadline:
      return Rejection(status: 504, code: "deadline-exceeded", detail: "The time allowed for this request is over.")
    case .requestTooSlow: return .requestTimeout
    case .poolExhausted:
      var rejection = Rejection(
        status: 503, code: "upstream-saturated", detail: "Too many requests wait for the server.")
      rejection.retryAfterSeconds = 1
      return rejection
    case .internalLimit:
      return Rejection(status: 503, code: "gateway-limit", detail: "The gateway reached one of its limits.")
    case .connectRefused, .resolve, .tlsHandshake, .closedEarly, .closedWhileIdle, .responseRefused, .bodyCut,
      .clientGone, .requestRefused:
      return Rejection(
        status: 502, code: "upstream-failed", detail: "The server could not be reached or answered badly.")
    }
  }
}
