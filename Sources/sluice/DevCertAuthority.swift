import Crypto
import Foundation
import SwiftASN1
import X509

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A certificate authority for development: a P-256 key and its self-signed certificate (RFC 5280). It may sign
/// servers and clients and no further authority. Time is an argument; only keys and serial numbers are random.
struct DevCertAuthority {
  static let yearsValid = 10

  let certificate: Certificate
  private let key: Certificate.PrivateKey

  /// A new authority. `owner` tells several apart in a trust store.
  init(owner: String, now: Date) throws {
    key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let name = try DistinguishedName {
      OrganizationName("Sluice development")
      CommonName("Sluice development CA (\(owner))")
    }
    let publicKey = key.publicKey
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: now.addingTimeInterval(-3600),
      notValidAfter: now.addingTimeInterval(TimeInterval(Self.yearsValid * 365 * 86400)),
      issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: publicKey)
      },
      issuerPrivateKey: key)
  }

  /// The authority that two PEM texts hold. Throws a sentence when they are not one, or it is out of date.
  init(certificatePEM: String, keyPEM: String, now: Date) throws {
    do {
      certificate = try Certificate(pemEncoded: certificatePEM)
      key = try Certificate.PrivateKey(pemEncoded: keyPEM)
    } catch {
      throw DevCertFailure(description: "is not a certificate with its key (\(error))")
    }
    guard key.publicKey == certificate.publicKey else {
      throw DevCertFailure(description: "holds a key that is not the certificate's")
    }
    guard certificate.notValidAfter > now.addingTimeInterval(86400) else {
      throw DevCertFailure(description: "has expired")
    }
  }

  /// The certificate and the key as PEM.
  func pem() throws -> (certificate: String, key: String) {
    (try certificate.serializeAsPEM().pemString + "\n", try key.serializeAsPEM().pemString + "\n")
  }

  /// A new key and a certificate for it, both as PEM, valid from an hour ago (clocks differ) for `days` and never
  /// longer than the authority. The names stand in SubjectAlternativeName, where RFC 9525 looks for them.
  func issue(for hosts: [DevCertHost], days: Int, now: Date) throws -> (certificate: String, key: String) {
    let leafKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let begin = now.addingTimeInterval(-3600)
    let end = min(begin.addingTimeInterval(TimeInterval(days * 86400)), certificate.notValidAfter)
    let authorityIdentifier = try certificate.extensions.subjectKeyIdentifier?.keyIdentifier
    let leaf = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: leafKey.publicKey,
      notValidBefore: begin, notValidAfter: end,
      issuer: certificate.subject,
      subject: try DistinguishedName { OrganizationName("Sluice development certificate") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectAlternativeNames(hosts.map(\.generalName))
        SubjectKeyIdentifier(hash: leafKey.publicKey)
        if let authorityIdentifier { AuthorityKeyIdentifier(keyIdentifier: authorityIdentifier) }
      },
      issuerPrivateKey: key)
    return (try leaf.serializeAsPEM().pemString + "\n", try leafKey.serializeAsPEM().pemString + "\n")
  }
}

/// A name that a certificate can be for: a DNS name, with a wildcard as its first label at most, or an IP address.
struct DevCertHost: Equatable {
  /// The name in lower case, or the address, as it was written.
  let text: String
  /// The address in network byte order, 4 or 16 bytes; nil for a name.
  let address: [UInt8]?

  init?(_ argument: String) {
    text = argument.lowercased()
    address = Self.bytes(of: text)
    guard address == nil else { return }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, let last = labels.last else { return nil }
    // A name whose last label is a number would be taken for an address by browsers (WHATWG URL, 3.5).
    guard !last.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    for (index, label) in labels.enumerated() {
      if index == 0, label == "*", labels.count > 2 { continue }
      guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-",
        label.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 })
      else { return nil }
    }
  }

  /// What its files are called: no character that a shell or a file system takes for something else.
  var fileStem: String { text.replacing("*", with: "_wildcard").replacing(":", with: "_") }

  var generalName: GeneralName {
    if let address { return .ipAddress(ASN1OctetString(contentBytes: address[...])) }
    return .dnsName(text)
  }

  private static func bytes(of text: String) -> [UInt8]? {
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
    var sixteen = in6_addr()
    if inet_pton(AF_INET6, text, &sixteen) == 1 { return withUnsafeBytes(of: sixteen) { Array($0) } }
    return nil
  }
}
