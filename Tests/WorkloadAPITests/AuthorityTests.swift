import Foundation
import GRPCWire
import GatewayModel
import Identity
import Testing

@testable import WorkloadAPI

@Suite("The issuer for development")
struct AuthorityTests {
  @Test("an authority is announced at half of the other's life, signs from two thirds, and all are always trusted")
  func rotation() throws {
    let begin = Date(timeIntervalSince1970: 1_800_000_000)
    let domain = try #require(TrustDomain("d"))
    var rotation = try AuthorityRotation(domain, lifetime: 600, now: begin)
    let id = try SPIFFEID("spiffe://d/a")
    var changes: [Int: [AuthorityRotation.Change]] = [:]
    // What was issued, with the bundle that a peer had heard a minute before.
    var issued: [TrustDomainAuthority.Issued] = []
    var heard: [[UInt8]] = []
    for second in stride(from: 0, through: 3000, by: 10) {
      let now = begin.addingTimeInterval(TimeInterval(second))
      let news = try rotation.look(now)
      if !news.isEmpty { changes[second] = news }
      heard.append(rotation.bundle)
      let svid = try rotation.active.issue(id, lifetime: 120, now: now)
      issued.append(svid)
      var bundles = TrustBundles()
      bundles[domain] = try TrustBundles.certificates(der: heard[max(0, heard.count - 7)], of: domain)
      let chain = try #require(DERSequence.split(svid.chain))
      _ = try bundles.verify(chain, peers: SPIFFEPeers(), now: Int64(now.timeIntervalSince1970))
      #expect(rotation.authorities.count <= 3)
      // The SVID of two minutes ago is still vouched for by the bundle of now.
      if issued.count > 10 {
        bundles[domain] = try TrustBundles.certificates(der: rotation.bundle, of: domain)
        let old = try #require(DERSequence.split(issued[issued.count - 11].chain))
        _ = try bundles.verify(old, peers: SPIFFEPeers(), now: Int64(now.timeIntervalSince1970))
      }
    }
    #expect(changes[300] == [.announced])
    #expect(changes[400] == [.activated])
    #expect(changes[610] == [.announced] || changes[610] == [.retired] || changes[610] == [.retired, .announced])
  }

  @Test("asks again after pauses that double, unless the question was wrong")
  func retry() {
    var retry = WorkloadAPIRetry()
    let ends: [GRPCEnd] = [.closed, .broken("x"), .status(7, message: "denied"), .status(14, message: "")]
    var last: [Int64] = []
    for turn in 0..<12 {
      guard case .again(let pause) = retry.ended(ends[turn % 4], chance: 1) else {
        Issue.record("stopped")
        return
      }
      last.append(pause)
    }
    #expect(last == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000])
    #expect(retry.ended(.closed, chance: 0) == .again(milliseconds: 15_000))
    retry.heard()
    #expect(retry.ended(.closed, chance: 0) == .again(milliseconds: 50))
    #expect(retry.ended(.status(3, message: ""), chance: 0) == .stop)
    #expect(retry.ended(.status(12, message: ""), chance: 0) == .stop)
  }
}
