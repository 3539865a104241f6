import GatewayModel

/// Bounds that are missing, and bounds that contradict each other.
enum DeadlineChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    requests(context) + responses(context)
  }

  private static func requests(_ context: LintContext) -> [Finding] {
    context.configuration.static.entryPoints.flatMap { element -> [Finding] in
      let timeouts = element.value.transport.respondingTimeouts
      let path = ConfigurationPath.entryPoint(element.name).key("transport").key("respondingTimeouts")
      var findings: [Finding] = []
      if timeouts.readTimeout == .zero {
        let head = timeouts.headTimeout == .zero ? " nor does headTimeout" : ""
        findings.append(
          context.finding(
            .requestUnbounded, at: path.key("readTimeout"),
            "readTimeout of \(element.name) is 0s: nothing ends a request whose body comes a byte at a time\(head)",
            advice: "write the time of the longest upload you expect"))
      } else if timeouts.headTimeout > timeouts.readTimeout {
        findings.append(
          context.finding(
            .headLongerThanRequest, at: path.key("headTimeout"),
            "headTimeout of \(element.name) is \(timeouts.headTimeout.spelled), longer than the "
              + "\(timeouts.readTimeout.spelled) that the whole request has: it never comes to bear",
            advice: "set headTimeout below readTimeout",
            related: [context.related(path.key("readTimeout"), "readTimeout")]))
      }
      return findings
    }
  }

  /// One note for each transport, not for each router: there is one place to change.
  private static func responses(_ context: LintContext) -> [Finding] {
    var seen: Set<ConfigurationPath> = []
    return context.views.flatMap { view -> [Finding] in
      guard WorstCase(view, context.configuration).response == nil else { return [] }
      return view.targets.compactMap { target in
        let transport = TransportInForce(target.balancer, context.configuration)
        let path = transport.timeout("responseHeaderTimeout")
        guard transport.responseHeader == nil, !target.balancer.servers.isEmpty, seen.insert(path).inserted else {
          return nil
        }
        return context.finding(
          .responseUnbounded, at: path, or: .service(target.name),
          "responseHeaderTimeout is 0s: a server of \(target.name) that takes a request and never answers holds the "
            + "request, its connection and the client until the client leaves",
          advice: "set \(path) above the slowest answer you expect")
      }
    }
  }
}
