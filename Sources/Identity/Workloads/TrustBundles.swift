public import GatewayModel
public import X509

/// The authorities of each trust domain: the gateway's own and those it is federated with.
///
/// A peer of a trust domain is checked against that domain's bundle and no other (Workload API section 4.6): with all
/// authorities in one pot, every domain could sign for every other.
public struct TrustBundles: Sendable {
  /// More authorities than this in one bundle are no bundle.
  public static let authoritiesMax = DERSequence.certificatesMax

  private var authorities: [TrustDomain: [Certificate]]

  /// - Parameter authorities: by trust domain, each list not empty.
  public init(_ authorities: [TrustDomain: [Certificate]] = [:]) {
    self.authorities = authorities
  }

  /// The trust domains, by name.
  public var trustDomains: [TrustDomain] { authorities.keys.sorted { $0.name < $1.name } }

  /// Nil when peers of this domain cannot be checked.
  public subscript(domain: TrustDomain) -> [Certificate]? {
    get { authorities[domain] }
    set { authorities[domain] = newValue }
  }

  /// The certificates of a bundle as the Workload API sends it: DER, one behind the other.
  ///
  /// - Throws: `SVIDRefusal.unreadable`.
  public static func certificates(der: [UInt8], of domain: TrustDomain) throws(SVIDRefusal) -> [Certificate] {
    guard let values = DERSequence.split(der), !values.isEmpty else {
      throw .unreadable("the bundle of \(domain) is not one to \(authoritiesMax) certificates in DER")
    }
    var certificates: [Certificate] = []
    for value in values { certificates.append(try SVIDLeaf.certificate(value)) }
    return certificates
  }

  /// Who the peer is, when it is who it says and one of `peers`.
  ///
  /// - Parameters:
  ///   - chain: what it showed, DER, its leaf first.
  ///   - now: seconds since 1970.
  public func verify(_ chain: [[UInt8]], peers: SPIFFEPeers, now: Int64) throws(SVIDRefusal) -> SVIDLeaf {
    guard let first = chain.first else { throw .noCertificate }
    guard chain.count <= CertificatePath.certificatesMax else {
      throw .unreadable("more than \(CertificatePath.certificatesMax) certificates")
    }
    let leaf = try SVIDLeaf(der: first)
    guard let roots = authorities[leaf.id.trustDomain] else {
      throw .noBundle("no bundle of the trust domain of \(leaf.id)")
    }
    // Before any signature is checked: a stranger costs little.
    guard peers.admits(leaf.id) else { throw .notAdmitted("\(leaf.id) is not among the peers") }
    var shown: [Certificate] = []
    for der in chain.dropFirst() { shown.append(try SVIDLeaf.certificate(der)) }
    try CertificatePath.validate(leaf, shown: shown, roots: roots, now: now)
    return leaf
  }
}
