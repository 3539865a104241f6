import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// Reads keys in PEM: public keys (RFC 7468 section 13) and certificates (section 5), any number in one text.
///
/// A certificate is taken for its key only: its dates and its issuer are not looked at, because the operator who
/// wrote the file vouches for it.
public enum PEMKeyReader {
  /// - Throws: `KeySetMistake` with the number of the block.
  public static func keys(_ text: String) throws(KeySetMistake) -> [VerificationKey] {
    let blocks = blocks(text)
    guard !blocks.isEmpty else { throw KeySetMistake("no PEM block -----BEGIN PUBLIC KEY----- or CERTIFICATE") }
    guard blocks.count <= KeySetReader.keysMax else { throw KeySetMistake("more than \(KeySetReader.keysMax) keys") }
    var keys: [VerificationKey] = []
    for (number, block) in blocks.enumerated() {
      keys.append(VerificationKey(id: nil, algorithm: nil, material: try material(block, number + 1)))
    }
    return keys
  }

  private struct Block {
    let label: Substring
    let text: String
  }

  private static func blocks(_ text: String) -> [Block] {
    var blocks: [Block] = []
    var lines: [Substring] = []
    var label: Substring?
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
        label = line.dropFirst(11).dropLast(5)
        lines = []
      }
      if label != nil { lines.append(line) }
      if line.hasPrefix("-----END "), let ended = label {
        blocks.append(Block(label: ended, text: lines.joined(separator: "\n") + "\n"))
        label = nil
      }
    }
    return blocks
  }

  private static func material(_ block: Block, _ number: Int) throws(KeySetMistake) -> VerificationKey.Material {
    switch block.label {
    case "PUBLIC KEY", "RSA PUBLIC KEY":
      guard let material = publicKey(block.text) else {
        throw KeySetMistake(
          "PEM block \(number) is no key that is spoken here: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519")
      }
      return material
    case "CERTIFICATE":
      guard let certificate = try? Certificate(pemEncoded: block.text),
        let material = publicKey(certificate.publicKey)
      else { throw KeySetMistake("PEM block \(number) is no certificate with a key that is spoken here") }
      return material
    case let label where label.hasSuffix("PRIVATE KEY"):
      throw KeySetMistake("PEM block \(number) is a private key; the gateway needs the public one only")
    default: throw KeySetMistake("PEM block \(number) is a \(block.label), expected PUBLIC KEY or CERTIFICATE")
    }
  }

  private static func publicKey(_ text: String) -> VerificationKey.Material? {
    if let key = try? P256.Signing.PublicKey(pemRepresentation: text) { return .p256(key) }
    if let key = try? _RSA.Signing.PublicKey(pemRepresentation: text) {
      return key.keySizeInBits <= 8192 ? .rsa(key) : nil
    }
    if let key = try? P384.Signing.PublicKey(pemRepresentation: text) { return .p384(key) }
    if let key = try? P521.Signing.PublicKey(pemRepresentation: text) { return .p521(key) }
    return (try? Certificate.PublicKey(pemEncoded: text)).flatMap { publicKey($0) }
  }

  private static func publicKey(_ key: Certificate.PublicKey) -> VerificationKey.Material? {
    if let key = P256.Signing.PublicKey(key) { return .p256(key) }
    if let key = P384.Signing.PublicKey(key) { return .p384(key) }
    if let key = P521.Signing.PublicKey(key) { return .p521(key) }
    if let key = _RSA.Signing.PublicKey(key) { return (2048...8192).contains(key.keySizeInBits) ? .rsa(key) : nil }
    if let key = Curve25519.Signing.PublicKey(key) { return .ed25519(key) }
    return nil
  }
}
