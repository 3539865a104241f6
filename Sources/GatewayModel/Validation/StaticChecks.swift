/// Entry points, providers, and the endpoints of the gateway itself.
extension Validation {
  mutating func checkStatic() {
    if `static`.entryPoints.isEmpty, !declaresEntryPoints {
      // Traefik's own fallback (pkg/config/static, SetEffectiveConfiguration).
      var entryPoint = EntryPoint()
      entryPoint.address = ListenAddress(host: "", port: 80)
      `static`.entryPoints["http"] = entryPoint
      if sources.contains(where: { $0.role == .main && $0.root?.isSection == true }) {
        note(
          .warning, .missingKey, at: [], "no entry point is defined: the gateway listens on :80, as \"http\"",
          expected: "entryPoints")
      }
    }
    checkAddresses()
    for element in `static`.entryPoints {
      let path: ConfigurationPath = ["entryPoints", .key(element.name), "http"]
      for (index, name) in element.value.http.middlewares.enumerated() {
        checkReference(name, to: .middlewares, at: path.key("middlewares").index(index))
      }
      if let tls = element.value.http.tls { checkOptions(tls, at: path.key("tls").key("options")) }
      let http = element.value.http
      if let written = http.limits.requestLineBytes, written > http.headBytesMax {
        note(
          .conflict, at: path.key("limits").key("requestLineBytes"),
          "requestLineBytes is \(written), more than a whole head may have",
          expected: "at most \(http.headBytesMax)")
      }
    }
    checkProvider()
    checkEndpoint(`static`.ping.map { ($0.entryPoint, $0.manualRouting) }, at: ["ping", "entryPoint"])
    checkEndpoint(
      `static`.metrics.prometheus.map { ($0.entryPoint, $0.manualRouting) },
      at: ["metrics", "prometheus", "entryPoint"])
    checkBuckets()
  }

  private var declaresEntryPoints: Bool { sources.contains { $0.root?.entry("entryPoints") != nil } }

  private mutating func checkAddresses() {
    var taken: [ListenAddress: String] = [`static`.admin.address: "admin"]
    for element in `static`.entryPoints where element.value.address.port != 0 {
      if let other = taken[element.value.address] {
        note(
          .conflict, at: ["entryPoints", .key(element.name), "address"],
          "\(element.value.address) is the address of \(other) too", expected: "an address of its own")
      } else {
        taken[element.value.address] = element.name
      }
    }
  }

  private mutating func checkProvider() {
    guard let file = `static`.providers.file else { return }
    if file.filename != nil, file.directory != nil {
      note(
        .conflict, at: ["providers", "file", "directory"], "providers.file has both filename and directory",
        expected: "one of them", key: true)
    } else if file.filename == nil, file.directory == nil {
      note(
        .missingKey, at: ["providers", "file"], "providers.file has neither filename nor directory",
        expected: "one of them", key: true)
    }
  }

  /// The entry point `traefik` need not be defined: the admin server stands for it.
  private mutating func checkEndpoint(_ endpoint: (entryPoint: String, manual: Bool)?, at path: ConfigurationPath) {
    guard let (name, manual) = endpoint, !manual, name != "traefik", `static`.entryPoints[name] == nil else { return }
    noteUnknownEntryPoint(name, at: path)
  }

  mutating func noteUnknownEntryPoint(_ name: String, at path: ConfigurationPath) {
    // An entry point with a wrong address is declared all the same.
    if sources.contains(where: { $0.root?.entry("entryPoints")?.value.entry(name)?.key == name }) { return }
    let names = `static`.entryPoints.names
    let suggestion = Suggestion.nearest(to: name, in: names)
    note(
      .unknownReference, at: path, "there is no entry point \(Decoding.quote(name))",
      expected: suggestion == nil ? "one of \(names.joined(separator: ", "))" : nil, suggestion: suggestion)
  }

  private mutating func checkBuckets() {
    guard let buckets = `static`.metrics.prometheus?.buckets else { return }
    for index in buckets.indices.dropFirst() where buckets[index] <= buckets[index - 1] {
      note(
        .wrongValue, at: ["metrics", "prometheus", "buckets", .index(index)],
        "the bucket \(buckets[index]) does not come after \(buckets[index - 1])", expected: "ascending buckets")
    }
  }

  mutating func checkOptions(_ tls: RouterTLS, at path: ConfigurationPath) {
    if tls.options != "default" { checkReference(tls.options, to: .tlsOptions, at: path) }
  }

  /// What `entryPoints.*.http.redirections` makes, the port looked up.
  mutating func redirections() -> NamedValues<ValidatedRedirection> {
    var all: NamedValues<ValidatedRedirection> = [:]
    for element in `static`.entryPoints {
      guard let redirect = element.value.http.redirections.entryPoint, !redirect.to.isEmpty else { continue }
      let path: ConfigurationPath = ["entryPoints", .key(element.name), "http", "redirections", "entryPoint", "to"]
      var port: UInt16?
      if redirect.to.hasPrefix(":") {
        port = ListenAddress(redirect.to)?.port
        if port == nil || port == 0 {
          note(.wrongValue, at: path, "\(Decoding.quote(redirect.to)) is no port", expected: "a port such as :443")
        }
      } else if redirect.to == element.name {
        note(.cycle, at: path, "the entry point \(element.name) redirects to itself", expected: "another entry point")
      } else if let target = `static`.entryPoints[redirect.to] {
        port = target.address.port
      } else {
        noteUnknownEntryPoint(redirect.to, at: path)
      }
      guard let port else { continue }
      all[element.name] = ValidatedRedirection(
        scheme: redirect.scheme, port: port, permanent: redirect.permanent, priority: redirect.priority)
    }
    return all
  }

  mutating func checkTLS() {
    for element in dynamic.tls.options {
      let path: ConfigurationPath = ["tls", "options", .key(element.name)]
      if let newest = element.value.maxVersion, newest < element.value.minVersion {
        note(
          .conflict, at: path.key("maxVersion"), "maxVersion \(newest.rawValue) is older than minVersion",
          expected: "\(element.value.minVersion.rawValue) or newer")
      }
      let client = element.value.clientAuth
      if client.caFiles.isEmpty,
        client.clientAuthType == .verifyClientCertIfGiven || client.clientAuthType == .requireAndVerifyClientCert
      {
        note(
          .missingKey, at: path.key("clientAuth").key("clientAuthType"),
          "\(client.clientAuthType.rawValue) has nobody to trust", expected: "caFiles")
      }
    }
    for name in dynamic.tls.stores.names where name != "default" {
      note(
        .warning, .wrongValue, at: ["tls", "stores", .key(name)], "the store \(Decoding.quote(name)) is not used",
        expected: "the store default, the only one", key: true)
    }
  }
}
