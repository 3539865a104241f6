/// The keys of middlewares that ask who it is.

extension JWT: ConfigurationRecord {
  static let algorithmNames = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
  ]

  static let table = ConfigurationTable<JWT>(
    "JWT", "Lets only requests with a valid JSON Web Token through. Keys come from one of jwks, publicKey, secretFile.",
    [
      .key(
        "algorithms", \.algorithms, .list(.word(of: algorithmNames, "an algorithm such as ES256")), required: true,
        ours: true, "The signature algorithms that are accepted."),
      .key("jwks", \.jwks, .optional(.record()), ours: true, "Keys as a JSON Web Key Set, in a file or at a URL."),
      .key(
        "publicKey", \.publicKey, .optional(.some("a path or PEM")), ours: true,
        "Public keys or certificates: a path, or the PEM text itself."),
      .key(
        "secretFile", \.secretFile, .optional(.some("a path")), ours: true,
        "A file with a shared secret for HS256, HS384 or HS512; a line break at its end does not count."),
      .key("issuer", \.issuer, .list(.some("an issuer")), ours: true, "The issuers that are accepted; none: any."),
      .key(
        "audiences", \.audiences, .list(.some("an audience")), ours: true,
        "One of these must be the token's audience; none: any."),
      .key(
        "types", \.types, .list(.some("a type such as at+jwt")), ours: true,
        "The values of the header's typ that are accepted; none: any."),
      .key("leeway", \.leeway, .duration, ours: true, "By how much clocks may differ."),
      .key("requireExpiry", \.requireExpiry, .boolean, ours: true, "Whether a token must say when it ends."),
      .key(
        "requiredClaims", \.requiredClaims, .list(.claim), ours: true,
        "Claims that a token must have: names, or JSON pointers such as /realm_access/roles."),
      .key(
        "claims", \.claims, .named(.list(.text("a value"))), ours: true,
        "Claims that must have, or hold, one of some values; 403 otherwise."),
      .key(
        "scopes", \.scopes, .list(.some("a scope")), ours: true,
        "Scopes that the token must have, all of them, in scope or scp; 403 otherwise."),
      .key(
        "claimsToHeaders", \.claimsToHeaders, .named(.fieldName), ours: true,
        "Claims, each with the header that tells the server. The client's own such headers are removed."),
      .key("tokenFrom", \.tokenFrom, .record(), ours: true, "Where requests have their token."),
      .key("removeToken", \.removeToken, .boolean, ours: true, "Whether the token ends here."),
      .key("realm", \.realm, .fieldValue, ours: true, "The realm in WWW-Authenticate."),
    ])
}

extension JWKS: ConfigurationRecord {
  static let table = ConfigurationTable<JWKS>(
    "JWKS", "Where a JSON Web Key Set is: file or url.",
    [
      .key("file", \.file, .optional(.some("a path")), ours: true, "A file."),
      .key("url", \.url, .optional(.httpURL), ours: true, "A URL, fetched in the background."),
      .key("refresh", \.refresh, .duration, ours: true, "How often the URL is fetched."),
      .key(
        "timeout", \.timeout, .positiveDuration, ours: true,
        "How long a fetch, or a request that waits for one, may take."),
      .key(
        "staleFor", \.staleFor, .duration, ours: true,
        "How long the keys are used when the URL cannot be fetched; then tokens are answered with 503."),
      .key("tls", \.tls, .optional(.record()), ours: true, "TLS towards the URL."),
    ])
}

extension TokenFrom: ConfigurationRecord {
  static let table = ConfigurationTable<TokenFrom>(
    "TokenFrom", "Where requests have their token. A request with tokens in two of the places is refused.",
    [
      .key(
        "header", \.header, .optional(.fieldName), ours: true, default: "Authorization, without cookie and query",
        "A header."),
      .key("scheme", \.scheme, .fieldValue, ours: true, "The word before the token in the header; empty: none."),
      .key("cookie", \.cookie, .optional(.fieldName), ours: true, "A cookie."),
      .key("query", \.query, .optional(.some("a name")), ours: true, "A parameter of the query."),
    ])
}

extension ClientTLS: ConfigurationRecord {
  static let table = ConfigurationTable<ClientTLS>(
    "ClientTLS", "TLS towards something that the gateway asks itself.",
    [
      .key("ca", \.ca, .optional(.some("a path or PEM")), "Certificates that are trusted; without it, the system's."),
      .key("cert", \.cert, .optional(.some("a path or PEM")), "The certificate that the gateway shows."),
      .key("key", \.key, .optional(.some("a path or PEM")), "Its key."),
      .key("insecureSkipVerify", \.insecureSkipVerify, .boolean, "Whether any certificate is taken."),
      .ignored("caOptional", because: "Traefik has deprecated it", "Whether the client needs a certificate."),
    ])
}

extension ValueFormat<String> {
  /// The name of a claim, or a JSON pointer to one.
  static var claim: Self {
    text("the name of a claim, or a JSON pointer such as /realm_access/roles", pattern: ".+") { text in
      guard text.hasPrefix("/") else { return !text.isEmpty }
      return !text.dropFirst().isEmpty && !text.contains("//") && !text.hasSuffix("/")
    }
  }

  /// A URL that the gateway fetches.
  static var httpURL: Self {
    text("a URL such as https://issuer.example/jwks.json", pattern: "^[hH][tT][tT][pP][sS]?://") { text in
      let lowercased = text.lowercased()
      guard let prefix = ["http://", "https://"].first(where: { lowercased.hasPrefix($0) }) else { return false }
      let rest = text.dropFirst(prefix.count)
      return !rest.isEmpty && !rest.hasPrefix("/") && rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
  }
}
