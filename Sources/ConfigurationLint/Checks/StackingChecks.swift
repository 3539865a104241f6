import GatewayModel

/// The gateway's probes: by themselves, beside a breaker, and beside those of Kubernetes.
enum StackingChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    let probed = context.views.flatMap { view in view.targets.map { (view, $0) } }.filter {
      $0.1.balancer.healthCheck != nil
    }
    let own = probed.map(\.1).filter { seen.insert($0.name).inserted }
    return own.flatMap { intervals($0, context) + kubernetes($0, context) } + breakers(probed, context)
      + failovers(context)
  }

  private static func path(_ target: RouterView.Target) -> ConfigurationPath {
    .service(target.name).key("loadBalancer").key("healthCheck")
  }

  /// One probe against the interval, and its parts against the whole.
  private static func intervals(_ target: RouterView.Target, _ context: LintContext) -> [Finding] {
    guard let check = target.balancer.healthCheck else { return [] }
    var findings: [Finding] = []
    let phases = check.phases(usesTLS: target.balancer.usesTLS)
    let sum = phases.reduce(Duration.zero) { $0 + $1.value }
    let text = phases.map { "\($0.value.spelled) \($0.key)" }.joined(separator: " + ")
    let longest = check.longest(usesTLS: target.balancer.usesTLS)
    if longest > check.interval {
      let how =
        longest == sum && longest < check.timeout ? "\(text) = \(sum.spelled)" : "\(check.timeout.spelled) timeout"
      let pace = check.schedule.detection(of: .hangs).worst
      findings.append(
        context.finding(
          .probeLongerThanInterval, at: path(target).key("interval"),
          "a probe of \(target.name) may take \(how), longer than its interval of \(check.interval.spelled): "
            + "probes of a "
            + "server that hangs come every \(longest.spelled), and it is out after \(pace.spelled) at worst",
          advice: "set interval above \(longest.spelled), or timeout below \(check.interval.spelled)"))
    }
    if phases.count > 1 ? sum > check.timeout : phases.contains(where: { $0.value > check.timeout }) {
      findings.append(
        context.finding(
          .phasesLongerThanProbe, at: path(target).key("timeouts"),
          "the parts of a probe of \(target.name) may take "
            + "\(text)\(phases.count > 1 ? " = \(sum.spelled)" : ""), the whole "
            + "probe \(check.timeout.spelled): the last of them never comes to bear",
          advice: "set timeout to \(sum.spelled) or more, or the parts lower",
          related: [context.related(path(target).key("timeout"), "timeout")]))
    }
    return findings
  }

  /// A breaker that closes again before the probe has found the server dead lets requests through to it.
  private static func breakers(
    _ probed: [(RouterView, RouterView.Target)], _ context: LintContext
  ) -> [Finding] {
    var seen: Set<String> = []
    return probed.flatMap { view, target -> [Finding] in
      guard let check = target.balancer.healthCheck else { return [] }
      let detection = check.schedule.detection(of: .hangs).worst
      return view.all(\.circuitBreaker).compactMap { breaker in
        let open = breaker.value.openTime
        guard open.value < detection, seen.insert("\(breaker.name) \(target.name)").inserted else { return nil }
        return context.finding(
          .breakerShorterThanDetection, at: .middleware(breaker.name).key("circuitBreaker").key(open.key),
          "\(breaker.name) is open for \(open.value.spelled), the probe of \(target.name) needs up to "
            + "\(check.schedule.sum) = \(detection.spelled) to take a "
            + "server out: the breaker tries again while the dead server still gets its share",
          advice: "set \(open.key) above \(detection.spelled), or probe more often",
          related: [context.related(path(target), "the probe")])
      }
    }
  }

  private static func failovers(_ context: LintContext) -> [Finding] {
    let used = Set(context.reach.services(from: context.configuration.routers.map(\.service)))
    return context.http.services.compactMap { element in
      guard used.contains(element.name), case .failover(let failover) = element.value else { return nil }
      let balancers = context.reach.balancers(of: failover.service)
      guard !balancers.isEmpty, balancers.contains(where: { $0.balancer.healthCheck == nil }) else { return nil }
      let bare = balancers.filter { $0.balancer.healthCheck == nil }.map(\.name).joined(separator: ", ")
      return context.finding(
        .failoverWithoutProbe, at: .service(element.name).key("failover"),
        "\(element.name) goes over to \(failover.fallback) when \(failover.service) has no server left, but "
          + "nothing probes "
          + "\(bare): only servers that refuse connections are noticed, by requests that fail",
        advice: "give it a healthCheck")
    }
  }

  // MARK: - Beside Kubernetes

  private static func kubernetes(_ target: RouterView.Target, _ context: LintContext) -> [Finding] {
    guard let check = target.balancer.healthCheck else { return [] }
    return context.workloads(of: target.balancer).flatMap { workload -> [Finding] in
      var findings: [Finding] = []
      if let liveness = workload.liveness {
        let line = ProbeTimeLine(
          gateway: check.schedule, unhealthyInterval: check.unhealthyInterval, rise: check.rise,
          liveness: liveness.schedule, initialDelay: liveness.initialDelay,
          terminationGrace: liveness.terminationGrace ?? workload.terminationGrace)
        findings.append(stacked(target, workload, liveness, line, context))
        if line.restartsBeforeRemoval { findings.append(restart(target, workload, liveness, line, context)) }
      }
      let detection = check.schedule.detection(of: .refuses).worst
      if workload.kind != "compose service", !workload.isBehindVirtualAddress, workload.preStop < detection {
        findings.append(
          Finding(
            .stopBeforeRemoval, at: workload.terminationGraceLocation ?? workload.location, path: workload.name,
            "\(workload.kind) \(workload.name) closes its port \(workload.preStop.spelled) after it is told to "
              + "stop, the "
              + "gateway notices after up to \(check.fall) × \(check.interval.spelled) = \(detection.spelled): "
              + "each roll-out "
              + "costs requests for \((detection - workload.preStop).spelled)",
            advice: "add a preStop hook that sleeps \(detection.spelled), with terminationGracePeriodSeconds "
              + "above it",
            related: [context.related(path(target), "the gateway's probe")]))
      }
      return findings
    }
  }

  private static func stacked(
    _ target: RouterView.Target, _ workload: Workload, _ liveness: Workload.Probe, _ line: ProbeTimeLine,
    _ context: LintContext
  ) -> Finding {
    var message =
      "a server of \(target.name) that hangs gets no traffic after \(line.removed.best.spelled) to "
      + "\(line.removed.worst.spelled), its pod is restarted after \(line.killed.best.spelled) to "
      + "\(line.killed.worst.spelled) (\(workload.kind) \(workload.name)): it serves nothing for "
      + "\(line.hole.best.spelled) "
      + "to \(line.hole.worst.spelled) and as long as it takes to start"
    if workload.isBehindVirtualAddress, workload.replicas > 1 {
      message +=
        "; the Service spreads probes over its \(workload.replicas) pods, so that one dead pod is seen less "
        + "often than the "
        + "picture says"
    }
    return Finding(
      .probesStacked, at: liveness.location, path: workload.name, message,
      advice: "keep the gateway's probe the quicker one, and liveness for what a restart mends",
      related: [context.related(path(target), "the gateway's probe")], picture: TimeLinePicture(line: line).lines)
  }

  private static func restart(
    _ target: RouterView.Target, _ workload: Workload, _ liveness: Workload.Probe, _ line: ProbeTimeLine,
    _ context: LintContext
  ) -> Finding {
    Finding(
      .restartBeforeRemoval, at: liveness.location, path: workload.name,
      "the liveness probe of \(workload.kind) \(workload.name) may restart it after "
        + "\(line.killed.best.spelled), the gateway "
        + "takes it out after \(line.removed.worst.spelled) at worst: requests go to a pod that is being restarted",
      advice: "probe more often from the gateway, or raise failureThreshold of the liveness probe",
      related: [context.related(path(target), "the gateway's probe")])
  }
}
