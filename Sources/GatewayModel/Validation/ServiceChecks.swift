/// Services and what they are made of.
extension Validation {
  mutating func checkServices() {
    for element in dynamic.http.services {
      let path = Section.services.path.key(element.name)
      switch element.value {
      case .loadBalancer(let balancer):
        checkBalancer(balancer, at: path.key("loadBalancer"))
      case .weighted(let weighted):
        for (index, service) in weighted.services.enumerated() where !service.name.isEmpty {
          checkReference(service.name, to: .services, at: path.key("weighted").key("services").index(index).key("name"))
        }
      case .failover(let failover):
        for (key, name) in [("service", failover.service), ("fallback", failover.fallback)] where !name.isEmpty {
          checkReference(name, to: .services, at: path.key("failover").key(key))
        }
      }
    }
    let services = dynamic.http.services
    checkCycles(services.names, in: .services) { name in
      switch services[name] {
      case .weighted(let weighted)?: weighted.services.map(\.name)
      case .failover(let failover)?: [failover.service, failover.fallback]
      case .loadBalancer?, nil: []
      }
    }
  }

  private mutating func checkBalancer(_ balancer: LoadBalancer, at path: ConfigurationPath) {
    if let transport = balancer.serversTransport {
      checkReference(transport, to: .serversTransports, at: path.key("serversTransport"))
    }
    for (index, server) in balancer.servers.enumerated() where !server.preservePath {
      guard !server.url.path.isEmpty, server.url.path != "/" else { continue }
      note(
        .warning, .conflict, at: path.key("servers").index(index).key("url"),
        "the path \(Decoding.quote(server.url.path)) of the server is not used", expected: "preservePath: true")
    }
  }

  /// Notes each circle once, at the first of its members in the file, and marks what stands above something unusable.
  mutating func checkCycles(_ names: [String], in section: Section, children: (String) -> [String]) {
    // 0: not seen, 1: above on the current way, 2: done.
    var state: [String: Int] = [:]
    let known = Set(names)
    var noted: Set<String> = []
    for start in names where state[start] == nil {
      // A way instead of recursion: a file may chain ten thousand services.
      var way: [(name: String, rest: ArraySlice<String>)] = [(start, children(start)[...])]
      state[start] = 1
      while let (name, rest) = way.last {
        guard let next = rest.first else {
          state[name] = 2
          way.removeLast()
          continue
        }
        way[way.count - 1].rest = rest.dropFirst()
        switch state[next] {
        case 1? where noted.insert(next).inserted:
          let circle = way.map(\.name).drop { $0 != next } + [next]
          note(
            .cycle, at: section.path.key(next),
            "the \(section.noun) \(Decoding.quote(next)) leads back to itself: "
              + circle.prefix(10).joined(separator: " → "), expected: "no circle", key: true)
        case nil:
          if known.contains(next) {
            state[next] = 1
            way.append((next, children(next)[...]))
          }
        default:
          break
        }
      }
    }
    spreadUnusable(names, in: section, children: children)
  }

  /// What is made of something unusable is unusable.
  private mutating func spreadUnusable(_ names: [String], in section: Section, children: (String) -> [String]) {
    guard var bad = unusable[section], !bad.isEmpty else { return }
    var grew = true
    while grew {
      grew = false
      for name in names where !bad.contains(name) && children(name).contains(where: bad.contains) {
        bad.insert(name)
        grew = true
      }
    }
    unusable[section] = bad
  }
}
