import GatewayModel
import GRPCWire
public import Identity
import X509

/// Makes an `X509Context` of a response's bytes, or says why it cannot be used.
///
/// A response is the whole truth: what it does not have is withdrawn. So it is taken whole or not at all; with half of
/// one, peers would be refused for want of a bundle that the agent meant to send. The exception is a federated bundle
/// that cannot be read: the own trust domain must not stop for another one's mistake, so it is left out and named.
public enum X509ContextReader {
  /// A context, and what was left out of it.
  public struct Reading: Sendable {
    public var context: X509Context
    /// Sentences for the operator.
    public var notes: [String] = []
  }

  /// - Parameters:
  ///   - hint: which SVID is wanted; nil: the first.
  ///   - now: seconds since 1970.
  public static func read(_ bytes: [UInt8], hint: String?, now: Int64) throws(SVIDRefusal) -> Reading {
    let response: WorkloadAPIMessages.SVIDResponse
    do throws(MalformedProtobuf) {
      response = try WorkloadAPIMessages.read(bytes)
    } catch {
      throw .unreadable("no response of the Workload API")
    }
    guard !response.svids.isEmpty else { throw .unreadable("a response without an SVID") }
    // Of several with one hint the first counts (Workload API section 5.2.1).
    let chosen = hint.map { hint in response.svids.first { $0.hint == hint } } ?? response.svids[0]
    guard let chosen else {
      let known = response.svids.map { $0.hint.isEmpty ? "\($0.spiffeID) (no hint)" : $0.hint }
      throw .noIdentity("no SVID has the hint \(hint ?? ""), expected one of \(known.joined(separator: ", "))")
    }
    var bundles = TrustBundles()
    var notes = federated(response, into: &bundles)
    for svid in response.svids {
      guard let domain = domain(svid.spiffeID) else {
        throw .notAnSVID("the agent announced an SVID without a SPIFFE ID")
      }
      // The own domain's bundle comes with its SVID; a federated entry of the same name counts for nothing.
      bundles[domain] = try TrustBundles.certificates(der: svid.bundle, of: domain)
    }
    guard let own = domain(chosen.spiffeID), let roots = bundles[own] else {
      throw .noBundle("a response without the bundle of \(chosen.spiffeID)")
    }
    let svid = try X509SVID(
      chain: chosen.chain, key: chosen.key, announced: chosen.spiffeID, hint: chosen.hint, roots: roots, now: now)
    let others = response.svids.filter { $0 != chosen }.compactMap { try? SPIFFEID($0.spiffeID) }
    if response.revocationLists > 0 { notes.append("revocation lists are not looked at") }
    return Reading(context: X509Context(svid: svid, bundles: bundles, others: others), notes: notes)
  }

  private static func federated(
    _ response: WorkloadAPIMessages.SVIDResponse, into bundles: inout TrustBundles
  ) -> [String] {
    var notes: [String] = []
    for entry in response.federatedBundles {
      guard let domain = TrustDomain(entry.domain) else {
        notes.append("a federated bundle of no trust domain is left out")
        continue
      }
      do throws(SVIDRefusal) {
        bundles[domain] = try TrustBundles.certificates(der: entry.bundle, of: domain)
      } catch {
        notes.append("\(error); it is left out")
      }
    }
    return notes
  }

  private static func domain(_ id: String) -> TrustDomain? { (try? SPIFFEID(id))?.trustDomain }
}
