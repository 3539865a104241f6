import Crypto
import CryptoExtras
import Testing

@testable import Identity

@Suite struct TokenVerifierTests {
  private let maker = TokenMaker()
  private func verifier(_ change: (inout TokenRules) -> Void = { _ in }) -> TokenVerifier {
    var rules = TokenRules(algorithms: AlgorithmSet([.es256]))
    rules.needsExpiry = false
    change(&rules)
    return TokenVerifier(rules)
  }

  @Test(arguments: [
    (#"{"exp":1000001}"#, TokenRefusal?.none), (#"{"exp":999941}"#, nil), (#"{"exp":999940}"#, .expired),
    (#"{"exp":999940.9}"#, .expired), (#"{"exp":1e6}"#, nil), (#"{"exp":"1000001"}"#, .claimType),
    (#"{"exp":-1}"#, .claimType), (#"{"exp":1e400}"#, .claimType), (#"{"exp":null}"#, .claimType),
    (#"{"nbf":1000060}"#, nil), (#"{"nbf":1000061}"#, .notYet), (#"{"nbf":1000060.1}"#, .notYet),
    (#"{"iat":1000060}"#, nil), (#"{"iat":1000061}"#, .issuedLater), (#"{"iat":true}"#, .claimType),
    (#"{}"#, nil), (#"[]"#, .malformed), (#"{"a":1,"a":2}"#, .malformed), (#"{"a":1,"\u0061":2}"#, .malformed),
    (#"{"a":{"b":1,"b":2}}"#, .malformed), (#"{"exp":01}"#, .malformed), (#"{"a":1} x"#, .malformed), ("", .malformed),
  ])
  func timesAndShape(claims: String, refusal: TokenRefusal?) throws {
    #expect(verifier().refusal(try maker.token(claims), keys: [maker.key]) == refusal)
  }

  @Test func aTokenWithoutAnEndIsRefusedUnlessItMayLack() throws {
    #expect(verifier { $0.needsExpiry = true }.refusal(try maker.token("{}"), keys: [maker.key]) == .claimMissing)
  }

  @Test(arguments: [
    (#"{"alg":"ES256","kid":"one","crit":["exp"]}"#, TokenRefusal.critical),
    (#"{"alg":"ES256","kid":"one","b64":false}"#, .critical),
    (#"{"alg":"ES256","kid":"one","jwk":{}}"#, .embeddedKey), (#"{"alg":"ES256","jku":"https://x"}"#, .embeddedKey),
    (#"{"alg":"ES256","x5u":"https://x"}"#, .embeddedKey), (#"{"alg":"ES256","x5c":[]}"#, .embeddedKey),
    (#"{"alg":"none"}"#, .algorithm), (#"{"alg":"None"}"#, .algorithm), (#"{"alg":"es256"}"#, .algorithm),
    (#"{"alg":"HS256"}"#, .algorithm), (#"{"alg":"ES384"}"#, .algorithm), (#"{"alg":7}"#, .malformed),
    (#"{"kid":"one"}"#, .malformed), (#"{"alg":"ES256","alg":"none"}"#, .malformed),
    (#"{"alg":"ES256","kid":"two"}"#, .unknownKey), (#"{"alg":"ES256","kid":1}"#, .malformed),
    (#"["alg"]"#, .malformed),
  ])
  func headersThatLeadAway(header: String, refusal: TokenRefusal) throws {
    #expect(verifier().refusal(try maker.token("{}", header: header), keys: [maker.key]) == refusal)
  }

  @Test(arguments: [
    ("", TokenRefusal.malformed), ("a.b", .malformed), ("a.b.c.d", .malformed), ("...", .malformed), ("..", .malformed),
    (".e30.", .malformed), ("e30..", .malformed), ("e30.e30.e30.e30.e30", .malformed),
    (String(repeating: "a", count: 17 * 1024), .tooLong),
  ])
  func textsThatAreNoTokens(token: String, refusal: TokenRefusal) {
    #expect(verifier().refusal(token, keys: [maker.key]) == refusal)
  }

  @Test func everyBitOfATokenMatters() throws {
    let token = Array(try maker.token(#"{"sub":"alice"}"#).utf8)
    #expect(verifier().refusal(String(decoding: token, as: UTF8.self), keys: [maker.key]) == nil)
    for index in token.indices {
      for bit in 0..<8 {
        var changed = token
        changed[index] ^= 1 << UInt8(bit)
        let refusal: TokenRefusal? = changed.withUnsafeBytes { bytes in
          do throws(TokenRefusal) {
            _ = try verifier().verify(bytes, keys: KeySet([maker.key], generation: 1), now: 1_000_000)
            return nil
          } catch {
            return error
          }
        }
        #expect(refusal != nil, "byte \(index) bit \(bit)")
      }
    }
  }

  @Test func aPublicKeyIsNeverASecret() throws {
    // The classic: HS256 with the PEM text of the public key.
    let header = TokenMaker.base64(#"{"alg":"HS256"}"#.utf8)
    let signed = header + "." + TokenMaker.base64("{}".utf8)
    let secret = SymmetricKey(data: Array(maker.p256.publicKey.pemRepresentation.utf8))
    let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: secret)
    let token = signed + "." + TokenMaker.base64(code)
    let all = TokenVerifier(
      {
        var rules = TokenRules(algorithms: AlgorithmSet(SignatureAlgorithm.allCases))
        rules.needsExpiry = false
        return rules
      }())
    #expect(all.refusal(token, keys: [maker.key]) == .unknownKey)
  }

  @Test(arguments: [
    (#"{"iss":"https://a"}"#, TokenRefusal?.none), (#"{"iss":"https://b"}"#, nil), (#"{"iss":"https://a/"}"#, .issuer),
    (#"{"iss":["https://a"]}"#, .claimType), ("{}", .claimMissing), (#"{"iss":"https:\/\/a"}"#, nil),
  ])
  func issuers(claims: String, refusal: TokenRefusal?) throws {
    let verifier = verifier { $0.issuers = [Array("https://a".utf8), Array("https://b".utf8)] }
    #expect(verifier.refusal(try maker.token(claims), keys: [maker.key]) == refusal)
  }

  @Test(arguments: [
    (#"{"aud":"api"}"#, TokenRefusal?.none), (#"{"aud":["x","api"]}"#, nil), (#"{"aud":"ap"}"#, .audience),
    (#"{"aud":[]}"#, .audience), (#"{"aud":["api",1]}"#, .claimType), (#"{"aud":{}}"#, .claimType),
    ("{}", .claimMissing),
  ])
  func audiences(claims: String, refusal: TokenRefusal?) throws {
    let verifier = verifier { $0.audiences = [Array("api".utf8)] }
    #expect(verifier.refusal(try maker.token(claims), keys: [maker.key]) == refusal)
  }

  @Test(arguments: [
    (#"{"scope":"read write"}"#, TokenRefusal?.none), (#"{"scp":["write","read"]}"#, nil),
    (#"{"scope":"read"}"#, .scope),
    (#"{"scope":"reads writes"}"#, .scope), ("{}", .scope), (#"{"scope":""}"#, .scope), (#"{"scp":"write read"}"#, nil),
  ])
  func scopes(claims: String, refusal: TokenRefusal?) throws {
    let verifier = verifier { $0.scopes = [Array("read".utf8), Array("write".utf8)] }
    #expect(verifier.refusal(try maker.token(claims), keys: [maker.key]) == refusal)
  }

  @Test(arguments: [
    (#"{"realm":{"roles":["admin"]},"https://e.org/t":"blue"}"#, TokenRefusal?.none),
    (#"{"realm":{"roles":["user"]},"https://e.org/t":"blue"}"#, .rights), (#"{"https://e.org/t":"blue"}"#, .rights),
    (#"{"realm":{"roles":["admin"]}}"#, .claimMissing), (#"{"realm":["admin"],"https://e.org/t":1}"#, .rights),
  ])
  func rights(claims: String, refusal: TokenRefusal?) throws {
    let verifier = verifier {
      $0.required = [ClaimPath("https://e.org/t")].compactMap { $0 }
      $0.rights = [ClaimPath("/realm/roles")].compactMap { $0 }.map {
        TokenRules.Right(claim: $0, values: [Array("admin".utf8)])
      }
    }
    #expect(verifier.refusal(try maker.token(claims), keys: [maker.key]) == refusal)
  }

  @Test(arguments: [
    (#"{"alg":"ES256","typ":"at+JWT"}"#, TokenRefusal?.none), (#"{"alg":"ES256","typ":"application/at+jwt"}"#, nil),
    (#"{"alg":"ES256","typ":"JWT"}"#, .type), (#"{"alg":"ES256"}"#, .type),
  ])
  func types(header: String, refusal: TokenRefusal?) throws {
    let verifier = verifier { $0.types = [Array("at+jwt".utf8)] }
    #expect(verifier.refusal(try maker.token("{}", header: header), keys: [maker.key]) == refusal)
  }

  @Test func claimsAreReadAsTheyAreMeant() throws {
    let claims = #"{"sub":"al\u0069ce","n":12,"ok":true,"list":["a","b"],"deep":{"x~/y":"z"},"🙂":"\ud83d\ude42"}"#
    let token = try verifier().verdict(try maker.token(claims), keys: [maker.key]).get()
    func text(_ path: String) -> String? {
      ClaimPath(path).flatMap { token.withText($0) { String(decoding: $0, as: UTF8.self) } }
    }
    #expect(text("sub") == "alice")
    #expect(text("n") == "12")
    #expect(text("ok") == "true")
    #expect(text("list") == #"["a","b"]"#)
    #expect(text("/deep/x~0~1y") == "z")
    #expect(text("🙂") == "🙂")
    #expect(text("none") == nil)
    #expect(text("/sub/x") == nil)
    let list = try #require(ClaimPath("list"))
    #expect(token.contains(list, Array("b".utf8)) && !token.contains(list, Array("c".utf8)))
  }

  @Test func randomBytesNeverCrashAndNeverPass() {
    var random = SeededRandom(seed: TestSeed.fixed)
    let alphabet = Array("eyJhbGciOiJFUzI1NiJ9.{}[]\":,\\u0".utf8)
    for _ in 0..<20_000 {
      let token = (0..<Int.random(in: 0..<120, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      #expect(verifier().refusal(String(decoding: token, as: UTF8.self), keys: [maker.key]) != nil)
    }
  }
}
