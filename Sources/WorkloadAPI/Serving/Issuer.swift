public import FoundationEssentials
public import GatewayModel
import GRPCWire

/// Decides who gets which SVIDs, and makes them: the development issuer without its socket.
///
/// A workload is known by its user's number, which the kernel says of a Unix socket's peer and nobody can claim
/// (SO_PEERCRED); every registration whose selector fits is its identity, in the order of the file.
struct Issuer {
  private(set) var registrations: [RegistrationFile.Registration]
  /// PEM bundles of other trust domains, as DER.
  private(set) var federated: [(domain: String, bundle: [UInt8])]
  private var rotation: AuthorityRotation
  private(set) var lifetime: TimeInterval

  init(_ settings: IssuerSettings, now: Date) throws {
    registrations = settings.registrations
    federated = settings.federated.map { ($0.domain.id, $0.bundle) }
    lifetime = settings.lifetime
    rotation = try AuthorityRotation(settings.trustDomain, lifetime: settings.authorityLifetime, now: now)
  }

  /// Other registrations; the authorities stay.
  mutating func replace(_ settings: IssuerSettings) {
    registrations = settings.registrations
    federated = settings.federated.map { ($0.domain.id, $0.bundle) }
    lifetime = settings.lifetime
  }

  var authorities: [TrustDomainAuthority] { rotation.authorities }

  mutating func look(_ now: Date) throws -> [AuthorityRotation.Change] { try rotation.look(now) }

  /// A response for this user's processes, with the IDs in it; nil when none is registered.
  func svids(uid: UInt32, now: Date) throws -> (message: [UInt8], ids: [SPIFFEID], notAfter: Date)? {
    var response = WorkloadAPIMessages.SVIDResponse()
    var ids: [SPIFFEID] = []
    var notAfter = Date.distantFuture
    for registration in registrations where registration.selector?.selects(uid) == true {
      guard let id = registration.id else { continue }
      let issued = try rotation.active.issue(id, dnsNames: registration.dnsNames, lifetime: lifetime, now: now)
      var svid = WorkloadAPIMessages.SVID()
      svid.spiffeID = id.description
      svid.chain = issued.chain
      svid.key = issued.key
      svid.bundle = rotation.bundle
      svid.hint = registration.hint ?? ""
      response.svids.append(svid)
      ids.append(id)
      notAfter = min(notAfter, issued.notAfter)
    }
    guard !ids.isEmpty else { return nil }
    response.federatedBundles = federated
    return (WorkloadAPIMessages.write(response), ids, notAfter)
  }

  /// All bundles; nil when nothing is registered for this user.
  func bundles(uid: UInt32) -> [UInt8]? {
    guard registrations.contains(where: { $0.selector?.selects(uid) == true }) else { return nil }
    return WorkloadAPIMessages.write(
      bundles: [(rotation.active.trustDomain.id, rotation.bundle)] + federated)
  }
}

/// What an issuer is made of.
public struct IssuerSettings: Sendable {
  public var trustDomain: TrustDomain
  public var lifetime: TimeInterval
  public var authorityLifetime: TimeInterval
  public var registrations: [RegistrationFile.Registration]
  /// Bundles of other trust domains: DER, one behind the other.
  public var federated: [(domain: TrustDomain, bundle: [UInt8])]

  public init(
    trustDomain: TrustDomain, lifetime: TimeInterval, authorityLifetime: TimeInterval,
    registrations: [RegistrationFile.Registration], federated: [(domain: TrustDomain, bundle: [UInt8])] = []
  ) {
    self.trustDomain = trustDomain
    self.lifetime = lifetime
    self.authorityLifetime = authorityLifetime
    self.registrations = registrations
    self.federated = federated
  }
}
