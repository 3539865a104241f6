import GatewayModel

/// What became of an exchange: the one record that metrics, access log and protections read.
public struct Outcome {
  /// Nanoseconds of the loop's clock.
  public var startedAt: UInt64 = 0
  /// When the server that answered was handed the request.
  public var forwardedAt: UInt64 = 0
  /// When the last of the request's body went to the server; zero without a body.
  public var requestSentAt: UInt64 = 0
  public var upstreamHeadAt: UInt64 = 0
  public var endedAt: UInt64 = 0
  /// Status sent to the client; 499 when it left before.
  public var status: UInt16 = 0
  /// Status the server sent; zero when none did.
  public var originStatus: UInt16 = 0
  public var requestBytes: UInt64 = 0
  public var responseBytes: UInt64 = 0
  /// Body bytes the server sent, before any transform.
  public var originBytes: UInt64 = 0
  /// Path and query as the client sent them; middlewares may change the head's.
  public var target = ByteRange.empty
  /// `X-Forwarded-For` as a trusted peer sent it.
  public var forwardedFor = ByteRange.empty
  public var server: ServerPlan?
  public var failure: Failure.Kind?
  public var refusal: Refusal?
  /// The code of our own decision, if the answer was one.
  public var rejection: StaticString?
  public var protocolVersion = HTTPVersion.http11
  public var retries: UInt8 = 0
  public var usedIdleConnection = false

  /// The stable code of what kept the exchange from its usual end, if anything did.
  public var code: StaticString? { refusal?.code ?? failure?.code ?? rejection }

  public init() {}
}
