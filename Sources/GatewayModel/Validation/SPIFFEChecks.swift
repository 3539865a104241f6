/// SPIFFE identities: that there is one to use, and that nothing else is configured beside it.
extension Validation {
  mutating func checkSPIFFE() {
    if `static`.spiffe?.workloadAPI != nil, `static`.spiffe?.workloadAPIAddr != nil {
      note(
        .conflict, at: ["spiffe", "workloadAPIAddr"], "spiffe has both workloadAPI and workloadAPIAddr",
        expected: "one of them", key: true)
    }
    if `static`.serversTransport.spiffe != nil {
      let path: ConfigurationPath = ["serversTransport"]
      checkHasIdentity(at: path)
      var beside: [String] = []
      if `static`.serversTransport.insecureSkipVerify { beside.append("insecureSkipVerify") }
      if !`static`.serversTransport.rootCAs.isEmpty { beside.append("rootCAs") }
      noteBeside(beside, at: path)
    }
    for element in dynamic.http.serversTransports where element.value.spiffe != nil {
      let path = Section.serversTransports.path.key(element.name)
      checkHasIdentity(at: path)
      var beside: [String] = []
      if element.value.serverName != nil { beside.append("serverName") }
      if !element.value.rootCAs.isEmpty { beside.append("rootCAs") }
      if !element.value.certificates.isEmpty { beside.append("certificates") }
      if element.value.insecureSkipVerify { beside.append("insecureSkipVerify") }
      noteBeside(beside, at: path)
    }
    for element in dynamic.tls.options where element.value.spiffe != nil {
      let path: ConfigurationPath = ["tls", "options", .key(element.name)]
      checkHasIdentity(at: path)
      noteBeside(isWritten(path.key("clientAuth")) ? ["clientAuth"] : [], at: path)
      if element.value.spiffe?.clients == .ignored, element.value.spiffe?.peers != SPIFFEPeers() {
        note(
          .conflict, at: path.key("spiffe").key("clients"),
          "\(path).spiffe names peers and asks no client who it is", expected: "clients: required or optional")
      }
    }
  }

  private mutating func checkHasIdentity(at path: ConfigurationPath) {
    // A static configuration that is not here (a dynamic file checked alone) may have one.
    guard `static`.spiffe == nil, sources.contains(where: { $0.role == .main }) else { return }
    note(
      .missingKey, at: path.key("spiffe"), "\(path).spiffe needs an identity of the gateway's own",
      expected: "spiffe.workloadAPI in the static configuration", key: true)
  }

  /// Traefik's rule: what TLS is checked by is one thing or the other.
  private mutating func noteBeside(_ keys: [String], at path: ConfigurationPath) {
    for key in keys {
      note(
        .conflict, at: path.key(key), "\(path) has both spiffe and \(key)",
        expected: "spiffe alone: peers are checked by their SVID, and the gateway shows its own", key: true)
    }
  }
}
