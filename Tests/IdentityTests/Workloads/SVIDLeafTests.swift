import GatewayModel
import Testing
import X509

@testable import Identity

@Suite("The leaf of an X.509-SVID")
struct SVIDLeafTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: String
    var change: @Sendable (inout MadeCertificate.Plan) -> Void
  }

  static let cases: [Case] = [
    Case(testDescription: "as the standard wants it", code: "taken") { _ in },
    Case(testDescription: "host names beside the ID", code: "taken") { $0.dnsNames = ["a.example", "b.example"] },
    Case(testDescription: "no extended key usage", code: "taken") { $0.purposes = nil },
    Case(testDescription: "no basic constraints", code: "taken") { $0.authority = nil },
    Case(testDescription: "no URI", code: "not-an-svid") { $0.uris = [] },
    Case(testDescription: "two IDs", code: "not-an-svid") { $0.uris = ["spiffe://a/b", "spiffe://a/c"] },
    Case(testDescription: "an ID and another URI", code: "not-an-svid") { $0.uris.append("https://a.example") },
    Case(testDescription: "another URI", code: "not-an-svid") { $0.uris = ["https://a.example"] },
    Case(testDescription: "an ID without a path", code: "not-an-svid") { $0.uris = ["spiffe://shop.example"] },
    Case(testDescription: "an ID with capitals", code: "not-an-svid") { $0.uris = ["spiffe://Shop.example/a"] },
    Case(testDescription: "an ID with a dot segment", code: "not-an-svid") { $0.uris = ["spiffe://a/../b"] },
    Case(testDescription: "an ID with a line break", code: "not-an-svid") { $0.uris = ["spiffe://a/b\nc"] },
    Case(testDescription: "an authority", code: "not-an-svid") {
      $0.authority = .isCertificateAuthority(maxPathLength: nil)
    },
    Case(testDescription: "no key usage", code: "not-an-svid") { $0.usage = nil },
    Case(testDescription: "no digitalSignature", code: "not-an-svid") { $0.usage = KeyUsage(keyAgreement: true) },
    Case(testDescription: "keyCertSign", code: "not-an-svid") {
      $0.usage = KeyUsage(digitalSignature: true, keyCertSign: true)
    },
    Case(testDescription: "cRLSign", code: "not-an-svid") {
      $0.usage = KeyUsage(digitalSignature: true, cRLSign: true)
    },
    Case(testDescription: "for servers only", code: "not-an-svid") { $0.purposes = [.serverAuth] },
    Case(testDescription: "for clients only", code: "not-an-svid") { $0.purposes = [.clientAuth] },
  ]

  @Test("keeps every rule, or is refused", arguments: cases)
  func rules(_ example: Case) throws {
    var plan = MadeCertificate.Plan()
    example.change(&plan)
    let made = try MadeCertificate(plan)
    #expect(SVIDRefusal.code { _ = try SVIDLeaf(der: made.der) } == example.code)
  }

  @Test("its times and its ID are read")
  func values() throws {
    let leaf = try SVIDLeaf(der: try MadeCertificate(MadeCertificate.Plan()).der)
    #expect(leaf.id.description == "spiffe://shop.example/pay")
    #expect(leaf.notBefore == MadeCertificate.now - 1800)
    #expect(leaf.notAfter == MadeCertificate.now + 1800)
  }

  @Test("what a log shows of a stranger's ID is on one line")
  func quoted() throws {
    var plan = MadeCertificate.Plan()
    plan.uris = ["spiffe://a/b\nINFO all is well"]
    let der = try MadeCertificate(plan).der
    do throws(SVIDRefusal) {
      _ = try SVIDLeaf(der: der)
      Issue.record("taken")
    } catch {
      #expect(!"\(error)".contains("\n"))
    }
  }

  @Test("every cut and five thousand changed bytes end in a value, not in a trap")
  func broken() throws {
    let der = try MadeCertificate(MadeCertificate.Plan()).der
    for end in der.indices { #expect(SVIDRefusal.code { _ = try SVIDLeaf(der: Array(der[..<end])) } == "unreadable") }
    var generator = SeededRandom(seed: TestSeed.fixed)
    for _ in 0..<5000 {
      var bytes = der
      bytes[Int.random(in: bytes.indices, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
      _ = SVIDRefusal.code { _ = try SVIDLeaf(der: bytes) }
    }
  }

  @Test("DER values one behind the other are split, and nothing else is")
  func sequences() throws {
    let one = try MadeCertificate(MadeCertificate.Plan()).der
    let small: [UInt8] = [0x30, 3, 1, 2, 3]
    #expect(DERSequence.split([]) == [])
    #expect(DERSequence.split(one + small + one) == [one, small, one])
    for bytes: [UInt8] in [
      [0x30], [0x31, 0], [0x30, 1], [0x30, 0x80, 0, 0], [0x30, 0x81, 5, 1, 2, 3, 4, 5], [0x30, 0x82, 0, 0x90],
      [0x30, 0x85, 1, 1, 1, 1, 1], [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], one + [0],
    ] {
      #expect(DERSequence.split(bytes) == nil)
    }
    #expect(DERSequence.split(Array(repeating: small, count: 65).flatMap(\.self)) == nil)
  }
}
