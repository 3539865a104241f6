import GatewayModel

/// Stopping: what ends first, the requests or the process.
enum DrainChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    drainAndExchanges(context) + gatewayPods(context) + serverPods(context)
  }

  /// The drain against the longest bounded exchange.
  private static func drainAndExchanges(_ context: LintContext) -> [Finding] {
    let drain = context.configuration.drain
    let longest = context.views.compactMap { view -> (view: RouterView, bound: WorstCase.Bound)? in
      WorstCase(view, context.configuration).response.map { (view, $0) }
    }.max { $0.bound.value < $1.bound.value }
    guard let longest, longest.bound.value > drain.grace else { return [] }
    return [
      context.finding(
        .drainShorterThanExchange, at: drain.path("graceTimeOut", at: drain.graceEntryPoint),
        "running requests get \(drain.grace.spelled) when the gateway stops, a response of "
          + "\(longest.view.router.name) "
          + "may be awaited for \(longest.bound.text): it is cut with the client waiting",
        advice: "set graceTimeOut to \(longest.bound.value.spelled) or more, or bound the exchange below it",
        related: [context.related(longest.view.path, "the router with the longest exchange")])
    ]
  }

  /// SIGKILL against the gateway's own drain.
  private static func gatewayPods(_ context: LintContext) -> [Finding] {
    let drain = context.configuration.drain
    return context.workloads.filter(\.runsGateway).compactMap { workload in
      let needed = workload.preStop + drain.accept + drain.grace
      guard needed > workload.terminationGrace else { return nil }
      let preStop = workload.preStop == .zero ? "" : "\(workload.preStop.spelled) preStop + "
      return Finding(
        .killedBeforeDrained, at: workload.terminationGraceLocation ?? workload.location, path: workload.name,
        "\(workload.kind) \(workload.name) is killed \(workload.terminationGrace.spelled) after it is told to "
          + "stop; its drain takes \(preStop)\(drain.accept.spelled) requestAcceptGraceTimeout + "
          + "\(drain.grace.spelled) graceTimeOut = \(needed.spelled)",
        advice: "set \(workload.graceKey) above \(needed.spelled)",
        related: [
          context.related(drain.path("graceTimeOut", at: drain.graceEntryPoint), "the drain")
        ])
    }
  }

  /// SIGKILL, and the news of the end, against requests that the gateway has under way.
  private static func serverPods(_ context: LintContext) -> [Finding] {
    context.targets.flatMap { target -> [Finding] in
      guard let head = target.transport.responseHeader else { return [] }
      return context.workloads(of: target.balancer).filter { !$0.runsGateway }.compactMap { workload in
        let left = workload.terminationGrace - workload.preStop
        guard left < head else { return nil }
        let preStop = workload.preStop == .zero ? "" : " - \(workload.preStop.spelled) preStop = \(left.spelled)"
        return Finding(
          .podKilledBeforeAnswer, at: workload.terminationGraceLocation ?? workload.location, path: workload.name,
          "\(workload.kind) \(workload.name) has \(workload.terminationGrace.spelled)\(preStop) to finish when it "
            + "stops, the gateway waits up to \(head.spelled) for a response of \(target.name): a slow one is "
            + "cut by SIGKILL",
          advice: "set \(workload.graceKey) above \((head + workload.preStop).spelled), or "
            + "responseHeaderTimeout below \(left.spelled)",
          related: [context.related(target.transport.timeout("responseHeaderTimeout"), "responseHeaderTimeout")])
      }
    }
  }
}
