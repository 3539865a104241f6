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
        checkSign(failover.service, at: path.key("failover").key("service"))
      case .highestRandomWeight(let hashed):
        for (index, service) in hashed.services.enumerated() where !service.name.isEmpty {
          let place = path.key("highestRandomWeight").key("services").index(index).key("name")
          checkReference(service.name, to: .services, at: place)
        }
      case .mirroring(let mirroring):
        check(mirroring, at: path.key("mirroring"))
      }
    }
    let services = dynamic.http.services
    checkCycles(services.names, in: .services) { name in
      services[name]?.parts ?? []
    }
  }

  /// A failover has to know when its first service is down. Traefik refuses one without health checks; here connections
  /// that cannot be made are a sign too, so it is only told.
  private mutating func checkSign(_ name: String, at path: ConfigurationPath) {
    var seen: Set<String> = []
    var names = [name]
    while let next = names.popLast() {
      guard seen.insert(next).inserted, let service = dynamic.http.services[next] else { continue }
      names += service.answeringParts
      guard case .loadBalancer(let balancer) = service, balancer.healthCheck == nil,
        balancer.passiveHealthCheck == nil, balancer.outlierDetection == nil
      else { continue }
      return note(
        .warning, .conflict, at: path,
        "\(path): \(Decoding.quote(next)) has no healthCheck: only failed connections lead to the fallback",
        expected: "healthCheck or passiveHealthCheck in its loadBalancer")
    }
  }

  private mutating func check(_ mirroring: Mirroring, at path: ConfigurationPath) {
    if !mirroring.service.isEmpty { checkReference(mirroring.service, to: .services, at: path.key("service")) }
    for (index, mirror) in mirroring.mirrors.enumerated() where !mirror.name.isEmpty {
      let place = path.key("mirrors").index(index)
      checkReference(mirror.name, to: .services, at: place.key("name"))
      if !isWritten(place.key("percent")) {
        note(
          .warning, .conflict, at: place, "\(Decoding.quote(mirror.name)) gets no copies: it has no percent",
          expected: "a percent from 1 to 100")
      }
    }
    if mirroring.mirrors.isEmpty {
      note(.warning, .conflict, at: path, "\(path) has no mirrors: nothing is copied", expected: "mirrors", key: true)
    }
    if !mirroring.mirrorBody && isWritten(path.key("maxBodySize")) {
      note(
        .warning, .conflict, at: path.key("maxBodySize"), "\(path).maxBodySize has no effect without bodies",
        expected: "mirrorBody: true", key: true)
    }
  }

  private mutating func check(_ check: HealthCheck, at path: ConfigurationPath) {
    let shortest = min(check.interval, check.unhealthyInterval ?? check.interval)
    if check.timeout > shortest {
      note(
        .warning, .conflict, at: path.key(isWritten(path.key("timeout")) ? "timeout" : "interval"),
        "\(path): a probe may take \(DurationText.text(check.timeout)) and the next is due after "
          + "\(DurationText.text(shortest)): it ends then", expected: "a timeout not over the interval")
    }
    if check.mode == .grpc {
      for key in ["path", "method", "status", "headers", "followRedirects"] where isWritten(path.key(key)) {
        note(
          .warning, .conflict, at: path.key(key), "\(path).\(key) has no effect on probes by gRPC",
          expected: "mode: http", key: true)
      }
    }
  }

  private mutating func checkBalancer(_ balancer: LoadBalancer, at path: ConfigurationPath) {
    if balancer.passiveHealthCheck != nil && balancer.outlierDetection != nil {
      note(
        .conflict, at: path.key("outlierDetection"), "\(path) has passiveHealthCheck and outlierDetection",
        expected: "one of them", key: true)
    }
    if let check = balancer.healthCheck { self.check(check, at: path.key("healthCheck")) }
    if balancer.hashBy != HashBy() && balancer.strategy != .hrw {
      note(
        .warning, .conflict, at: path.key("hashBy"), "\(path).hashBy has no effect without strategy hrw",
        expected: "strategy: hrw", key: true)
    }
    if balancer.hashBy.header != nil && balancer.hashBy.cookie != nil {
      note(
        .conflict, at: path.key("hashBy"), "\(path).hashBy has a header and a cookie", expected: "one of them",
        key: true)
    }
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

extension Service {
  /// The services it is made of, by name.
  package var parts: [String] {
    switch self {
    case .loadBalancer: []
    case .weighted(let weighted): weighted.services.map(\.name)
    case .failover(let failover): [failover.service, failover.fallback]
    case .highestRandomWeight(let hashed): hashed.services.map(\.name)
    case .mirroring(let mirroring): [mirroring.service] + mirroring.mirrors.map(\.name)
    }
  }

  /// Those of its parts that may answer a request: all but mirrors.
  package var answeringParts: [String] {
    if case .mirroring(let mirroring) = self { [mirroring.service] } else { parts }
  }
}
