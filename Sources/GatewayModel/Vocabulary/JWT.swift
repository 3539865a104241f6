/// `jwt`: lets only requests with a valid JSON Web Token through. Ours; Traefik has it in its paid edition only.
public struct JWT: Sendable, Equatable {
  /// Which signature algorithms tokens may have.
  public var algorithms: [String] = []
  /// Keys as a JSON Web Key Set.
  public var jwks: JWKS?
  /// Public keys or certificates in PEM: a path, or the text.
  public var publicKey: String?
  /// A file with a secret that the issuer shares.
  public var secretFile: String?
  public var issuer: [String] = []
  public var audiences: [String] = []
  public var types: [String] = []
  public var leeway: Duration = .seconds(60)
  public var requireExpiry = true
  public var requiredClaims: [String] = []
  /// Claims that must have one of some values.
  public var claims = NamedValues<[String]>()
  public var scopes: [String] = []
  /// Claims by name, and the header that tells the server.
  public var claimsToHeaders = NamedValues<String>()
  public var tokenFrom = TokenFrom()
  public var removeToken = false
  public var realm = "sluice"

  public init() {}
}

/// Where a JSON Web Key Set is.
public struct JWKS: Sendable, Equatable {
  public var file: String?
  public var url: String?
  public var refresh: Duration = .seconds(600)
  public var timeout: Duration = .seconds(5)
  /// How long keys are used when the endpoint cannot be reached.
  public var staleFor: Duration = .seconds(43200)
  public var tls: ClientTLS?

  public init() {}
}

/// Where a request has its token.
public struct TokenFrom: Sendable, Equatable {
  /// Nil: `Authorization`, unless a cookie or a parameter is named.
  public var header: String?
  /// The scheme in front of the token; empty for none.
  public var scheme = "Bearer"
  public var cookie: String?
  public var query: String?

  public init() {}
}

/// TLS towards something the gateway asks itself (Traefik's `types.ClientTLS`).
public struct ClientTLS: Sendable, Equatable {
  /// Certificates that are trusted: a path, or PEM; nil: the system's.
  public var ca: String?
  public var cert: String?
  public var key: String?
  public var insecureSkipVerify = false

  public init() {}
}
