public import FoundationEssentials
public import GatewayModel
import X509

/// The authorities of a trust domain over time: which one signs, and which ones are trusted.
///
/// The problem: an SVID signed by an authority that a peer has not heard of is refused. The rule is SPIRE's: the next
/// authority is announced at half of the present one's life and signs from two thirds of it, so that everybody had the
/// sixth in between to hear of it; an old one is trusted until it expires, and so are the SVIDs it signed. Time is an
/// argument. Bound: three authorities.
public struct AuthorityRotation: Sendable {
  /// What changed, for those who are told of it.
  public enum Change: Sendable, Equatable {
    /// The bundle has one more.
    case announced
    /// Another one signs.
    case activated
    /// The bundle has one less.
    case retired
  }

  private let lifetime: TimeInterval
  private var retired: [TrustDomainAuthority] = []
  public private(set) var active: TrustDomainAuthority
  private var activeSince: Date
  private var next: (authority: TrustDomainAuthority, since: Date)?

  public init(_ trustDomain: TrustDomain, lifetime: TimeInterval, now: Date) throws {
    self.lifetime = lifetime
    active = try TrustDomainAuthority(trustDomain, lifetime: lifetime, now: now)
    activeSince = now
  }

  /// All that are trusted, the one that signs first.
  public var authorities: [TrustDomainAuthority] { [active] + retired + (next.map { [$0.authority] } ?? []) }

  /// The bundle as the Workload API sends it.
  public var bundle: [UInt8] { authorities.flatMap(\.der) }

  /// Called every so often.
  public mutating func look(_ now: Date) throws -> [Change] {
    var changes: [Change] = []
    let before = retired.count
    retired.removeAll { $0.certificate.notValidAfter < now }
    if retired.count < before { changes.append(.retired) }
    let age = now.timeIntervalSince(activeSince)
    if next == nil, age >= lifetime / 2 {
      next = (try TrustDomainAuthority(active.trustDomain, lifetime: lifetime, now: now), now)
      changes.append(.announced)
    } else if let (authority, since) = next, age >= lifetime * 2 / 3 {
      retired = Array(([active] + retired).prefix(1))
      active = authority
      activeSince = since
      next = nil
      changes.append(.activated)
    }
    return changes
  }
}
