import Crypto
public import FoundationEssentials
public import GatewayModel
import SwiftASN1
public import X509

/// An authority of a trust domain, for development: a P-256 key and its self-signed certificate, both in memory only.
///
/// Source: X509-SVID sections 3.2 and 4: the trust domain's ID as the one URI, `keyCertSign` and `cRLSign`, no
/// authority below. Time is an argument; only keys and serial numbers are random.
public struct TrustDomainAuthority: Sendable {
  public let trustDomain: TrustDomain
  public let certificate: Certificate
  /// The certificate in DER.
  public let der: [UInt8]
  private let key: Certificate.PrivateKey
  private let keyIdentifier: ArraySlice<UInt8>

  /// An SVID with its key, as the Workload API sends it.
  public struct Issued: Sendable {
    public let chain: [UInt8]
    /// PKCS#8.
    public let key: [UInt8]
    public let notAfter: Date
  }

  public init(_ trustDomain: TrustDomain, lifetime: TimeInterval, now: Date) throws {
    self.trustDomain = trustDomain
    key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let publicKey = key.publicKey
    let name = try DistinguishedName {
      OrganizationName("Sluice development issuer")
      CommonName(trustDomain.name)
    }
    let identifier = SubjectKeyIdentifier(hash: publicKey)
    keyIdentifier = identifier.keyIdentifier
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: now.addingTimeInterval(-Self.backdating), notValidAfter: now.addingTimeInterval(lifetime),
      issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectAlternativeNames([.uniformResourceIdentifier(trustDomain.id)])
        identifier
      },
      issuerPrivateKey: key)
    der = try Self.der(certificate)
  }

  /// Clocks differ.
  static let backdating: TimeInterval = 10

  /// A new key and an SVID for it, valid for `lifetime` and never longer than the authority.
  public func issue(
    _ id: SPIFFEID, dnsNames: [String] = [], lifetime: TimeInterval, now: Date
  ) throws -> Issued {
    try issue(id, dnsNames: dnsNames, for: P256.Signing.PrivateKey(), lifetime: lifetime, now: now)
  }

  /// The same for a key that is there already.
  func issue(
    _ id: SPIFFEID, dnsNames: [String] = [], for leafKey: P256.Signing.PrivateKey, lifetime: TimeInterval, now: Date
  ) throws -> Issued {
    let publicKey = Certificate.PublicKey(leafKey.publicKey)
    let notAfter = min(now.addingTimeInterval(lifetime), certificate.notValidAfter)
    let leaf = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: now.addingTimeInterval(-Self.backdating), notValidAfter: notAfter,
      issuer: certificate.subject,
      subject: try DistinguishedName { OrganizationName("Sluice development issuer") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectAlternativeNames(
          [.uniformResourceIdentifier(id.description)] + dnsNames.map { .dnsName($0) })
        SubjectKeyIdentifier(hash: publicKey)
        AuthorityKeyIdentifier(keyIdentifier: keyIdentifier)
      },
      issuerPrivateKey: key)
    return Issued(chain: try Self.der(leaf), key: Array(leafKey.derRepresentation), notAfter: notAfter)
  }

  private static func der(_ certificate: Certificate) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return serializer.serializedBytes
  }
}
