import FoundationEssentials
public import GatewayModel
import SwiftASN1
public import X509

/// A leaf certificate that keeps the rules of X.509-SVID: who it says it is, before anybody vouches for that.
///
/// Source: https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md sections 2, 4 and 5.2. Exactly one URI
/// among its names, which is a SPIFFE ID with a path; no authority; `digitalSignature` and neither `keyCertSign` nor
/// `cRLSign`; an extended key usage, if there is one, for servers and clients both.
public struct SVIDLeaf: Sendable {
  public let id: SPIFFEID
  public let certificate: Certificate
  /// Seconds since 1970.
  public let notBefore: Int64
  public let notAfter: Int64

  /// - Throws: `SVIDRefusal.notAnSVID` with the rule.
  public init(_ certificate: Certificate) throws(SVIDRefusal) {
    id = try Self.id(certificate)
    let extensions = certificate.extensions
    let constraints: BasicConstraints?
    let usage: KeyUsage?
    let purposes: ExtendedKeyUsage?
    do {
      constraints = try extensions.basicConstraints
      usage = try extensions.keyUsage
      purposes = try extensions.extendedKeyUsage
    } catch {
      throw .notAnSVID("an extension that cannot be read: \(error)")
    }
    if case .isCertificateAuthority? = constraints { throw .notAnSVID("an authority's certificate names no workload") }
    guard let usage, usage.digitalSignature else { throw .notAnSVID("no key usage digitalSignature") }
    guard !usage.keyCertSign, !usage.cRLSign else { throw .notAnSVID("a key usage of authorities") }
    if let purposes, !(purposes.contains(.serverAuth) && purposes.contains(.clientAuth)) {
      throw .notAnSVID("an extended key usage without serverAuth or clientAuth")
    }
    self.certificate = certificate
    notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
    notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
  }

  /// - Throws: `SVIDRefusal.unreadable`, or as above.
  public init(der: [UInt8]) throws(SVIDRefusal) {
    try self.init(try Self.certificate(der))
  }

  static func certificate(_ der: [UInt8]) throws(SVIDRefusal) -> Certificate {
    do {
      return try Certificate(derEncoded: der)
    } catch {
      throw .unreadable("no certificate: \(error)")
    }
  }

  private static func id(_ certificate: Certificate) throws(SVIDRefusal) -> SPIFFEID {
    let names: SubjectAlternativeNames?
    do {
      names = try certificate.extensions.subjectAlternativeNames
    } catch {
      throw .notAnSVID("names that cannot be read: \(error)")
    }
    var uris: [String] = []
    for name in names ?? SubjectAlternativeNames() {
      if case .uniformResourceIdentifier(let uri) = name { uris.append(uri) }
    }
    guard uris.count == 1 else { throw .notAnSVID("\(uris.count) URIs among its names, expected one") }
    do throws(SPIFFEIDMistake) {
      return try SPIFFEID(uris[0])
    } catch {
      throw .notAnSVID("the URI \(Self.quoted(uris[0])): \(error)")
    }
  }

  /// A stranger's text for a log: on one line, not longer than 120 characters.
  static func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(120).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) }
    return "\"\(String(shown))\""
  }
}
