import Crypto
import Foundation
import GatewayModel
import SwiftASN1
import X509

@testable import Identity

/// Certificates with everything about them changeable: right ones by default, wrong ones by a test's change.
struct MadeCertificate {
  /// Seconds since 1970 that all tests share; certificates live an hour around it.
  static let now: Int64 = 1_800_000_000

  struct Plan {
    var subject = "leaf"
    var uris = ["spiffe://shop.example/pay"]
    var dnsNames: [String] = []
    /// Nil: no extension.
    var authority: BasicConstraints? = .notCertificateAuthority
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var purposes: [ExtendedKeyUsage.Usage]? = [.serverAuth, .clientAuth]
    var notBefore = MadeCertificate.now - 1800
    var notAfter = MadeCertificate.now + 1800
    var constraints: NameConstraints?
    var criticalUnknown = false

    static func authority(_ subject: String, lengthMax: Int? = nil) -> Plan {
      var plan = Plan()
      plan.subject = subject
      plan.uris = ["spiffe://shop.example"]
      plan.authority = .isCertificateAuthority(maxPathLength: lengthMax)
      plan.usage = KeyUsage(keyCertSign: true, cRLSign: true)
      plan.purposes = nil
      plan.notAfter = MadeCertificate.now + 86400
      return plan
    }
  }

  let certificate: Certificate
  let key: P256.Signing.PrivateKey

  var der: [UInt8] {
    get throws {
      var serializer = DER.Serializer()
      try serializer.serialize(certificate)
      return serializer.serializedBytes
    }
  }

  /// Signed by `issuer`, or by itself.
  init(_ plan: Plan, by issuer: MadeCertificate? = nil, signedBy signer: P256.Signing.PrivateKey? = nil) throws {
    key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName(plan.subject) }
    var extensions = Certificate.Extensions()
    if let authority = plan.authority { try extensions.append(Certificate.Extension(authority, critical: true)) }
    if let usage = plan.usage { try extensions.append(Certificate.Extension(usage, critical: true)) }
    if let purposes = plan.purposes {
      try extensions.append(Certificate.Extension(ExtendedKeyUsage(purposes), critical: false))
    }
    if !plan.uris.isEmpty || !plan.dnsNames.isEmpty {
      let names =
        plan.uris.map { GeneralName.uniformResourceIdentifier($0) } + plan.dnsNames.map { GeneralName.dnsName($0) }
      try extensions.append(Certificate.Extension(SubjectAlternativeNames(names), critical: false))
    }
    if let constraints = plan.constraints {
      try extensions.append(Certificate.Extension(constraints, critical: true))
    }
    if plan.criticalUnknown {
      try extensions.append(Certificate.Extension(oid: [1, 3, 6, 1, 4, 1, 99999], critical: true, value: [5, 0][...]))
    }
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: Date(timeIntervalSince1970: TimeInterval(plan.notBefore)),
      notValidAfter: Date(timeIntervalSince1970: TimeInterval(plan.notAfter)),
      issuer: issuer?.certificate.subject ?? name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions, issuerPrivateKey: .init(signer ?? issuer?.key ?? key))
  }
}

extension SVIDRefusal {
  /// The code of what `body` throws, or of nothing.
  static func code(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "taken"
    } catch {
      return (error as? SVIDRefusal)?.code ?? "\(error)"
    }
  }
}
