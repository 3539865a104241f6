import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// The certificate that answers TLS when none was configured: self-signed, made at start, trusted by nobody, as
/// Traefik's "TRAEFIK DEFAULT CERT" is. It lets a handshake come far enough that the client says what is wrong.
enum DefaultCertificate {
  private static let made = Result { try generate() }

  static func make() throws -> (certificate: String, key: String) { try made.get() }

  private static func generate() throws -> (certificate: String, key: String) {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("SLUICE DEFAULT CERT") }
    let now = Date()
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(365 * 86_400),
      issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        SubjectAlternativeNames([.dnsName("sluice.default")])
      },
      issuerPrivateKey: .init(key))
    return (try certificate.serializeAsPEM().pemString, key.pemRepresentation)
  }
}
