import GatewayModel

/// Idle connections: of two ends, the one that sends next must be the one that closes first.
///
/// A connection that the receiving end closes while a request is on its way loses that request, and the sender cannot
/// know whether it was acted on (RFC 9112 section 9.3.1). So towards servers the gateway has to let go first, and
/// towards a balancer in front the gateway has to let go last.
enum IdleChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    clients(context) + servers(context) + balancers(context)
  }

  private static func clients(_ context: LintContext) -> [Finding] {
    context.configuration.static.entryPoints.flatMap { element -> [Finding] in
      let timeouts = element.value.transport.respondingTimeouts
      let path = ConfigurationPath.entryPoint(element.name).key("transport").key("respondingTimeouts")
      guard timeouts.idleTimeout == .zero else { return [] }
      return [
        context.finding(
          .idleUnbounded, at: path.key("idleTimeout"),
          "idleTimeout of \(element.name) is 0s: a client that connects and sends nothing holds its connection "
            + "for ever",
          advice: "write a time, such as the default of 180s")
      ]
    }
  }

  private static func servers(_ context: LintContext) -> [Finding] {
    var findings: [Finding] = []
    var unknown: [String] = []
    for target in context.targets where !target.balancer.servers.isEmpty {
      let told = context.workloads(of: target.balancer).compactMap(\.idleTimeout)
      guard target.transport.maxIdleConnsPerHost >= 0 else { continue }
      if told.isEmpty { unknown.append(target.name) }
      for told in told where told.value > .zero {
        let path = target.transport.timeout("idleConnTimeout")
        let idle = target.transport.idle
        if let idle, idle < told.value { continue }
        findings.append(
          context.finding(
            .serverIdleShorter, at: path, or: .service(target.name),
            "idle connections to \(target.name) are kept for \(idle?.spelled ?? "ever"), its servers close them "
              + "after "
              + "\(told.value.spelled) (\(told.source)): a request sent in between is lost",
            advice: "set idleConnTimeout below \(told.value.spelled), or let the servers keep connections "
              + "longer than "
              + "\(idle?.spelled ?? "the gateway")",
            related: [.init(location: told.location, what: "\(told.source): \(told.value.spelled)")]))
      }
    }
    return findings + unknownServers(unknown, context)
  }

  /// One note for all of them: it asks for knowledge, not for a change.
  private static func unknownServers(_ names: [String], _ context: LintContext) -> [Finding] {
    guard !names.isEmpty else { return [] }
    let idle = context.targets.compactMap(\.transport.idle).max()
    let list = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    return [
      context.finding(
        .serverIdleUnknown, at: ["http", "services", .key(names[0])],
        "the gateway keeps idle connections for \(idle?.spelled ?? "ever"); how long the servers of \(list) keep "
          + "them is not known",
        advice:
          "make sure it is longer there (Node.js keeps 5s, gunicorn 2s, uvicorn 5s, nginx 75s), or let --with read "
          + "it from a manifest")
    ]
  }

  private static func balancers(_ context: LintContext) -> [Finding] {
    var findings: [Finding] = []
    for told in context.manifests.balancerIdleTimes {
      for element in context.configuration.static.entryPoints {
        let idle = element.value.transport.respondingTimeouts.idleTimeout
        guard idle != .zero, idle <= told.value else { continue }
        let path = ConfigurationPath.entryPoint(element.name).key("transport").key("respondingTimeouts")
        findings.append(
          context.finding(
            .balancerIdleLonger, at: path.key("idleTimeout"),
            "\(element.name) closes idle connections after \(idle.spelled), the balancer in front keeps them for "
              + "\(told.value.spelled) (\(told.source)): it answers 502 when it uses one that was just closed",
            advice: "set idleTimeout above \(told.value.spelled)",
            related: [.init(location: told.location, what: "\(told.source): \(told.value.spelled)")]))
      }
    }
    return findings
  }
}
