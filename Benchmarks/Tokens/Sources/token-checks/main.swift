// What a token costs: checked for the first time, beside swift-crypto's bare verification, and remembered.
//
//     make bench-tokens
//
// Times are the quickest of nine rounds, since the machine may do other things. Bounds: a first ES256 at most 1.3 times
// the bare verification, a remembered token at most a microsecond. Exit code 1 over one of them.
import Crypto
import Foundation
import Identity

func base64(_ bytes: some Sequence<UInt8>) -> String {
  Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

/// Nanoseconds of one call of each, in rounds that take turns, so that what else the machine does hits all alike.
func costs(_ bodies: [(calls: Int, body: () -> Void)]) -> [Double] {
  var best = bodies.map { _ in Double.infinity }
  for _ in 0..<9 {
    for (index, (calls, body)) in bodies.enumerated() {
      let elapsed = ContinuousClock().measure { for _ in 0..<calls { body() } }
      best[index] = min(best[index], elapsed / .nanoseconds(calls))
    }
  }
  return best
}

let key = P256.Signing.PrivateKey()
let claims = """
  {"iss":"https://issuer.example/realms/shop","sub":"f:5b2d:alice","aud":["api","web"],"exp":2000000000,\
  "iat":1700000000,"scope":"openid read write","tenant":"blue","realm_access":{"roles":["admin","user"]},\
  "jti":"0e0f5a9e-7b07-4a93-8f1b-2f8b6f8f6a11","email":"alice@example.com"}
  """
let signed = base64(#"{"alg":"ES256","typ":"JWT","kid":"one"}"#.utf8) + "." + base64(claims.utf8)
let message = Array(signed.utf8)
let signature = try key.signature(for: SHA256.hash(data: message))
let token = Array((signed + "." + base64(signature.rawRepresentation)).utf8)

var rules = TokenRules(algorithms: AlgorithmSet([.es256]))
rules.issuers = [Array("https://issuer.example/realms/shop".utf8)]
rules.audiences = [Array("api".utf8)]
rules.scopes = [Array("read".utf8)]
let verifier = TokenVerifier(rules)
let keys = KeySet([
  VerificationKey(id: Array("one".utf8), algorithm: nil, material: .p256(key.publicKey))
])
let memory = TokenMemory()
let now = TokenTime(wall: 1_750_000_000, steady: 5)
let verified = try token.withUnsafeBytes { try verifier.verify($0, keys: keys, now: now.wall) }
token.withUnsafeBytes { memory.remember(verified, memory.fingerprint($0), generation: keys.generation, now: now) }

var passed = 0
let raw = Array(signature.rawRepresentation)
let path = ClaimPath("tenant")
let stranger = Array("eyJhbGciOiJub25lIn0.e30.".utf8)
let measured = costs([
  (200, {
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw) else { return }
    if key.publicKey.isValidSignature(signature, for: SHA256.hash(data: message)) { passed += 1 }
  }),
  (200, {
    token.withUnsafeBytes { if (try? verifier.verify($0, keys: keys, now: now.wall)) != nil { passed += 1 } }
  }),
  (100_000, {
    token.withUnsafeBytes { bytes in
      let print = memory.fingerprint(bytes)
      if case .verified = memory.recall(print, generation: keys.generation, now: now) { passed += 1 }
    }
  }),
  (100_000, { if path.flatMap({ verified.withText($0, \.count) }) == 4 { passed += 1 } }),
  (10_000, {
    stranger.withUnsafeBytes { if (try? verifier.verify($0, keys: keys, now: now.wall)) == nil { passed += 1 } }
  }),
])
let (bare, first, remembered, claim, refused) = (measured[0], measured[1], measured[2], measured[3], measured[4])
precondition(passed == 9 * (200 + 200 + 100_000 + 100_000 + 10_000), "a check did not come out as it should")

func shown(_ nanoseconds: Double) -> String { "\(Int(nanoseconds)) ns" }
print("token of \(token.count) bytes, ES256")
print("bare verification (swift-crypto)  \(shown(bare))")
print("first check                       \(shown(first)), \(Double(Int(first / bare * 100)) / 100) times bare")
print("remembered                        \(shown(remembered))")
print("reading a claim                   \(shown(claim))")
print("refused by its header (none)      \(shown(refused))")
exit(first <= 1.3 * bare && remembered <= 1000 ? 0 : 1)
