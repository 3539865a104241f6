public import Crypto
public import CryptoExtras

/// A key that signatures are checked with, bound to the algorithms it can be for.
///
/// The classic forgery: a token says HS256 and is signed with the text of the public RSA key. It cannot be made here: a
/// key's material decides which algorithms may use it, the token's header only chooses among those (RFC 8725
/// section 3.1).
public struct VerificationKey: Sendable {
  /// The key itself, by its kind.
  public enum Material: Sendable {
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    /// With its number of bytes: a secret shorter than the hash is refused (RFC 7518 section 3.2).
    case secret(SymmetricKey, byteCount: Int)
  }

  /// `kid`; nil where the key has none.
  public let id: [UInt8]?
  /// The only algorithm the key may be used with, if its owner said so.
  public let algorithm: SignatureAlgorithm?
  public let material: Material

  public init(id: [UInt8]?, algorithm: SignatureAlgorithm?, material: Material) {
    self.id = id
    self.algorithm = algorithm
    self.material = material
  }

  /// Whether the key may check signatures of this algorithm.
  public func fits(_ algorithm: SignatureAlgorithm) -> Bool {
    if let only = self.algorithm, only != algorithm { return false }
    switch (material, algorithm) {
    case (.rsa, .rs256), (.rsa, .rs384), (.rsa, .rs512), (.rsa, .ps256), (.rsa, .ps384), (.rsa, .ps512): return true
    case (.p256, .es256), (.p384, .es384), (.p521, .es512), (.ed25519, .edDSA): return true
    case (.secret(_, let count), .hs256): return count >= 32
    case (.secret(_, let count), .hs384): return count >= 48
    case (.secret(_, let count), .hs512): return count >= 64
    default: return false
    }
  }

  /// Whether `signature` is one of `data` by this key. False for an algorithm that does not fit.
  public func verifies(
    _ signature: UnsafeRawBufferPointer, of data: UnsafeRawBufferPointer, _ algorithm: SignatureAlgorithm
  ) -> Bool {
    guard fits(algorithm) else { return false }
    switch material {
    case .rsa(let key): return Self.verifies(key, signature, data, algorithm)
    case .p256(let key):
      guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA256.hash(data: data))
    case .p384(let key):
      guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA384.hash(data: data))
    case .p521(let key):
      guard let signature = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA512.hash(data: data))
    case .ed25519(let key): return signature.count == 64 && key.isValidSignature(signature, for: data)
    case .secret(let key, _): return Self.verifies(key, signature, data, algorithm)
    }
  }

  private static func verifies(
    _ key: _RSA.Signing.PublicKey, _ signature: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer,
    _ algorithm: SignatureAlgorithm
  ) -> Bool {
    // RFC 8017 section 8.2.2: as long as the modulus, exactly.
    guard signature.count == (key.keySizeInBits + 7) / 8 else { return false }
    let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
    switch algorithm {
    case .rs256: return key.isValidSignature(signature, for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
    case .rs384: return key.isValidSignature(signature, for: SHA384.hash(data: data), padding: .insecurePKCS1v1_5)
    case .rs512: return key.isValidSignature(signature, for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
    case .ps256: return key.isValidSignature(signature, for: SHA256.hash(data: data), padding: .PSS)
    case .ps384: return key.isValidSignature(signature, for: SHA384.hash(data: data), padding: .PSS)
    case .ps512: return key.isValidSignature(signature, for: SHA512.hash(data: data), padding: .PSS)
    default: return false
    }
  }

  private static func verifies(
    _ key: SymmetricKey, _ code: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer, _ algorithm: SignatureAlgorithm
  ) -> Bool {
    // Compared in constant time by the library.
    switch algorithm {
    case .hs256: code.count == 32 && HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: data, using: key)
    case .hs384: code.count == 48 && HMAC<SHA384>.isValidAuthenticationCode(code, authenticating: data, using: key)
    case .hs512: code.count == 64 && HMAC<SHA512>.isValidAuthenticationCode(code, authenticating: data, using: key)
    default: false
    }
  }
}
