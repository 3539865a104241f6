/// A request head: what the router matches and the forwarder sends on.
///
/// Ranges point into the arena. `path` is the raw path as received and is what is forwarded; `routingPath` is
/// what rules see: the same path with percent-encoded unreserved characters decoded, so `/%61dmin` cannot pass
/// a rule on `/admin`. `host` is lower-case and without port.
public final class RequestHead: MessageHead {
  public var method: Method = .get
  public var methodRange: ByteRange = .empty
  /// Path as received, always beginning with `/`, or `*` for `OPTIONS *`.
  public var path: ByteRange = .empty
  /// Path for rules; the same range as `path` unless the path has percent-encodings.
  public var routingPath: ByteRange = .empty
  /// Query without `?`.
  public var query: ByteRange = .empty
  /// True when a `?` was there, even with nothing behind it.
  public var hasQuery = false
  /// Host and port as received, for `Host` and `X-Forwarded-Host`.
  public var authority: ByteRange = .empty
  /// Host for rules: lower-case, no port, no trailing dot.
  public var host: ByteRange = .empty
  public var expectsContinue = false
  /// The path as received has two slashes next to each other.
  public var hasEmptySegment = false

  public override init() { super.init() }

  override func reset() {
    super.reset()
    method = .get
    methodRange = .empty
    path = .empty
    routingPath = .empty
    query = .empty
    hasQuery = false
    authority = .empty
    host = .empty
    expectsContinue = false
    hasEmptySegment = false
  }

  /// Takes over everything of another request's head.
  func copy(from other: RequestHead) {
    super.copy(from: other)
    method = other.method
    methodRange = other.methodRange
    path = other.path
    routingPath = other.routingPath
    query = other.query
    hasQuery = other.hasQuery
    authority = other.authority
    host = other.host
    expectsContinue = other.expectsContinue
    hasEmptySegment = other.hasEmptySegment
  }

  /// Sets a new path (a middleware rewrote it); `newPath` is in this arena.
  public func rewritePath(to newPath: ByteRange) {
    path = newPath
    routingPath = newPath
  }
}

/// Request methods by number, so that metrics and rules need no text.
@frozen
public enum Method: UInt8, Sendable, CaseIterable {
  case get, head, post, put, delete, options, patch, trace, connect, other

  @inlinable
  public var isSafe: Bool { self == .get || self == .head || self == .options || self == .trace }
  /// RFC 9110 section 9.2.2.
  @inlinable
  public var isIdempotent: Bool { isSafe || self == .put || self == .delete }

  public init(classifying bytes: UnsafeRawBufferPointer) {
    switch bytes.count {
    case 3:
      if equal(bytes, "GET") { self = .get } else if equal(bytes, "PUT") { self = .put } else { self = .other }
    case 4:
      if equal(bytes, "POST") { self = .post } else if equal(bytes, "HEAD") { self = .head } else { self = .other }
    case 5:
      if equal(bytes, "PATCH") { self = .patch } else if equal(bytes, "TRACE") { self = .trace } else { self = .other }
    case 6: self = equal(bytes, "DELETE") ? .delete : .other
    case 7:
      if equal(bytes, "OPTIONS") {
        self = .options
      } else {
        self = equal(bytes, "CONNECT") ? .connect : .other
      }
    default: self = .other
    }
  }
}

/// A response head.
public final class ResponseHead: MessageHead {
  public var status: UInt16 = 0
  public var reason: ByteRange = .empty

  public override init() { super.init() }

  /// Whether a body may follow this head in answer to `request` (RFC 9112 section 6.3).
  func mayHaveBody(for request: RequestHead) -> Bool {
    request.method != .head && status >= 200 && status != 204 && status != 304
  }

  override func reset() {
    super.reset()
    status = 0
    reason = .empty
  }
}
