import GatewayModel
import Identity
import NIOCore
import NIOSSL

/// Checks a peer's SVID inside the handshake: once a connection, nothing a request.
///
/// It runs on the event loop: a chain takes less than a fifth of the handshake (Documentation/performance.md), and a
/// hop to another thread would cost every handshake two turns of the loop.
struct PeerCheck: Sendable {
  let source: IdentitySource
  let peers: SPIFFEPeers

  /// Who the peer is. `chain` has its leaf first.
  func verify(_ chain: [NIOSSLCertificate]) throws(SVIDRefusal) -> SPIFFEID {
    guard let context = source.current else { throw .noIdentity("the Workload API has not answered yet") }
    var ders: [[UInt8]] = []
    for certificate in chain { ders.append(try Self.der(certificate)) }
    return try context.bundles.verify(ders, peers: peers, now: WallClock.seconds()).id
  }

  /// A session that was resumed: its chain was verified when it began, by a context that lives no longer than the
  /// bundles it was verified against. What may have changed since is the time, and that is looked at.
  func verifyResumed(_ leaf: NIOSSLCertificate?) throws(SVIDRefusal) -> SPIFFEID {
    guard let leaf else { throw .noCertificate }
    let svid = try SVIDLeaf(der: try Self.der(leaf))
    let now = WallClock.seconds()
    guard now <= svid.notAfter else {
      throw .expired("the SVID of a resumed session expired \(now - svid.notAfter) s ago")
    }
    guard peers.admits(svid.id) else { throw .notAdmitted("\(svid.id) is not among the peers") }
    return svid.id
  }

  private static func der(_ certificate: NIOSSLCertificate) throws(SVIDRefusal) -> [UInt8] {
    do {
      return try certificate.toDERBytes()
    } catch {
      throw .unreadable("a certificate that cannot be written again: \(error)")
    }
  }

  /// The TLS library's way to ask: `told` gets the outcome before the handshake goes on.
  func callback(
    _ told: @escaping (Result<SPIFFEID, SVIDRefusal>) -> Void
  ) -> NIOSSLCustomVerificationCallback {
    { chain, verdict in
      do throws(SVIDRefusal) {
        told(.success(try verify(chain)))
        verdict.succeed(.certificateVerified)
      } catch {
        told(.failure(error))
        verdict.succeed(.failed)
      }
    }
  }
}

/// TLS of an entry point by the gateway's SVID: `tls.options.NAME.spiffe`.
final class ServedIdentity: Sendable {
  private let contexts: IdentityContexts
  let check: PeerCheck
  let demand: SPIFFEClients.Demand

  init(contexts: IdentityContexts, check: PeerCheck, demand: SPIFFEClients.Demand) {
    self.contexts = contexts
    self.check = check
    self.demand = demand
  }

  /// - Parameter told: called with what became of the client's SVID, unless it shows none or resumes a session.
  /// - Throws: `SVIDRefusal.noIdentity`.
  func handler(_ told: @escaping (Result<SPIFFEID, SVIDRefusal>) -> Void) throws(SVIDRefusal) -> NIOSSLServerHandler {
    let context = try contexts.current(WallClock.seconds()).negotiating
    guard demand != .ignored else { return NIOSSLServerHandler(context: context) }
    return NIOSSLServerHandler(context: context, customVerificationCallback: check.callback(told))
  }
}
