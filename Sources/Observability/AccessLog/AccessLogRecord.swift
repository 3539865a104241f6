public import GatewayModel

/// What an access log line tells about one request: a borrowing view.
///
/// Bytes are pointers into buffers of the exchange and stay valid until `ShardAccessLog.append` returns; nothing is
/// copied and nothing is a String. An empty run of bytes means "there is none". Field names are Traefik's
/// (pkg/middlewares/accesslog/logdata.go).
public struct AccessLogRecord {
  public typealias Bytes = UnsafeRawBufferPointer

  /// Nanoseconds since 1970, UTC.
  public var startedAtUnixNanos: Int64 = 0
  /// From the first byte of the request to the last of the response.
  public var durationNanos: UInt64 = 0
  /// How long the server took; zero with `originStatus` zero.
  public var originDurationNanos: UInt64 = 0

  /// The peer of the connection.
  public var clientAddress = IPAddress(high: 0, low: 0)
  public var clientPort: UInt16 = 0
  /// The believed `X-Forwarded-For`, which Traefik shows as `ClientHost` when there is one.
  public var forwardedFor = Bytes(start: nil, count: 0)
  public var clientUsername = Bytes(start: nil, count: 0)

  public var method = Bytes(start: nil, count: 0)
  /// Path and query as the client sent them.
  public var path = Bytes(start: nil, count: 0)
  /// `HTTP/1.1`.
  public var protocolName: StaticString = "HTTP/1.1"
  /// The value of `Host`.
  public var host = Bytes(start: nil, count: 0)
  public var requestBodyBytes: UInt64 = 0
  /// Which request of this process it is, from 1.
  public var requestNumber: UInt64 = 0
  public var retryAttempts: UInt32 = 0

  /// Zero when the gateway answered itself.
  public var originStatus: UInt16 = 0
  /// Body bytes the server sent.
  public var originBodyBytes: UInt64 = 0
  public var status: UInt16 = 0
  /// Body bytes the client was sent.
  public var responseBodyBytes: UInt64 = 0

  public var entryPointName = Bytes(start: nil, count: 0)
  public var routerName = Bytes(start: nil, count: 0)
  public var serviceName = Bytes(start: nil, count: 0)
  public var serviceURL = Bytes(start: nil, count: 0)
  /// `host:port`.
  public var serviceAddress = Bytes(start: nil, count: 0)

  /// `1.3`; empty on a plain connection.
  public var tlsVersion = Bytes(start: nil, count: 0)
  public var tlsCipher = Bytes(start: nil, count: 0)
  public var tlsClientSubject = Bytes(start: nil, count: 0)
  /// Ours: the request's id, as problem responses show it.
  public var requestID = Bytes(start: nil, count: 0)
  /// Ours: the stable code of a refusal, rejection or failure.
  public var code = Bytes(start: nil, count: 0)

  public init() {}
}

@available(*, unavailable)
extension AccessLogRecord: Sendable {}

/// Whose header fields are meant.
@frozen
public enum AccessLogHeaderSet: UInt8, Sendable, CaseIterable {
  /// The client's request.
  case request
  /// The server's response.
  case origin
  /// The response the client was sent.
  case downstream
}

/// Hands over the fields of a set one by one: name and value, valid until `ShardAccessLog.append` returns.
public typealias AccessLogHeaderVisitor = (AccessLogHeaderSet, (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void)
  -> Void
