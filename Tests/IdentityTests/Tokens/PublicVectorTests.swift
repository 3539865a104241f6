import Foundation
import Testing

@testable import Identity

/// The examples of the RFCs, and Wycheproof's cases: what the world agrees on.
@Suite struct PublicVectorTests {
  private struct Example: Decodable {
    var source: String
    var key: [String: String]
    var token: String
    var refused: String?
  }

  @Test func examplesOfTheRFCsHaveTheVerdictThatTheyShow() throws {
    let examples = try JSONDecoder().decode([Example].self, from: try Fixtures.data("RFC/tokens.json"))
    #expect(examples.count == 11)
    for example in examples {
      let keys = try KeySetReader(try Fixtures.json(example.key), allowsSecrets: true)
      #expect(keys.notes.isEmpty, "\(example.source): \(keys.notes)")
      let refusal = TokenShape.refusal(example.token, keys: keys.keys)
      #expect(refusal.map { "\($0.code)" } == example.refused, "\(example.source)")
      // The last byte of each signature matters.
      guard example.refused == nil else { continue }
      let flipped = example.token.dropLast() + (example.token.hasSuffix("A") ? "Q" : "A")
      #expect(TokenShape.refusal(String(flipped), keys: keys.keys) != nil, "\(example.source)")
    }
  }

  /// Cases where Wycheproof asks for less than we do, with the reason.
  private static let stricter: [String: String] = [
    "Figure20": "the key says PS256 and the token PS384",
    "Figure27": "the key's alg is ES521, which does not exist",
    "InvalidCharacterInsertedInHeader": "? is no character of base64",
    "InvalidCharacterInsertedInPayload": "? is no character of base64",
  ]

  /// Two cases say that padding is invalid and have none: their text is that of case 357, which is valid.
  private static let mistaken = [367, 370]

  private static let case357 =
    "eyJraWQiOiJoczI1Ni1rZXkiLCJhbGciOiJIUzI1NiJ9.VGVzdA.c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8"

  private func verdicts(_ file: String) throws -> (count: Int, wrong: [String]) {
    var count = 0
    var wrong: [String] = []
    for group in try Fixtures.object("Wycheproof/\(file)")["testGroups"] as? [[String: Any]] ?? [] {
      var key = try #require((group["public"] ?? group["private"]) as? [String: Any])
      // Some groups have private keys only; their public part is what a gateway would have.
      func isPublic(_ name: String) -> Bool { !["d", "p", "q", "dp", "dq", "qi"].contains(name) }
      if let keys = key["keys"] as? [[String: Any]] { key["keys"] = keys.map { $0.filter { isPublic($0.key) } } }
      let reader = try? KeySetReader(try Fixtures.json(key.filter { isPublic($0.key) }), allowsSecrets: true)
      for test in group["tests"] as? [[String: Any]] ?? [] {
        count += 1
        let comment = test["comment"] as? String ?? ""
        let token = test["jws"] as? String ?? "{\"json\":\"serialisation\"}"
        let isWanted = test["result"] as? String == "valid"
        let passes = TokenShape.refusal(token, keys: reader?.keys ?? []) == nil
        if Self.mistaken.contains(test["tcId"] as? Int ?? 0), token == Self.case357 { continue }
        if passes != isWanted, !(isWanted && Self.stricter[comment] != nil) {
          wrong.append("\(test["tcId"] ?? "") \(comment): \(passes)")
        }
      }
    }
    return (count, wrong)
  }

  @Test func wycheproofsSignatures() throws {
    let (count, wrong) = try verdicts("json_web_signature_test.json")
    #expect(count == 401)
    #expect(wrong.isEmpty)
  }

  @Test func wycheproofsKeys() throws {
    let (count, wrong) = try verdicts("json_web_key_test.json")
    #expect(count == 26)
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [
    ("ecdsa_secp256r1_sha256_p1363_test.json", SignatureAlgorithm.es256),
    ("ecdsa_secp384r1_sha384_p1363_test.json", .es384),
    ("ecdsa_secp521r1_sha512_p1363_test.json", .es512),
    ("ed25519_test.json", .edDSA),
  ])
  func wycheproofsCurves(file: String, algorithm: SignatureAlgorithm) throws {
    var count = 0
    for group in try Fixtures.object("Wycheproof/\(file)")["testGroups"] as? [[String: Any]] ?? [] {
      guard let jwk = (group["publicKeyJwk"] ?? group["jwk"]) as? [String: Any] else { continue }
      let keys = try? KeySetReader(try Fixtures.json(jwk), allowsSecrets: false)
      for test in group["tests"] as? [[String: Any]] ?? [] {
        count += 1
        let message = Fixtures.bytes(hex: test["msg"] as? String ?? "")
        let signature = Fixtures.bytes(hex: test["sig"] as? String ?? "")
        let passes = message.withUnsafeBytes { message in
          signature.withUnsafeBytes { keys?.keys.first?.verifies($0, of: message, algorithm) ?? false }
        }
        #expect(passes == (test["result"] as? String == "valid"), "\(file) \(test["tcId"] ?? "")")
      }
    }
    #expect(count > 100)
  }
}
