import Crypto
import Foundation
import Testing

@testable import Bookstore

@Suite struct AccountTests {
  @Test("A password is recognised, another is not, and nothing is kept of it")
  func passwords() async throws {
    let hasher = PasswordHasher(.weak)
    let (first, second) = (try await hasher.hash("correct horse"), try await hasher.hash("correct horse"))
    #expect(first != second)
    #expect(!first.contains("horse"))
    #expect(try await hasher.verify("correct horse", first))
    #expect(try await !hasher.verify("correct horsf", first))
    #expect(try await !hasher.verify("correct horse", nil))
    let accented = try await hasher.hash("caf\u{e9} society")
    #expect(try await hasher.verify("cafe\u{301} society", accented))
    await #expect(throws: BookstoreError.self) { try await hasher.verify("x", "$scrypt$ln=99,r=8,p=1$AAAA$AAAA") }
    await hasher.close()
  }

  @Test("The vector of RFC 7914 comes out")
  func vector() async throws {
    // Section 12: scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1); the first 32 of 64 bytes are the same.
    let stored = StoredPassword(
      parameters: .init(costLog2: 14, blockSize: 8, parallelism: 1), salt: Array("SodiumChloride".utf8),
      hash: [
        0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48, 0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd, 0x38, 0xeb,
        0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e, 0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d, 0xa1, 0xf2,
      ])
    let hasher = PasswordHasher(.weak)
    #expect(StoredPassword(stored.text) == stored)
    #expect(try await hasher.verify("pleaseletmein", stored.text))
    await hasher.close()
  }

  @Test("The parameters for real are OWASP's")
  func owasp() {
    #expect(PasswordHasher.Parameters.owasp == .init(costLog2: 15, blockSize: 8, parallelism: 3))
  }

  @Test("More than may wait to be hashed are refused at once")
  func bounded() async throws {
    let hasher = PasswordHasher(.init(costLog2: 12, blockSize: 8, parallelism: 1))
    let results = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<200 {
        group.addTask { do { return try await !hasher.hash("password").isEmpty } catch { return false } }
      }
      return await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(results.contains(true))
    #expect(results.contains(false))
    #expect(hasher.pressure.admitted == 0)
    await hasher.close()
  }

  @Test("A suspended user is told so with the right password only", arguments: TestDatabase.available)
  func suspendedLogIn(database: TestDatabase) async throws {
    try await database.withStore { store in
      let accounts = Accounts(
        store: store, clock: Clock { 1_000_000 }, hasher: PasswordHasher(.weak), tokens: TokenIssuer(key: key))
      let email = try EmailAddress("ruth@example.org")
      let user = try await accounts.register(email: email, name: "Ruth", password: "long enough")
      #expect(try await accounts.logIn(email: email, password: "long enough").user == user)
      _ = try await accounts.setStatus(.suspended, of: user.id)
      await #expect(throws: BookstoreError.refused(.suspended)) {
        try await accounts.logIn(email: email, password: "long enough")
      }
      await #expect(throws: BookstoreError.refused(.badCredentials)) {
        try await accounts.logIn(email: email, password: "long enougH")
      }
      await #expect(throws: BookstoreError.refused(.emailTaken)) {
        try await accounts.register(email: email, name: "Other", password: "another one")
      }
      await accounts.hasher.close()
    }
  }

  // MARK: Tokens

  private let key = P256.Signing.PrivateKey()

  private func refusal(_ token: String, _ issuer: TokenIssuer, at seconds: Int64 = 1000) -> TokenRefusal? {
    do throws(TokenRefusal) {
      _ = try issuer.verify(token, nowSeconds: seconds)
      return nil
    } catch { return error }
  }

  @Test("A token says who it is for until it expires")
  func tokens() throws {
    let issuer = TokenIssuer(key: key)
    let user = try User.sample(role: .admin)
    let token = try issuer.token(for: user, nowSeconds: 1000)
    let claims = try issuer.verify(token, nowSeconds: 1000)
    #expect(claims == .init(user: user.id, role: .admin, expiresAtSeconds: 1000 + TokenIssuer.lifetimeSeconds))
    #expect(refusal(token, issuer, at: 1000 + TokenIssuer.lifetimeSeconds) == .expired)
    #expect(refusal(token, TokenIssuer(key: P256.Signing.PrivateKey())) == .unknownKey)
  }

  @Test("Nothing but ES256 with a known key, our issuer and audience is taken")
  func forged() throws {
    let issuer = TokenIssuer(key: key)
    let id = issuer.publicKeys["keys"]?.elements?.first?["kid"]?.text ?? ""
    func forge(_ head: JSONValue, _ body: JSONValue) throws -> String {
      let signed = Base64.encodeURL(head.bytes) + "." + Base64.encodeURL(body.bytes)
      return signed + "." + Base64.encodeURL(try key.signature(for: Data(signed.utf8)).rawRepresentation)
    }
    let head: JSONValue = ["alg": "ES256", "kid": .string(id)]
    func body(iss: String = TokenIssuer.issuer, aud: String = TokenIssuer.audience, sub: String? = nil) -> JSONValue {
      [
        "iss": .string(iss), "aud": .string(aud), "exp": 2000, "role": "customer",
        "sub": .string(sub ?? UserID.random().text),
      ]
    }
    #expect(refusal(try forge(head, body()), issuer) == nil)
    #expect(refusal(try forge(["alg": "none", "kid": .string(id)], body()), issuer) == .algorithm)
    #expect(refusal(try forge(["alg": "HS256", "kid": .string(id)], body()), issuer) == .algorithm)
    #expect(refusal(try forge(["alg": "ES256"], body()), issuer) == .unknownKey)
    #expect(refusal(try forge(head, body(iss: "other")), issuer) == .issuer)
    #expect(refusal(try forge(head, body(aud: "other")), issuer) == .audience)
    #expect(refusal(try forge(head, body(sub: "admin")), issuer) == .subject)
    #expect(refusal(try forge(["alg": "ES256", "kid": .string(id), "crit": ["x"]], body()), issuer) == .algorithm)
    // One that is not valid yet, and one that is longer than any of ours: signed, and refused all the same.
    guard case .object(let members) = body() else { return }
    func with(_ name: String, _ value: JSONValue) -> JSONValue { .object(members + [.init(name: name, value: value)]) }
    #expect(refusal(try forge(head, with("nbf", 1001)), issuer) == .notYet)
    #expect(refusal(try forge(head, with("nbf", 1000)), issuer) == nil)
    let padding = JSONValue.string(String(repeating: "x", count: TokenIssuer.textMax))
    #expect(refusal(try forge(head, with("padding", padding)), issuer) == .malformed)
  }

  @Test("A token of which one character was changed is refused")
  func tampered() throws {
    let issuer = TokenIssuer(key: key)
    let token = Array(try issuer.token(for: try User.sample(), nowSeconds: 1000))
    for place in token.indices {
      var changed = token
      changed[place] = changed[place] == "A" ? "B" : "A"
      #expect(refusal(String(changed), issuer) != nil, "character \(place)")
    }
    #expect(refusal("", issuer) == .malformed)
    #expect(refusal("a.b", issuer) == .malformed)
    #expect(refusal(String(repeating: "a", count: 5000), issuer) == .malformed)
  }
}
