/// Where the gateway gets its own identity from: an X.509-SVID and the bundles to check others with.
///
/// Source: Traefik v3, reference/install-configuration/tls/spiffe; SPIFFE Workload Endpoint section 4.
public struct SPIFFESettings: Sendable, Equatable {
  /// `unix:///run/spire/agent.sock` or `tcp://127.0.0.1:8000`. Nil: `workloadAPIAddr`, else the environment's
  /// `SPIFFE_ENDPOINT_SOCKET`.
  public var workloadAPI: String?
  /// Traefik's name for the same.
  public var workloadAPIAddr: String?
  /// Which of several SVIDs is the gateway's, by the agent's hint. Nil: the first, the standard's default.
  public var hint: String?
  /// How long the start waits for the first SVID before it fails; zero does not wait.
  public var startTimeout: Duration = .seconds(30)

  public init() {}

  /// The address as configured.
  public var address: String? { workloadAPI ?? workloadAPIAddr }
}

/// Which peers are who they should be. Without any of the three, every peer whose SVID is good.
///
/// Source: Traefik v3, serversTransport `spiffe`: ids come before the trust domain.
public struct SPIFFEPeers: Sendable, Equatable {
  public var ids: [SPIFFEID] = []
  /// Ours: IDs at or below these.
  public var idPrefixes: [SPIFFEIDPrefix] = []
  /// Counts when there are neither `ids` nor `idPrefixes`.
  public var trustDomain: TrustDomain?

  public init() {}

  /// Whether this workload may be the peer.
  public func admits(_ id: SPIFFEID) -> Bool {
    if ids.contains(id) || idPrefixes.contains(where: { $0.admits(id) }) { return true }
    guard ids.isEmpty, idPrefixes.isEmpty else { return false }
    return trustDomain == nil || trustDomain == id.trustDomain
  }
}

/// Ours: `tls.options.NAME.spiffe`. The gateway shows its SVID, and clients show theirs.
public struct SPIFFEClients: Sendable, Equatable {
  public var clients = Demand.required
  public var peers = SPIFFEPeers()

  /// Whether clients have to have an SVID.
  public enum Demand: String, Sendable, CaseIterable {
    /// A client without one is refused.
    case required
    /// A client may come without one; one that it shows has to be good.
    case optional
    /// None is asked for.
    case ignored
  }

  public init() {}
}
