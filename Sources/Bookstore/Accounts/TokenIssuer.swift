import Crypto
import Foundation

/// Tokens: JWT (RFC 7519) signed with ES256 (RFC 7518, 3.4), and the keys to check them with (RFC 7517).
///
/// Whoever checks a token, the gateway for one, needs only the public keys. They come from the database, so that
/// every instance signs with the same and a restart does not log everybody out. Only ES256 is ever accepted: the
/// algorithm in a token's head is compared, never followed.
struct TokenIssuer: Sendable {
  static let issuer = "sluice-bookstore"
  static let audience = "bookstore"
  static let lifetimeSeconds: Int64 = 3600
  static let textMax = 4096

  /// Newest first; the first signs, all verify.
  private let keys: [SigningKey]

  /// What a token says.
  struct Claims: Hashable, Sendable {
    let user: UserID
    let role: User.Role
    let expiresAtSeconds: Int64
  }

  struct SigningKey: Sendable {
    /// The thumbprint of RFC 7638.
    let id: String
    let key: P256.Signing.PrivateKey

    init(_ key: P256.Signing.PrivateKey) {
      self.key = key
      let (x, y) = Self.coordinates(key.publicKey)
      id = Base64.encodeURL(
        SHA256.hash(data: Data(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#.utf8)).map { $0 })
    }

    static func coordinates(_ key: P256.Signing.PublicKey) -> (x: String, y: String) {
      let point = key.rawRepresentation
      return (Base64.encodeURL(point.prefix(32)), Base64.encodeURL(point.suffix(32)))
    }
  }

  /// Reads the keys of the store, and makes the first one.
  static func load(_ store: any Store, now: Int64) async throws(BookstoreError) -> TokenIssuer {
    try await store.write { (transaction) throws(BookstoreError) in
      var stored = try transaction.signingKeys()
      if stored.isEmpty {
        let key = SigningKey(P256.Signing.PrivateKey())
        try transaction.addSigningKey(id: key.id, key: key.key.pemRepresentation, generation: 1, at: now)
        // Perhaps another process was first.
        stored = try transaction.signingKeys()
      }
      return try TokenIssuer(pems: stored.map(\.key))
    }
  }

  init(pems: [String]) throws(BookstoreError) {
    do { keys = try pems.map { SigningKey(try P256.Signing.PrivateKey(pemRepresentation: $0)) } } catch {
      throw .failed(.broken("stored signing key"))
    }
  }

  init(key: P256.Signing.PrivateKey) { keys = [SigningKey(key)] }

  /// A token for a user. `scope` is what gateways ask for: `orders`, and `catalogue` for admins.
  func token(for user: User, nowSeconds: Int64) throws(BookstoreError) -> String {
    guard let key = keys.first else { throw .failed(.broken("no signing key")) }
    let head: JSONValue = ["alg": "ES256", "typ": "JWT", "kid": .string(key.id)]
    let scope = user.role == .admin ? "orders catalogue accounts" : "orders"
    let body: JSONValue = [
      "iss": .string(Self.issuer), "aud": .string(Self.audience), "sub": .string(user.id.text),
      "iat": .integer(nowSeconds), "exp": .integer(nowSeconds + Self.lifetimeSeconds),
      "role": .string(user.role.rawValue), "scope": .string(scope),
    ]
    let signed = Base64.encodeURL(head.bytes) + "." + Base64.encodeURL(body.bytes)
    do {
      return signed + "." + Base64.encodeURL(try key.key.signature(for: Data(signed.utf8)).rawRepresentation)
    } catch { throw .failed(.broken("signing: \(error)")) }
  }

  /// What a token says, when everything about it holds at this time.
  func verify(_ token: String, nowSeconds: Int64) throws(TokenRefusal) -> Claims {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard token.utf8.count <= Self.textMax, parts.count == 3,
      let headBytes = Base64.decodeURL(parts[0]), let head = try? JSONReader.read(headBytes),
      let bodyBytes = Base64.decodeURL(parts[1]), let body = try? JSONReader.read(bodyBytes),
      let signatureBytes = Base64.decodeURL(parts[2])
    else { throw .malformed }
    guard head["alg"]?.text == "ES256", head["crit"] == nil else { throw .algorithm }
    guard let key = keys.first(where: { $0.id == head["kid"]?.text }) else { throw .unknownKey }
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signatureBytes),
      key.key.publicKey.isValidSignature(
        signature, for: Data(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)))
    else { throw .signature }
    guard body["iss"]?.text == Self.issuer else { throw .issuer }
    guard body["aud"]?.text == Self.audience else { throw .audience }
    guard let expires = body["exp"]?.whole, nowSeconds < Int64(expires) else { throw .expired }
    if let notBefore = body["nbf"]?.whole, nowSeconds < Int64(notBefore) { throw .notYet }
    guard let user = body["sub"]?.text.flatMap({ UserID($0) }),
      let role = body["role"]?.text.flatMap(User.Role.init(rawValue:))
    else { throw .subject }
    return Claims(user: user, role: role, expiresAtSeconds: Int64(expires))
  }

  /// The public keys as a JWK Set.
  var publicKeys: JSONValue {
    [
      "keys": .array(
        keys.map { key in
          let (x, y) = SigningKey.coordinates(key.key.publicKey)
          return [
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": .string(key.id), "x": .string(x),
            "y": .string(y),
          ]
        })
    ]
  }
}
