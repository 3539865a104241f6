public import GatewayModel
public import X509

/// An SVID with its key: what the gateway shows to prove who it is.
///
/// The key is held as the agent sent it and is never printed: descriptions and mirrors of this type have the ID alone.
public struct X509SVID: Sendable {
  public let leaf: SVIDLeaf
  /// DER, the leaf first.
  public let chain: [[UInt8]]
  /// PKCS#8 in DER.
  public let key: [UInt8]
  /// The agent's word for what this one is for; empty for none.
  public let hint: String

  public var id: SPIFFEID { leaf.id }

  /// Reads an SVID and checks everything that can be checked before somebody refuses it: the rules of its leaf, that
  /// the key is the leaf's, that it is the ID announced, that its own bundle vouches for it.
  ///
  /// - Parameters:
  ///   - chain: certificates in DER, one behind the other, the leaf first.
  ///   - key: PKCS#8 in DER, not encrypted.
  ///   - announced: the ID the agent says this is.
  ///   - roots: the bundle of its trust domain.
  ///   - now: seconds since 1970.
  public init(
    chain: [UInt8], key: [UInt8], announced: String, hint: String, roots: [Certificate], now: Int64
  ) throws(SVIDRefusal) {
    guard let values = DERSequence.split(chain), let first = values.first,
      values.count <= CertificatePath.certificatesMax
    else { throw .unreadable("the SVID is not one to \(CertificatePath.certificatesMax) certificates in DER") }
    let leaf = try SVIDLeaf(der: first)
    guard leaf.id.description == announced else {
      throw .notAnSVID("the SVID is \(leaf.id), announced as \(SVIDLeaf.quoted(announced))")
    }
    let privateKey: Certificate.PrivateKey
    do {
      privateKey = try Certificate.PrivateKey(derBytes: key)
    } catch {
      // What the reader says of a key might quote it.
      throw .unreadable("the key of \(leaf.id) is not PKCS#8 of a kind that is known")
    }
    guard privateKey.publicKey == leaf.certificate.publicKey else {
      throw .notAnSVID("the key is not that of the SVID of \(leaf.id)")
    }
    var shown: [Certificate] = []
    for der in values.dropFirst() { shown.append(try SVIDLeaf.certificate(der)) }
    try CertificatePath.validate(leaf, shown: shown, roots: roots, now: now)
    self.leaf = leaf
    self.chain = values
    self.key = key
    self.hint = hint
  }

  /// Whether it can be shown now, in seconds since 1970.
  public func isCurrent(_ now: Int64) -> Bool { leaf.notBefore <= now && now <= leaf.notAfter }
}

extension X509SVID: CustomStringConvertible, CustomReflectable {
  public var description: String { "SVID of \(leaf.id)" }
  public var customMirror: Mirror { Mirror(self, children: ["id": "\(leaf.id)"]) }
}

/// What the Workload API said last: who the gateway is, and who vouches for others.
///
/// go-spiffe's word for the same. Every message of the API is the whole of it; nothing of the one before stays.
public struct X509Context: Sendable {
  /// The one in use.
  public let svid: X509SVID
  public let bundles: TrustBundles
  /// Other identities that the agent gave and nobody asked for.
  public let others: [SPIFFEID]

  public init(svid: X509SVID, bundles: TrustBundles, others: [SPIFFEID] = []) {
    self.svid = svid
    self.bundles = bundles
    self.others = others
  }
}
