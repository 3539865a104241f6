import GatewayModel

/// Collects the timeouts of a router from everywhere they are written.
///
/// The meanings are those of the data plane, where they differ from what a name suggests: `dialTimeout` counts twice
/// towards a server with TLS, once for the connection and once for the handshake; a handshake of a client has the time
/// of a head, at least a second; `writeTimeout` is the longest pause of a client that reads its response.
struct TimeoutTableBuilder {
  let configuration: ValidatedConfiguration
  let places: Places

  func table(_ view: RouterView) -> TimeoutTable {
    TimeoutTable(
      router: view.router.name, rule: view.router.ruleText, location: places.key(view.path),
      entryPoint: view.binding.entryPoint, usesTLS: view.usesTLS,
      timeouts: client(view) + exchange(view) + servers(view) + health(view) + stop(view),
      removals: removals(view), worstCase: WorstCase(view, configuration).summary)
  }

  private func client(_ view: RouterView) -> [TimeoutInForce] {
    let timeouts = view.entryPoint.transport.respondingTimeouts
    let path = ConfigurationPath.entryPoint(view.binding.entryPoint).key("transport")
    let responding = path.key("respondingTimeouts")
    func row(_ key: String, _ meaning: String, _ value: Duration) -> TimeoutInForce {
      TimeoutInForce(.client, key, meaning, value.bound, origin(responding.key(key), "entry point"))
    }
    var rows: [TimeoutInForce] = []
    if view.usesTLS {
      let handshake = max(timeouts.headTimeout, .seconds(1))
      rows.append(
        TimeoutInForce(
          .client, "TLS handshake", "as long as a head, at least 1s", handshake,
          origin(responding.key("headTimeout"), "entry point")))
    }
    rows += [
      row("headTimeout", "first byte of a request to the end of its head", timeouts.headTimeout),
      row("readTimeout", "first byte of a request to the end of its body", timeouts.readTimeout),
      row("writeTimeout", "a pause of a client that reads its response", timeouts.writeTimeout),
      row("idleTimeout", "between two requests", timeouts.idleTimeout),
      TimeoutInForce(
        .client, "keepAliveMaxTime", "life of a connection, ended between requests",
        view.entryPoint.transport.keepAliveMaxTime.bound, origin(path.key("keepAliveMaxTime"), "entry point")),
    ]
    if view.entryPoint.proxyProtocol != nil {
      rows.append(TimeoutInForce(.client, "PROXY header", "its arrival", .seconds(10), .builtIn))
    }
    return rows
  }

  private func servers(_ view: RouterView) -> [TimeoutInForce] {
    view.targets.flatMap { target -> [TimeoutInForce] in
      let transport = TransportInForce(target.balancer, configuration)
      func row(_ key: String, _ meaning: String, _ value: Duration?) -> TimeoutInForce {
        TimeoutInForce(
          .server, of: target.name, key, meaning, value, origin(transport.timeout(key), transport.level))
      }
      var rows = [row("dialTimeout", "making a connection", transport.dial)]
      if target.balancer.usesTLS {
        rows.append(
          TimeoutInForce(
            .server, of: target.name, "TLS handshake", "dialTimeout once more", transport.dial,
            origin(transport.timeout("dialTimeout"), transport.level)))
      }
      return rows + [
        row("responseHeaderTimeout", "end of the request to the response's head", transport.responseHeader),
        row("idleConnTimeout", "an idle connection is kept", transport.idle),
      ]
    }
  }

  private func stop(_ view: RouterView) -> [TimeoutInForce] {
    // The drain takes the longest of all entry points.
    let longest = configuration.drain
    return [
      TimeoutInForce(
        .stop, "requestAcceptGraceTimeout", "new requests are still taken", longest.accept,
        origin(longest.path("requestAcceptGraceTimeout", at: longest.acceptEntryPoint), "entry point")),
      TimeoutInForce(
        .stop, "graceTimeOut", "then running requests may finish", longest.grace,
        origin(longest.path("graceTimeOut", at: longest.graceEntryPoint), "entry point")),
    ]
  }

  func origin(_ path: ConfigurationPath, _ level: String) -> TimeoutInForce.Origin {
    if let location = places.value(path) { return .written(level: level, path: path.description, location: location) }
    return .standard(path: path.description)
  }
}

/// How long the gateway takes to stop: the longest of its entry points.
struct DrainInForce {
  var accept: Duration
  var acceptEntryPoint: String
  var grace: Duration
  var graceEntryPoint: String

  func path(_ key: String, at entryPoint: String) -> ConfigurationPath {
    .entryPoint(entryPoint).key("transport").key("lifeCycle").key(key)
  }
}

extension ValidatedConfiguration {
  var drain: DrainInForce {
    let cycles = `static`.entryPoints.map { ($0.name, $0.value.transport.lifeCycle) }
    let accept = cycles.max { $0.1.requestAcceptGraceTimeout < $1.1.requestAcceptGraceTimeout }
    let grace = cycles.max { $0.1.graceTimeOut < $1.1.graceTimeOut }
    return DrainInForce(
      accept: accept?.1.requestAcceptGraceTimeout ?? .zero, acceptEntryPoint: accept?.0 ?? "",
      grace: grace?.1.graceTimeOut ?? .seconds(10), graceEntryPoint: grace?.0 ?? "")
  }
}

extension LoadBalancer {
  var usesTLS: Bool { servers.contains { $0.url.scheme == .https } }
}

extension Duration {
  /// Zero means "none" in respondingTimeouts and forwardingTimeouts.
  var bound: Duration? { self == .zero ? nil : self }
}
