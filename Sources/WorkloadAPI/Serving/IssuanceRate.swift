import Crypto
import FoundationEssentials
import GatewayModel
import Identity

/// How many SVIDs one core issues in a second, and how many it checks.
public struct IssuanceRate: Sendable {
  /// With a new key for each, as the issuer does.
  public let perSecond: Double
  /// For a key that is there: certificate and signature alone, which is a server's part where agents make the keys.
  public let signedPerSecond: Double
  /// Peers checked against their bundle, as in a handshake: from DER to the verdict.
  public let checkedPerSecond: Double

  /// Does one after the other on this thread, each of the three for a third of the time.
  public static func measure(seconds: Double) throws -> IssuanceRate {
    let id = try SPIFFEID("spiffe://bench.example/workload")
    let now = Date()
    let authority = try TrustDomainAuthority(id.trustDomain, lifetime: 86400, now: now)
    let key = P256.Signing.PrivateKey()
    let chain = [try authority.issue(id, lifetime: 3600, now: now).chain]
    let bundles = TrustBundles([id.trustDomain: [authority.certificate]])
    let seconds1970 = Int64(now.timeIntervalSince1970)
    func rate(_ work: () throws -> Void) throws -> Double {
      let clock = ContinuousClock()
      let begin = clock.now
      let end = begin + .seconds(seconds / 3)
      var count = 0
      while clock.now < end {
        try work()
        count += 1
      }
      return Double(count) / ((clock.now - begin) / .seconds(1))
    }
    return IssuanceRate(
      perSecond: try rate { _ = try authority.issue(id, lifetime: 3600, now: now) },
      signedPerSecond: try rate { _ = try authority.issue(id, for: key, lifetime: 3600, now: now) },
      checkedPerSecond: try rate { _ = try bundles.verify(chain, peers: SPIFFEPeers(), now: seconds1970) })
  }
}
