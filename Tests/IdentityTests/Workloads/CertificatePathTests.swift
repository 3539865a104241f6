import Foundation
import GatewayModel
import Testing
@_spi(FixedExpiryValidationTime) import X509

@testable import Identity

@Suite("A peer is who its trust domain's bundle says")
struct CertificatePathTests {
  typealias Plan = MadeCertificate.Plan

  private static func bundles(_ authorities: [String: [MadeCertificate]]) -> TrustBundles {
    var bundles = TrustBundles()
    for (name, made) in authorities {
      if let domain = TrustDomain(name) { bundles[domain] = made.map(\.certificate) }
    }
    return bundles
  }

  private func code(
    _ bundles: TrustBundles, _ chain: [MadeCertificate], peers: SPIFFEPeers = SPIFFEPeers(),
    now: Int64 = MadeCertificate.now
  ) throws -> String {
    let ders = try chain.map { try $0.der }
    return SVIDRefusal.code { _ = try bundles.verify(ders, peers: peers, now: now) }
  }

  @Test("directly, and over an intermediate that the peer shows, in any order and with strangers among them")
  func chains() throws {
    let root = try MadeCertificate(.authority("root"))
    let middle = try MadeCertificate(.authority("middle"), by: root)
    let lower = try MadeCertificate(.authority("lower"), by: middle)
    let stranger = try MadeCertificate(.authority("stranger"))
    let bundles = Self.bundles(["shop.example": [stranger, root]])
    let direct = try MadeCertificate(Plan(), by: root)
    let deep = try MadeCertificate(Plan(), by: lower)
    #expect(try code(bundles, [direct]) == "taken")
    #expect(try code(bundles, [deep, lower, middle]) == "taken")
    #expect(try code(bundles, [deep, stranger, middle, lower, root]) == "taken")
    #expect(try code(bundles, [deep, middle]) == "untrusted")
    #expect(try code(bundles, [deep]) == "untrusted")
    #expect(try code(bundles, []) == "no-certificate")
    #expect(try code(bundles, [deep] + Array(repeating: middle, count: 8)) == "unreadable")
  }

  @Test("a trust domain's peers are checked against its own bundle, and no other domain can sign for it")
  func federation() throws {
    let shop = try MadeCertificate(.authority("shop"))
    let other = try MadeCertificate(.authority("other"))
    let bundles = Self.bundles(["shop.example": [shop], "other.example": [other]])
    var foreign = Plan()
    foreign.uris = ["spiffe://other.example/ship"]
    #expect(try code(bundles, [MadeCertificate(foreign, by: other)]) == "taken")
    // Signed by an authority that is trusted, but for another domain.
    #expect(try code(bundles, [MadeCertificate(foreign, by: shop)]) == "untrusted")
    #expect(try code(bundles, [MadeCertificate(Plan(), by: other)]) == "untrusted")
    foreign.uris = ["spiffe://third.example/ship"]
    #expect(try code(bundles, [MadeCertificate(foreign, by: other)]) == "no-bundle")
  }

  @Test("a good SVID of somebody else is not admitted")
  func peers() throws {
    let root = try MadeCertificate(.authority("root"))
    let bundles = Self.bundles(["shop.example": [root]])
    let leaf = try MadeCertificate(Plan(), by: root)
    var peers = SPIFFEPeers()
    peers.ids = [try SPIFFEID("spiffe://shop.example/pay")]
    #expect(try code(bundles, [leaf], peers: peers) == "taken")
    peers.ids = [try SPIFFEID("spiffe://shop.example/payment")]
    #expect(try code(bundles, [leaf], peers: peers) == "not-admitted")
    peers.ids = []
    peers.idPrefixes = [try SPIFFEIDPrefix("spiffe://shop.example/pa")]
    #expect(try code(bundles, [leaf], peers: peers) == "not-admitted")
    peers.idPrefixes = [try SPIFFEIDPrefix("spiffe://shop.example")]
    #expect(try code(bundles, [leaf], peers: peers) == "taken")
  }

  @Test("time counts for leaf, intermediate and root")
  func times() throws {
    let root = try MadeCertificate(.authority("root"))
    var short = Plan.authority("middle")
    short.notAfter = MadeCertificate.now + 60
    let middle = try MadeCertificate(short, by: root)
    let leaf = try MadeCertificate(Plan(), by: middle)
    let bundles = Self.bundles(["shop.example": [root]])
    #expect(try code(bundles, [leaf, middle], now: MadeCertificate.now + 60) == "taken")
    #expect(try code(bundles, [leaf, middle], now: MadeCertificate.now + 61) == "expired")
    #expect(try code(bundles, [leaf, middle], now: MadeCertificate.now + 1801) == "expired")
    #expect(try code(bundles, [leaf, middle], now: MadeCertificate.now - 1801) == "expired")
  }

  @Test("an issuer has to be an authority that may")
  func authorities() throws {
    let root = try MadeCertificate(.authority("root", lengthMax: 0))
    let wide = try MadeCertificate(.authority("wide"))
    let middle = try MadeCertificate(.authority("middle"), by: root)
    let tight = Self.bundles(["shop.example": [root]])
    #expect(try code(tight, [MadeCertificate(Plan(), by: root)]) == "taken")
    #expect(try code(tight, [MadeCertificate(Plan(), by: middle), middle]) == "untrusted")
    let bundles = Self.bundles(["shop.example": [wide]])
    func issued(by change: (inout Plan) -> Void) throws -> String {
      var plan = Plan.authority("below")
      change(&plan)
      let below = try MadeCertificate(plan, by: wide)
      return try code(bundles, [MadeCertificate(Plan(), by: below), below])
    }
    #expect(try issued { _ in } == "taken")
    #expect(try issued { $0.authority = .notCertificateAuthority } == "untrusted")
    #expect(try issued { $0.authority = nil } == "untrusted")
    #expect(try issued { $0.usage = KeyUsage(digitalSignature: true) } == "untrusted")
    #expect(try issued { $0.criticalUnknown = true } == "untrusted")
    #expect(try issued { $0.constraints = NameConstraints(permittedURIDomains: ["shop.example"]) } == "taken")
    #expect(try issued { $0.constraints = NameConstraints(permittedURIDomains: ["other.example"]) } == "untrusted")
    #expect(try issued { $0.constraints = NameConstraints(forbiddenURIDomains: [".example"]) } == "untrusted")
    // A leaf that signs: the oldest mistake of all.
    let leaf = try MadeCertificate(Plan(), by: wide)
    var forged = Plan()
    forged.uris = ["spiffe://shop.example/admin"]
    #expect(try code(bundles, [MadeCertificate(forged, by: leaf), leaf]) == "untrusted")
    // The right issuer's name with another key's signature.
    let signer = try MadeCertificate(.authority("wide"))
    #expect(try code(bundles, [MadeCertificate(Plan(), by: wide, signedBy: signer.key)]) == "untrusted")
    var odd = Plan()
    odd.criticalUnknown = true
    #expect(try code(bundles, [MadeCertificate(odd, by: wide)]) == "untrusted")
  }

  @Test("authorities that signed each other end the search")
  func circles() throws {
    let first = try MadeCertificate(.authority("first"))
    let second = try MadeCertificate(.authority("second"), by: first)
    let leaf = try MadeCertificate(Plan(), by: second)
    let bundles = Self.bundles(["shop.example": [try MadeCertificate(.authority("root"))]])
    #expect(try code(bundles, [leaf, first, second, second, first, second]) == "untrusted")
  }

  /// Everything a hierarchy can have wrong at once, against swift-certificates' own verifier.
  @Test("over hundreds of random hierarchies this and swift-certificates' verifier agree")
  func differential() async throws {
    var generator = SeededRandom(seed: TestSeed.fixed)
    var taken = 0
    for round in 0..<300 {
      let roots = try (0..<2).map { number in
        let plan = Plan.authority("root\(number)", lengthMax: Bool.random(using: &generator) ? 1 : nil)
        return try MadeCertificate(Self.disturbed(plan, &generator))
      }
      var shown: [MadeCertificate] = []
      for number in 0..<Int.random(in: 0...3, using: &generator) {
        let above = (roots + shown).randomElement(using: &generator)
        let plan = Plan.authority("middle\(number)", lengthMax: Bool.random(using: &generator) ? 0 : nil)
        shown.append(try MadeCertificate(Self.disturbed(plan, &generator), by: above))
      }
      let issuer = (roots + shown).randomElement(using: &generator)
      let leaf = try MadeCertificate(Plan(), by: issuer)
      shown.shuffle(using: &generator)
      let trusted = Array(roots.prefix(Int.random(in: 1...2, using: &generator)))
      let ours = try code(Self.bundles(["shop.example": trusted]), [leaf] + shown)
      let theirs = await Self.library(leaf, shown, trusted)
      #expect((ours == "taken") == theirs, "round \(round): \(ours)")
      if theirs { taken += 1 }
    }
    // Both outcomes have to come often, or the comparison says nothing.
    #expect((60...270).contains(taken), "\(taken) taken")
  }

  private static func disturbed(_ plan: Plan, _ generator: inout SeededRandom) -> Plan {
    var plan = plan
    switch Int.random(in: 0..<12, using: &generator) {
    case 0: plan.notAfter = MadeCertificate.now - 1
    case 1: plan.notBefore = MadeCertificate.now + 1
    case 2: plan.authority = .notCertificateAuthority
    case 3: plan.criticalUnknown = true
    default: break
    }
    return plan
  }

  private static func library(
    _ leaf: MadeCertificate, _ shown: [MadeCertificate], _ roots: [MadeCertificate]
  ) async -> Bool {
    var verifier = Verifier(rootCertificates: CertificateStore(roots.map(\.certificate))) {
      RFC5280Policy(fixedExpiryValidationTime: Date(timeIntervalSince1970: TimeInterval(MadeCertificate.now)))
    }
    let result = await verifier.validate(
      leaf: leaf.certificate, intermediates: CertificateStore(shown.map(\.certificate)))
    if case .validCertificate = result { return true }
    return false
  }
}
