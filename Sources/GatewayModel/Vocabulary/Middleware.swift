/// One step of a router's chain. A middleware has exactly one type.
///
/// Source: Traefik v3, reference/routing-configuration/http/middlewares, and pkg/config/dynamic/middlewares.go.
public enum Middleware: Sendable, Equatable {
  case addPrefix(AddPrefix)
  case stripPrefix(StripPrefix)
  case stripPrefixRegex(StripPrefixRegex)
  case replacePath(ReplacePath)
  case replacePathRegex(ReplacePathRegex)
  case redirectScheme(RedirectScheme)
  case redirectRegex(RedirectRegex)
  case headers(Headers)
  case chain(Chain)
  case ipAllowList(IPAllowList)
  case inFlightReq(InFlightReq)
  case rateLimit(RateLimit)
  case buffering(Buffering)
  case errors(ErrorPages)
  case compress(Compress)
  case basicAuth(BasicAuth)
  case circuitBreaker(CircuitBreaker)
  case retry(Retry)
  case hedge(Hedge)
  case timeout(Timeout)
  case adaptiveConcurrency(AdaptiveConcurrency)
  case jwt(JWT)
  case policy(Policy)
  case forwardAuth(ForwardAuth)
  case opa(OPA)
}

/// Puts a prefix before the path.
public struct AddPrefix: Sendable, Equatable {
  public var prefix = ""

  public init() {}
}

/// Removes the first prefix that fits from the path and tells the server in `X-Forwarded-Prefix`.
public struct StripPrefix: Sendable, Equatable {
  public var prefixes: [String] = []

  public init() {}
}

/// Removes the first expression's match from the start of the path.
public struct StripPrefixRegex: Sendable, Equatable {
  public var regex: [String] = []

  public init() {}
}

/// Replaces the path and tells the server the old one in `X-Replaced-Path`.
public struct ReplacePath: Sendable, Equatable {
  public var path = ""

  public init() {}
}

/// Replaces the path by an expression.
public struct ReplacePathRegex: Sendable, Equatable {
  public var regex = ""
  public var replacement = ""

  public init() {}
}

/// Redirects to another scheme or port.
public struct RedirectScheme: Sendable, Equatable {
  public var scheme = ""
  /// Nil: that of the scheme.
  public var port: UInt16?
  public var permanent = false

  public init() {}
}

/// Redirects by an expression over the whole URL.
public struct RedirectRegex: Sendable, Equatable {
  public var regex = ""
  public var replacement = ""
  public var permanent = false

  public init() {}
}

/// Middlewares in a row, by name.
public struct Chain: Sendable, Equatable {
  public var middlewares: [String] = []

  public init() {}
}

/// Lets only these clients through.
public struct IPAllowList: Sendable, Equatable {
  public var sourceRange: [IPRange] = []
  public var ipStrategy: IPStrategy?
  public var rejectStatusCode: UInt16 = 403

  public init() {}
}

/// Which address is the client's. Nil, or nothing set: the peer of the connection.
public struct IPStrategy: Sendable, Equatable {
  /// The n-th entry of `X-Forwarded-For` from the right; 0: not by depth.
  public var depth = 0
  /// The first entry of `X-Forwarded-For` from the right that is in none of these.
  public var excludedIPs: [IPRange] = []
  /// IPv6 clients of one network of this many bits are one client. Nil: each address is.
  public var ipv6Subnet: Int?

  public init() {}
}

/// What makes two requests come from one source. By default the address of the connection's peer.
public struct SourceCriterion: Sendable, Equatable {
  public var ipStrategy: IPStrategy?
  public var requestHeaderName: String?
  public var requestHost = false
  /// Ours: the value of this claim of a verified token.
  public var jwtClaim: String?
  /// Ours: all requests of a router are one source.
  public var route = false

  public init() {}
}

/// How many requests of one source may run at once.
public struct InFlightReq: Sendable, Equatable {
  public var amount = 0
  /// Nil: all requests of the same host are one source (Traefik's `requestHost`).
  public var sourceCriterion: SourceCriterion?

  public init() {}
}

/// Takes whole bodies before they go on. Zero means unlimited; memory beyond which Traefik uses a file.
public struct Buffering: Sendable, Equatable {
  public var maxRequestBodyBytes = 0
  public var memRequestBodyBytes = 1_048_576
  public var maxResponseBodyBytes = 0
  public var memResponseBodyBytes = 1_048_576

  public init() {}
}

/// Replaces responses of some statuses by pages of another service.
public struct ErrorPages: Sendable, Equatable {
  public var status: [StatusRange] = []
  public var service = ""
  /// The path asked of the service; `{status}`, `{originalStatus}` and `{url}` are replaced.
  public var query = ""
  /// Statuses that reach the client as another one. The first range that contains the status counts.
  public var statusRewrites: [StatusRewrite] = []

  public init() {}
}

/// A range of statuses and the one sent instead.
public struct StatusRewrite: Sendable, Equatable {
  public var from: StatusRange
  public var to: UInt16

  public init(from: StatusRange, to: UInt16) {
    self.from = from
    self.to = to
  }
}

/// Compresses responses.
public struct Compress: Sendable, Equatable {
  public var excludedContentTypes: [String] = []
  public var includedContentTypes: [String] = []
  public var minResponseBodyBytes = 1024
  /// Traefik's default is gzip, br, zstd; Sluice has gzip.
  public var encodings = [CompressionEncoding.gzip]
  /// For requests without `Accept-Encoding`, or with `*`. Nil: not compressed.
  public var defaultEncoding: CompressionEncoding?

  public init() {}
}

/// A content coding.
public enum CompressionEncoding: String, Sendable, CaseIterable {
  case gzip
}

/// Asks for a name and a password (RFC 7617).
public struct BasicAuth: Sendable, Equatable {
  /// `name:hash`, the hash as htpasswd writes it.
  public var users: [String] = []
  /// A file of such lines; both lists count.
  public var usersFile: String?
  public var realm = "traefik"
  /// Whether `Authorization` ends here.
  public var removeHeader = false
  /// The request field that tells the server the user's name. Nil: none.
  public var headerField: String?

  public init() {}
}
