/// The keys of SPIFFE identities: the gateway's own, servers', clients'.
///
/// Source: Traefik v3, pkg/config/static (spiffe), pkg/config/dynamic (Spiffe).

extension SPIFFESettings: ConfigurationRecord {
  static let table = ConfigurationTable<SPIFFESettings>(
    "SPIFFESettings", "The gateway's own identity, from the SPIFFE Workload API.",
    [
      .key(
        "workloadAPI", \.workloadAPI, .optional(.workloadAPIAddress), ours: true,
        default: "the environment's SPIFFE_ENDPOINT_SOCKET", "Where the Workload API is. workloadAPIAddr is the same."),
      .key("workloadAPIAddr", \.workloadAPIAddr, .optional(.workloadAPIAddress), "Traefik's name for workloadAPI."),
      .key(
        "hint", \.hint, .optional(.some("a hint")), ours: true, default: "the first SVID",
        "Which of several SVIDs is the gateway's: the one with this hint."),
      .key(
        "startTimeout", \.startTimeout, .duration, ours: true,
        "How long the start waits for the first SVID before it fails; 0s does not wait. Traefik waits for ever."),
    ])
}

extension SPIFFEPeers: ConfigurationRecord {
  static let table = ConfigurationTable<SPIFFEPeers>(
    "SPIFFEPeers", "Which peers are taken: {} takes every one whose SVID is good, federated ones too.",
    rows(\SPIFFEPeers.ids, \SPIFFEPeers.idPrefixes, \SPIFFEPeers.trustDomain))

  /// The same rows for every record that holds peers.
  static func rows<Owner: ConfigurationRecord>(
    _ ids: any (WritableKeyPath<Owner, [SPIFFEID]> & Sendable),
    _ idPrefixes: any (WritableKeyPath<Owner, [SPIFFEIDPrefix]> & Sendable),
    _ trustDomain: any (WritableKeyPath<Owner, TrustDomain?> & Sendable)
  ) -> [ConfigurationTable<Owner>.Row] {
    [
      .key("ids", ids, .list(.spiffeID), "These IDs."),
      .key(
        "idPrefixes", idPrefixes, .list(.spiffeIDPrefix), ours: true,
        "IDs at or below these, by whole segments; spiffe://shop.example for a whole trust domain."),
      .key(
        "trustDomain", trustDomain, .optional(.trustDomain),
        "IDs of this trust domain. Counts only without ids and idPrefixes, as in Traefik."),
    ]
  }
}

extension SPIFFEClients: ConfigurationRecord {
  static let table = ConfigurationTable<SPIFFEClients>(
    "SPIFFEClients", "The gateway shows its SVID instead of a certificate, and asks clients for theirs.",
    [
      .key(
        "clients", \.clients, .word(), ours: true,
        "Whether a client has to show an SVID, may, or is not asked for one.")
    ] + SPIFFEPeers.rows(
        \SPIFFEClients.peers.ids, \SPIFFEClients.peers.idPrefixes, \SPIFFEClients.peers.trustDomain))
}

extension ValueFormat<String> {
  /// SPIFFE Workload Endpoint section 4: `unix:///path`, or `tcp://` with an IP address and a port.
  static var workloadAPIAddress: Self {
    text(
      "a socket such as unix:///run/spire/agent.sock, or tcp:// with an IP address and a port",
      pattern: "^(unix:///.+|unix:/[^/].*|tcp://.+:[0-9]+)$") { WorkloadAPIAddress($0) != nil }
  }
}

extension ValueFormat<SPIFFEID> {
  static var spiffeID: Self {
    spiffe("a SPIFFE ID such as spiffe://shop.example/ns/prod/sa/pay", pattern: "^spiffe://[a-z0-9._-]+/.+") {
      text throws(SPIFFEIDMistake) in try SPIFFEID(text)
    }
  }
}

extension ValueFormat<SPIFFEIDPrefix> {
  static var spiffeIDPrefix: Self {
    spiffe("the beginning of SPIFFE IDs such as spiffe://shop.example/ns/prod", pattern: "^spiffe://[a-z0-9._-]+") {
      text throws(SPIFFEIDMistake) in try SPIFFEIDPrefix(text)
    }
  }
}

extension ValueFormat<TrustDomain> {
  static var trustDomain: Self {
    scalar(.string(expectation: "a trust domain such as shop.example", pattern: "^(spiffe://)?[a-z0-9._-]+$")) {
      TrustDomain($0)
    }
  }
}

extension ValueFormat where Value: CustomStringConvertible {
  /// A text of SPIFFE's grammar; what is broken is said beside what was expected.
  fileprivate static func spiffe(
    _ expectation: String, pattern: String,
    _ make: @escaping @Sendable (String) throws(SPIFFEIDMistake) -> Value
  ) -> Self {
    Self(.string(expectation: expectation, pattern: pattern), text: { "\"\($0)\"" }) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expectation) }
      do throws(SPIFFEIDMistake) {
        return try make(scalar.text)
      } catch {
        return decoding.refuse(
          node, expected: "\(expectation) (\(error))", suggestion: repaired(scalar.text, make))
      }
    }
  }

  /// The usual slips: the scheme left out, capitals in the trust domain, a slash at the end.
  private static func repaired(
    _ text: String, _ make: (String) throws(SPIFFEIDMistake) -> Value
  ) -> String? {
    var rest = text.lowercased().hasPrefix(SPIFFEID.scheme) ? text.dropFirst(SPIFFEID.scheme.count) : text[...]
    while rest.hasSuffix("/") { rest = rest.dropLast() }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let guess = SPIFFEID.scheme + rest[..<slash].lowercased() + rest[slash...]
    return (try? make(guess)) != nil ? guess : nil
  }
}
