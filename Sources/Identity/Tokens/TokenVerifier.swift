/// Checks a token: bytes, keys and the time in, the token or a refusal out. No I/O, no clock of its own.
///
/// The order is part of the protection: the shape, then the key, then the signature, and only then what the
/// token says, so that no unsigned claim is ever looked at and no refusal tells what an unsigned token got right.
public struct TokenVerifier: Sendable {
  public let rules: TokenRules

  public init(_ rules: TokenRules) {
    self.rules = rules
  }

  /// How long a check will take; known from the header alone. False where the header is refused, which is quick.
  public func takesLong(_ token: UnsafeRawBufferPointer) -> Bool {
    do throws(TokenRefusal) {
      return try !TokenShape(token, allowed: rules.algorithms, types: []).algorithm.isQuick
    } catch {
      return false
    }
  }

  /// - Parameters:
  ///   - token: the compact serialisation, valid for the call.
  ///   - now: seconds since 1970.
  public func verify(_ token: UnsafeRawBufferPointer, keys: KeySet, now: Int64) throws(TokenRefusal) -> VerifiedToken {
    let shape = try TokenShape(token, allowed: rules.algorithms, types: rules.types)
    try keys.check(shape)
    guard let payload = Base64URL.decode(shape.payload) else { throw .malformed }
    let claims: JSONIndex
    do throws(JSONMistake) { claims = try JSONIndex(payload, limits: .claims) } catch { throw .malformed }
    guard claims.entries[0].kind == .object else { throw .malformed }
    let validUntil = try checkTimes(claims, now)
    let verified = VerifiedToken(claims: claims, validUntil: validUntil, algorithm: shape.algorithm)
    try checkOrigin(verified)
    try checkRights(verified)
    return verified
  }

  // MARK: Times

  private func checkTimes(_ claims: JSONIndex, _ now: Int64) throws(TokenRefusal) -> Int64 {
    var validUntil = Int64.max
    if let expiry = try Self.date("exp", claims, .down) {
      // RFC 7519 section 4.1.4: on or after it the token must not be accepted.
      validUntil = expiry + rules.leeway
      guard now < validUntil else { throw .expired }
    } else if rules.needsExpiry {
      throw .claimMissing
    }
    if let begin = try Self.date("nbf", claims, .up), now < begin - rules.leeway { throw .notYet }
    if let issued = try Self.date("iat", claims, .down), now < issued - rules.leeway { throw .issuedLater }
    return validUntil
  }

  /// A NumericDate (RFC 7519 section 2) in whole seconds; nil where there is none.
  private static func date(
    _ name: StaticString, _ claims: JSONIndex, _ rule: FloatingPointRoundingRule
  ) throws(TokenRefusal) -> Int64? {
    let index = claims.member(name)
    if index < 0 { return nil }
    let span = claims.entries[index].value
    guard claims.entries[index].kind == .number, span.count <= 32 else { throw .claimType }
    let text = String(decoding: claims.bytes[span.start..<(span.start + span.count)], as: UTF8.self)
    // Beyond 2^53 a number is no second any more.
    guard let value = Double(text), value >= 0, value < 9_007_199_254_740_992 else { throw .claimType }
    return Int64(value.rounded(rule))
  }

  // MARK: Who, and for whom

  private func checkOrigin(_ token: VerifiedToken) throws(TokenRefusal) {
    let claims = token.claims
    let issuer = claims.member("iss")
    if issuer >= 0, claims.entries[issuer].kind != .string { throw .claimType }
    if !rules.issuers.isEmpty {
      guard issuer >= 0 else { throw .claimMissing }
      guard rules.issuers.contains(where: { $0.withUnsafeBytes { claims.isString(issuer, $0) } }) else {
        throw .issuer
      }
    }
    try checkAudience(claims)
  }

  private func checkAudience(_ claims: JSONIndex) throws(TokenRefusal) {
    let audience = claims.member("aud")
    guard audience >= 0 else {
      if rules.audiences.isEmpty { return }
      throw .claimMissing
    }
    switch claims.entries[audience].kind {
    case .string:
      guard rules.audiences.isEmpty || isOurs(audience, claims) else { throw .audience }
    case .array:
      var areStrings = true
      var hasOurs = rules.audiences.isEmpty
      claims.forEachChild(of: audience) { element in
        if claims.entries[element].kind != .string { areStrings = false }
        if isOurs(element, claims) { hasOurs = true }
      }
      guard areStrings else { throw .claimType }
      guard hasOurs else { throw .audience }
    default: throw .claimType
    }
  }

  private func isOurs(_ index: Int, _ claims: JSONIndex) -> Bool {
    rules.audiences.contains { $0.withUnsafeBytes { claims.isString(index, $0) } }
  }

  // MARK: Rights

  private static let scopePaths = [ClaimPath("scope"), ClaimPath("scp")].compactMap { $0 }

  private func checkRights(_ token: VerifiedToken) throws(TokenRefusal) {
    for claim in rules.required where token.claim(claim) < 0 { throw .claimMissing }
    for scope in rules.scopes where !Self.scopePaths.contains(where: { token.hasWord($0, scope) }) { throw .scope }
    for right in rules.rights {
      guard token.contains(right.claim, where: { text in right.values.contains { areEqual(text, $0) } }) else {
        throw .rights
      }
    }
  }
}
