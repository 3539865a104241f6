import FoundationEssentials
import GatewayModel
import SwiftASN1
public import X509

/// Path validation (RFC 5280 section 6) for what SPIFFE needs: is there a chain from this leaf to one of these roots?
///
/// The problem: the check runs on an event loop inside a handshake, against the bundle of the leaf's own trust domain,
/// which is known only once the leaf is. The TLS library checks against one set of roots, and swift-certificates'
/// verifier is asynchronous: it would leave the loop for every handshake. The rule: from the leaf upwards, try first
/// the roots and then the shown intermediates whose subject is the issuer's name; every certificate must be within its
/// time, every issuer an authority with `keyCertSign` and room in its path length, no extension may be critical and
/// unknown, and name constraints of URIs must hold for the leaf. A test compares this with swift-certificates' verifier
/// over hundreds of random hierarchies. Bound: `certificatesMax` certificates, `signaturesMax` signatures.
///
/// Not done, as SPIFFE has no use for it: revocation lists, policies.
public enum CertificatePath {
  public static let certificatesMax = 8
  static let signaturesMax = 32

  /// Throws unless a chain leads from `leaf` to one of `roots`.
  ///
  /// - Parameters:
  ///   - shown: what the peer sent beside its leaf, in any order.
  ///   - now: seconds since 1970.
  public static func validate(
    _ leaf: SVIDLeaf, shown: [Certificate], roots: [Certificate], now: Int64
  ) throws(SVIDRefusal) {
    guard shown.count < certificatesMax else { throw .unreadable("more than \(certificatesMax) certificates") }
    try checkTime(leaf.certificate, now: now, "it")
    guard knowsCriticalExtensions(leaf.certificate) else { throw .untrusted("an unknown critical extension") }
    var search = Search(leaf: leaf, shown: shown, roots: roots, now: now)
    if search.climb(from: leaf.certificate, below: 0, path: []) { return }
    throw search.refusal ?? .untrusted(
      "no authority of the bundle of \(leaf.id.trustDomain) vouches for \(leaf.id)")
  }

  static func checkTime(_ certificate: Certificate, now: Int64, _ what: String) throws(SVIDRefusal) {
    let begins = Int64(certificate.notValidBefore.timeIntervalSince1970)
    let ends = Int64(certificate.notValidAfter.timeIntervalSince1970)
    if now < begins { throw .expired("\(what) is valid only in \(begins - now) s: are the clocks right?") }
    if now > ends { throw .expired("\(what) expired \(now - ends) s ago") }
  }

  /// Extensions that are checked here or in `SVIDLeaf`.
  private static let known: Set<ASN1ObjectIdentifier> = [
    .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.subjectAlternativeName,
    .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.nameConstraints,
  ]

  static func knowsCriticalExtensions(_ certificate: Certificate) -> Bool {
    certificate.extensions.allSatisfy { !$0.critical || known.contains($0.oid) }
  }
}

/// One search upwards, and what it found wrong on its way.
private struct Search {
  let leaf: SVIDLeaf
  let shown: [Certificate]
  let roots: [Certificate]
  let now: Int64
  /// Of the chain that came furthest.
  var refusal: SVIDRefusal?
  private var signatures = 0

  init(leaf: SVIDLeaf, shown: [Certificate], roots: [Certificate], now: Int64) {
    self.leaf = leaf
    self.shown = shown
    self.roots = roots
    self.now = now
  }

  /// - Parameters:
  ///   - below: intermediates under the issuer that is looked for, those that issued themselves not counted.
  ///   - path: numbers of the shown certificates on the way, none of which is used twice.
  mutating func climb(from tip: Certificate, below: Int, path: [Int]) -> Bool {
    for root in roots where root.subject == tip.issuer {
      if issues(root, tip, below: below) { return true }
    }
    for (number, issuer) in shown.enumerated() where issuer.subject == tip.issuer && !path.contains(number) {
      guard issues(issuer, tip, below: below) else { continue }
      let isSelfIssued = issuer.subject == issuer.issuer
      if climb(from: issuer, below: below + (isSelfIssued ? 0 : 1), path: path + [number]) { return true }
    }
    return false
  }

  private mutating func issues(_ issuer: Certificate, _ tip: Certificate, below: Int) -> Bool {
    do throws(SVIDRefusal) {
      try checkAuthority(issuer, below: below)
    } catch {
      refusal = error
      return false
    }
    guard signatures < CertificatePath.signaturesMax else { return false }
    signatures += 1
    guard tip.signatureAlgorithm != .sha1WithRSAEncryption,
      issuer.publicKey.isValidSignature(tip.signature, for: tip)
    else {
      refusal = .untrusted("the signature of \(leaf.id) is not that of its authority")
      return false
    }
    return true
  }

  private func checkAuthority(_ issuer: Certificate, below: Int) throws(SVIDRefusal) {
    let constraints: BasicConstraints?
    let usage: KeyUsage?
    let names: NameConstraints?
    do {
      constraints = try issuer.extensions.basicConstraints
      usage = try issuer.extensions.keyUsage
      names = try issuer.extensions.nameConstraints
    } catch {
      throw .untrusted("an authority's extension cannot be read: \(error)")
    }
    guard case .isCertificateAuthority(let lengthMax)? = constraints else {
      throw .untrusted("the issuer of \(leaf.id) is no authority")
    }
    if let lengthMax, lengthMax < below { throw .untrusted("an authority may not have authorities below it") }
    if let usage, !usage.keyCertSign { throw .untrusted("an authority without keyCertSign") }
    guard CertificatePath.knowsCriticalExtensions(issuer) else {
      throw .untrusted("an authority with an unknown critical extension")
    }
    try CertificatePath.checkTime(issuer, now: now, "an authority of \(leaf.id.trustDomain)")
    if let names { try check(names) }
  }

  /// RFC 5280 section 4.2.1.10: a URI constraint is a host, or with a leading dot the hosts below it. The leaf's other
  /// names are nobody's business here, since peers are known by their URI alone.
  private func check(_ names: NameConstraints) throws(SVIDRefusal) {
    let host = leaf.id.trustDomain.name
    func covers(_ constraint: String) -> Bool {
      constraint.hasPrefix(".") ? host.hasSuffix(constraint.lowercased()) : host == constraint.lowercased()
    }
    let permitted = Array(names.permittedURIDomains)
    if !permitted.isEmpty, !permitted.contains(where: covers) {
      throw .untrusted("an authority that may not sign for \(host)")
    }
    if names.forbiddenURIDomains.contains(where: covers) {
      throw .untrusted("an authority that may not sign for \(host)")
    }
  }
}
