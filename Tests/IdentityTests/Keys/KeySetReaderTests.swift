import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Identity

@Suite struct KeySetReaderTests {
  private let x = TokenMaker.base64(Array(P256.Signing.PrivateKey().publicKey.rawRepresentation).prefix(32))

  private func set(_ text: String, allowsSecrets: Bool = false) -> Result<KeySetReader, KeySetMistake> {
    do throws(KeySetMistake) {
      return .success(try KeySetReader(Array(text.utf8), allowsSecrets: allowsSecrets))
    } catch {
      return .failure(error)
    }
  }

  private func point() -> (String, String) {
    let raw = Array(P256.Signing.PrivateKey().publicKey.rawRepresentation)
    return (TokenMaker.base64(raw.prefix(32)), TokenMaker.base64(raw.suffix(32)))
  }

  private func key(_ more: String = "") -> String {
    let (x, y) = point()
    return #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"\#(more)}"#
  }

  @Test func unknownKindsAreNotedAndPassedOver() throws {
    let text = #"{"keys":[\#(key()),{"kty":"XYZ"},{"kty":"OKP","crv":"X25519","x":"AA"},\#(key(#","use":"enc""#))]}"#
    let reader = try set(text).get()
    #expect(reader.keys.count == 1)
    #expect(reader.notes == [
      "keys[1]: kty XYZ is not spoken here", "keys[2]: its curve is not Ed25519", "keys[3]: its use is not sig",
    ])
  }

  @Test func dangerousSetsAreRefusedWhole() {
    let secret = #"{"kty":"oct","k":"\#(TokenMaker.base64([UInt8](repeating: 7, count: 32)))"}"#
    let mixed = set(#"{"keys":[\#(secret),\#(key())]}"#, allowsSecrets: true)
    #expect(mixed.mistake == "secrets and public keys in one set")
    #expect(set(#"{"keys":[\#(secret)]}"#).mistake == "keys[0] is a secret, which nobody should publish")
    #expect(set(#"{"keys":[\#(key(#","d":"AA""#))]}"#).mistake == "keys[0] is a private key")
    let twice = key(#","kid":"a""#)
    #expect(set(#"{"keys":[\#(twice),\#(key(#","kid":"a""#))]}"#).mistake == "two keys with the kid a")
    #expect(set("[]").mistake == "not a JSON object")
    #expect(set(#"{"keys":{}}"#).mistake == "keys is no array")
    #expect(set(#"{"keys":[1]}"#).mistake == "keys[0] is no object")
    #expect(set("nothing").mistake == "not JSON at byte 0")
    let many = Array(repeating: key(), count: 129).joined(separator: ",")
    #expect(set(#"{"keys":[\#(many)]}"#).mistake == "more than 128 keys")
  }

  @Test func aKeyIsForItsOwnAlgorithmsOnly() throws {
    let bound = try #require(try set(key(#","alg":"ES256""#)).get().keys.first)
    #expect(SignatureAlgorithm.allCases.filter { bound.fits($0) } == [.es256])
    let secret = VerificationKey(
      id: nil, algorithm: nil, material: .secret(SymmetricKey(size: .bits256), byteCount: 32))
    #expect(SignatureAlgorithm.allCases.filter { secret.fits($0) } == [.hs256])
    let notes = try set(key(#","alg":"ES384""#)).get().notes
    #expect(notes == ["the key: alg ES384 does not go with a key of kind EC P-256"])
  }

  @Test func keysThatLookRightAndAreNot() throws {
    let (x, y) = point()
    let zero = TokenMaker.base64([UInt8](repeating: 0, count: 32))
    #expect(
      try set(#"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(zero)"}"#).get().notes
        == ["the key: x and y are no point of the curve"])
    #expect(
      try set(#"{"kty":"EC","crv":"P-384","x":"\#(x)","y":"\#(y)"}"#).get().notes
        == ["the key: x or y has the wrong length"])
    let short = try set(#"{"kty":"RSA","n":"AQAC","e":"AQAB"}"#).get().notes
    #expect(short == ["the key: no RSA key of 2048 bits or more"])
  }

  @Test func keysInPEM() throws {
    let p256 = P256.Signing.PrivateKey().publicKey.pemRepresentation
    let p384 = P384.Signing.PrivateKey().publicKey.pemRepresentation
    let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048).publicKey.pemRepresentation
    // RFC 8410 section 10.1.
    let ed25519 = """
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
      -----END PUBLIC KEY-----
      """
    let keys = try PEMKeyReader.keys([p256, p384, rsa, ed25519].joined(separator: "\n"))
    #expect(keys.map(\.kind) == ["EC P-256", "EC P-384", "RSA", "OKP Ed25519"])
    #expect(throws: KeySetMistake("PEM block 1 is a private key; the gateway needs the public one only")) {
      try PEMKeyReader.keys(P256.Signing.PrivateKey().pemRepresentation)
    }
    #expect(throws: KeySetMistake.self) { try PEMKeyReader.keys("no keys") }
    #expect(throws: KeySetMistake.self) { try PEMKeyReader.keys(p256.replacing("MF", with: "XX")) }
  }
}

extension Result where Success == KeySetReader, Failure == KeySetMistake {
  fileprivate var mistake: String? { if case .failure(let mistake) = self { mistake.description } else { nil } }
}
