/// Why a token does not pass. Stable codes: they stand in problem details, the access log and metrics.
///
/// Clients are told no more than RFC 6750 section 3.1 has words for and one sentence of ours that names no value of
/// the configuration: which issuer would be right, or which keys there are, is for the operator.
public enum TokenRefusal: UInt8, Error, Sendable, CaseIterable {
  /// The request has none.
  case missing
  /// The request has one in more than one place, or several fields: which of them counts is anybody's guess.
  case several
  case tooLong
  case malformed
  case algorithm
  /// `crit`, or `b64`: an extension that must be understood, and is not.
  case critical
  /// `jwk`, `jku`, `x5u` or `x5c`: a token that brings its own key.
  case embeddedKey
  case type
  case unknownKey
  case signature
  /// A claim that is there has the wrong type or range.
  case claimType
  case expired
  case notYet
  case issuedLater
  case issuer
  case audience
  case claimMissing
  /// Scopes that the token does not have.
  case scope
  /// Claims that do not have one of the values that are wanted.
  case rights
  /// There are no keys, or they are too old, so nothing can be checked.
  case noKeys

  public var code: StaticString {
    switch self {
    case .missing: "jwt-missing"
    case .several: "jwt-several"
    case .tooLong: "jwt-too-long"
    case .malformed: "jwt-malformed"
    case .algorithm: "jwt-algorithm"
    case .critical: "jwt-critical"
    case .embeddedKey: "jwt-embedded-key"
    case .type: "jwt-type"
    case .unknownKey: "jwt-unknown-key"
    case .signature: "jwt-signature"
    case .claimType: "jwt-claim-type"
    case .expired: "jwt-expired"
    case .notYet: "jwt-not-yet"
    case .issuedLater: "jwt-issued-later"
    case .issuer: "jwt-issuer"
    case .audience: "jwt-audience"
    case .claimMissing: "jwt-claim-missing"
    case .scope: "jwt-scope"
    case .rights: "jwt-rights"
    case .noKeys: "jwt-no-keys"
    }
  }

  /// One sentence for the client.
  public var detail: StaticString {
    switch self {
    case .missing: "This resource asks for a token."
    case .several: "The request has more than one token."
    case .tooLong: "The token is too long."
    case .malformed: "The token is not a JSON Web Token."
    case .algorithm: "The token's algorithm is not accepted."
    case .critical: "The token asks for an extension that is not understood."
    case .embeddedKey: "The token brings a key of its own."
    case .type: "The token is of another type."
    case .unknownKey: "The token's key is not known."
    case .signature: "The token's signature is wrong."
    case .claimType: "A claim of the token has the wrong type."
    case .expired: "The token has expired."
    case .notYet: "The token is not valid yet."
    case .issuedLater: "The token was issued in the future."
    case .issuer: "The token is of another issuer."
    case .audience: "The token is for another audience."
    case .claimMissing: "The token lacks a claim."
    case .scope: "The token lacks a scope."
    case .rights: "The token does not give the right to do this."
    case .noKeys: "Tokens cannot be checked at the moment."
    }
  }

  public var status: UInt16 {
    switch self {
    case .several: 400
    case .scope, .rights: 403
    case .noKeys: 503
    default: 401
    }
  }

  /// The error code of RFC 6750 section 3.1; nil where there is none to give: a request without a token is told the
  /// scheme only.
  public var bearerError: StaticString? {
    switch self {
    case .missing, .noKeys: nil
    case .several: "invalid_request"
    case .scope, .rights: "insufficient_scope"
    default: "invalid_token"
    }
  }

  /// Whether the same bytes will be refused again whatever the time, as long as keys and rules are the same, and
  /// finding out costs enough to remember it. What the shape alone tells is found out faster than remembered.
  public var isWorthRemembering: Bool {
    switch self {
    case .signature, .claimType, .expired, .issuer, .audience, .claimMissing, .scope, .rights: true
    case .missing, .several, .tooLong, .malformed, .algorithm, .critical, .embeddedKey, .type, .unknownKey, .notYet,
      .issuedLater, .noKeys:
      false
    }
  }
}
