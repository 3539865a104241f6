import Foundation
import GatewayModel
import Identity
import Testing
import X509

@testable import WorkloadAPI

@Suite("A response of the Workload API")
struct X509ContextReaderTests {
  static let now = Date(timeIntervalSince1970: 1_800_000_000)
  static let seconds: Int64 = 1_800_000_000

  private struct Made {
    let authority: TrustDomainAuthority
    var response = WorkloadAPIMessages.SVIDResponse()

    init(_ ids: [(id: String, hint: String)] = [("spiffe://d/a", "")]) throws {
      authority = try TrustDomainAuthority(try #require(TrustDomain("d")), lifetime: 86400, now: now)
      for (id, hint) in ids {
        let issued = try authority.issue(try SPIFFEID(id), lifetime: 3600, now: now)
        var svid = WorkloadAPIMessages.SVID()
        svid.spiffeID = id
        svid.chain = issued.chain
        svid.key = issued.key
        svid.bundle = authority.der
        svid.hint = hint
        response.svids.append(svid)
      }
    }
  }

  private func read(
    _ response: WorkloadAPIMessages.SVIDResponse, hint: String? = nil, now: Int64 = seconds
  ) throws(SVIDRefusal) -> X509ContextReader.Reading {
    try X509ContextReader.read(WorkloadAPIMessages.write(response), hint: hint, now: now)
  }

  @Test("gives the first SVID, or the one with the hint")
  func chosen() throws {
    let made = try Made([("spiffe://d/a", "x"), ("spiffe://d/b", "y"), ("spiffe://d/c", "y")])
    let first = try read(made.response).context
    #expect(first.svid.id.description == "spiffe://d/a")
    #expect(first.others.map(\.description) == ["spiffe://d/b", "spiffe://d/c"])
    #expect(try read(made.response, hint: "y").context.svid.id.description == "spiffe://d/b")
    do throws(SVIDRefusal) {
      _ = try read(made.response, hint: "z")
      Issue.record("taken")
    } catch {
      #expect("\(error)" == "no SVID has the hint z, expected one of x, y, y")
    }
  }

  @Test("is taken whole or not at all: every mistake is a refusal with its reason")
  func refusals() throws {
    func code(_ change: (inout WorkloadAPIMessages.SVIDResponse) throws -> Void) throws -> String {
      var response = try Made().response
      try change(&response)
      do throws(SVIDRefusal) {
        _ = try read(response)
        return "taken"
      } catch { return error.code }
    }
    let other = try Made()
    #expect(try code { _ in } == "taken")
    #expect(try code { $0.svids = [] } == "unreadable")
    #expect(try code { $0.svids[0].spiffeID = "" } == "not-an-svid")
    #expect(try code { $0.svids[0].spiffeID = "spiffe://d/b" } == "not-an-svid")
    #expect(try code { $0.svids[0].chain = [] } == "unreadable")
    #expect(try code { $0.svids[0].chain = [1, 2, 3] } == "unreadable")
    #expect(try code { $0.svids[0].chain = $0.svids[0].bundle } == "not-an-svid")
    #expect(try code { $0.svids[0].key = [] } == "unreadable")
    #expect(try code { $0.svids[0].key = other.response.svids[0].key } == "not-an-svid")
    #expect(try code { $0.svids[0].bundle = [] } == "unreadable")
    #expect(try code { $0.svids[0].bundle = other.response.svids[0].bundle } == "untrusted")
    #expect(throws: SVIDRefusal.self) { try read(try Made().response, now: Self.seconds + 3601) }
    #expect(throws: SVIDRefusal.self) { try X509ContextReader.read([0x0A], hint: nil, now: Self.seconds) }
  }

  @Test("of another trust domain a broken bundle is left out and named, a whole one is there")
  func federated() throws {
    let other = try TrustDomainAuthority(try #require(TrustDomain("e")), lifetime: 86400, now: Self.now)
    var made = try Made()
    // The own domain's name there counts for nothing: the bundle beside the SVID does.
    made.response.federatedBundles = [
      ("spiffe://e", other.der), ("spiffe://f", [1]), ("nonsense!", other.der), ("spiffe://d", other.der),
    ]
    let reading = try read(made.response)
    #expect(reading.context.bundles.trustDomains.map(\.name) == ["d", "e"])
    #expect(reading.notes.count == 2)
    let own = try #require(TrustDomain("d"))
    #expect(reading.context.bundles[own] == [made.authority.certificate])
  }

  @Test("never shows its key")
  func secret() throws {
    let context = try read(try Made().response).context
    var text = ""
    dump(context.svid, to: &text)
    let key = context.svid.key.map { "\($0)" }.joined(separator: ", ")
    #expect(!"\(context.svid)".contains(key))
    #expect(text.utf8.count < 500, "\(text)")
  }
}
