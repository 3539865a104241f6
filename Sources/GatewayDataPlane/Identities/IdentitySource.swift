public import Identity
import NIOConcurrencyHelpers
import NIOSSL

/// Where handshakes find the gateway's own SVID and the bundles to check peers with.
///
/// The problem: an SVID lives for an hour or less and is replaced while requests run. A Snapshot cannot hold it, or
/// every rotation would be a new generation. The rule: whoever speaks TLS by identity (an entry point's options, a
/// transport) has an `IdentityContexts` from here; publishing makes a new TLS context for each of them, off the event
/// loops, and puts it in place only when all could be made. A handshake that begins afterwards takes the new one.
/// Handshakes done, and the connections they made, are not touched: TLS never looks at a certificate again.
///
/// Bound: one context or two for each of those in use; holders that went with their Snapshot are forgotten.
public final class IdentitySource: Sendable {
  private struct Holder {
    weak var contexts: IdentityContexts?
  }

  private struct State {
    var context: X509Context?
    var holders: [Holder] = []
  }

  private let state = NIOLockedValueBox(State())

  public init() {}

  /// What the Workload API said last; nil before it said anything.
  public var current: X509Context? { state.withLockedValue { $0.context } }

  /// Puts another SVID and other bundles in force, for handshakes that begin from now on.
  ///
  /// - Throws: `SVIDRefusal.unreadable` when the TLS library does not take the SVID; what was in force stays.
  public func publish(_ context: X509Context) throws(SVIDRefusal) {
    let result = state.withLockedValue { state -> Result<Void, SVIDRefusal> in
      state.holders.removeAll { $0.contexts == nil }
      let holders = state.holders.compactMap(\.contexts)
      do {
        let material = try IdentityContexts.Material(context.svid)
        let made = try holders.map { try $0.make(material) }
        for (holder, made) in zip(holders, made) { holder.install(made) }
      } catch {
        return .failure(.unreadable("the TLS library does not take the SVID of \(context.svid.id): \(error)"))
      }
      state.context = context
      return .success(())
    }
    try result.get()
  }

  /// Contexts that follow every publication for as long as somebody holds them.
  func contexts(_ make: @escaping IdentityContexts.Maker) throws -> IdentityContexts {
    try state.withLockedValue { state in
      let contexts = IdentityContexts(make)
      if let svid = state.context?.svid { contexts.install(try contexts.make(IdentityContexts.Material(svid))) }
      state.holders.removeAll { $0.contexts == nil }
      state.holders.append(Holder(contexts: contexts))
      return contexts
    }
  }
}

/// The TLS contexts of one use of the SVID: an entry point's options, or a transport.
final class IdentityContexts: Sendable {
  /// Certificate and key as the TLS library wants them.
  struct Material {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    let notAfter: Int64

    init(_ svid: X509SVID) throws {
      chain = try svid.chain.map { try NIOSSLCertificate(bytes: $0, format: .der) }
      key = try NIOSSLPrivateKey(bytes: svid.key, format: .der)
      notAfter = svid.leaf.notAfter
    }
  }

  struct Made: Sendable {
    let http1: NIOSSLContext
    let negotiating: NIOSSLContext
    let notAfter: Int64
  }

  /// Makes the contexts: one for HTTP/1.1 alone and one that negotiates, which may be the same.
  typealias Maker = @Sendable (Material) throws -> (http1: NIOSSLContext, negotiating: NIOSSLContext)

  private let maker: Maker
  private let made = NIOLockedValueBox<Made?>(nil)

  fileprivate init(_ maker: @escaping Maker) {
    self.maker = maker
  }

  fileprivate func make(_ material: Material) throws -> Made {
    let contexts = try maker(material)
    return Made(http1: contexts.http1, negotiating: contexts.negotiating, notAfter: material.notAfter)
  }

  fileprivate func install(_ made: Made) { self.made.withLockedValue { $0 = made } }

  /// The contexts for a handshake that begins at `now`, in seconds since 1970.
  ///
  /// - Throws: `SVIDRefusal.noIdentity` when there is no SVID, or it has expired: a peer would refuse it anyway, and
  ///   say less.
  func current(_ now: Int64) throws(SVIDRefusal) -> Made {
    guard let made = made.withLockedValue({ $0 }) else {
      throw .noIdentity("the gateway has no SVID yet: the Workload API has not answered")
    }
    guard now <= made.notAfter else {
      throw .noIdentity("the gateway's own SVID expired \(now - made.notAfter) s ago and no other came")
    }
    return made
  }
}
