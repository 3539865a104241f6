import Crypto
import CryptoExtras
import Foundation

@testable import Identity

/// The folder of public test vectors.
enum Fixtures {
  static func data(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)"))
  }

  static func object(_ name: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: try data(name)) as? [String: Any] ?? [:]
  }

  static func bytes(hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Substring(hex)
    while let byte = UInt8(rest.prefix(2), radix: 16) {
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  static func json(_ object: Any) throws -> [UInt8] { Array(try JSONSerialization.data(withJSONObject: object)) }
}

extension TokenShape {
  /// Takes a token apart and checks nothing but its signature.
  static func refusal(
    _ token: String, keys: [VerificationKey], allowed: AlgorithmSet = AlgorithmSet(SignatureAlgorithm.allCases)
  ) -> TokenRefusal? {
    Array(token.utf8).withUnsafeBytes { bytes in
      do throws(TokenRefusal) {
        let shape = try TokenShape(bytes, allowed: allowed, types: [])
        try KeySet(keys, generation: 1).check(shape)
        return Base64URL.decode(shape.payload) == nil ? .malformed : nil
      } catch {
        return error
      }
    }
  }
}

/// Signs tokens for tests.
struct TokenMaker {
  let p256 = P256.Signing.PrivateKey()
  var header = #"{"alg":"ES256","typ":"JWT","kid":"one"}"#

  static func base64(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  func token(_ claims: String, header: String? = nil) throws -> String {
    let signed = Self.base64((header ?? self.header).utf8) + "." + Self.base64(claims.utf8)
    let signature = try p256.signature(for: SHA256.hash(data: Array(signed.utf8)))
    return signed + "." + Self.base64(signature.rawRepresentation)
  }

  var key: VerificationKey {
    VerificationKey(id: Array("one".utf8), algorithm: nil, material: .p256(p256.publicKey))
  }
}

extension TokenVerifier {
  func verdict(
    _ token: String, keys: [VerificationKey], now: Int64 = 1_000_000
  ) -> Result<VerifiedToken, TokenRefusal> {
    Array(token.utf8).withUnsafeBytes { bytes in
      do throws(TokenRefusal) {
        return .success(try verify(bytes, keys: KeySet(keys, generation: 1), now: now))
      } catch {
        return .failure(error)
      }
    }
  }

  func refusal(_ token: String, keys: [VerificationKey], now: Int64 = 1_000_000) -> TokenRefusal? {
    if case .failure(let refusal) = verdict(token, keys: keys, now: now) { refusal } else { nil }
  }
}
