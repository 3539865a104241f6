import GatewayModel

/// Probes of Kubernetes, by themselves.
enum ProbeChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    context.workloads.flatMap { workload in [asReadiness(workload), beforeStarted(workload)].compactMap(\.self) }
  }

  private static func asReadiness(_ workload: Workload) -> Finding? {
    guard let liveness = workload.liveness, let readiness = workload.readiness, liveness.target == readiness.target,
      !liveness.target.isEmpty,
      liveness.schedule.detection(of: .hangs).worst <= readiness.schedule.detection(of: .hangs).worst
    else { return nil }
    return Finding(
      .livenessAsReadiness, at: liveness.location, path: workload.name,
      "liveness and readiness of \(workload.kind) \(workload.name) both ask \(liveness.target), and liveness "
        + "gives up "
        + "after \(liveness.schedule.detection(of: .hangs).worst.spelled) at worst, no later than readiness: a "
        + "pod that "
        + "is busy is restarted instead of left alone",
      advice: "let liveness ask something that needs no other service, and raise its failureThreshold",
      related: [.init(location: readiness.location, what: "readinessProbe")])
  }

  private static func beforeStarted(_ workload: Workload) -> Finding? {
    guard let liveness = workload.liveness, workload.startup == nil else { return nil }
    let detection = liveness.schedule.detection(of: .refuses)
    let time = liveness.initialDelay + detection.best
    guard time < .seconds(30) else { return nil }
    return Finding(
      .livenessBeforeStarted, at: liveness.location, path: workload.name,
      "\(workload.kind) \(workload.name) has no startupProbe: a container that needs longer than "
        + "\(liveness.initialDelay.spelled) initialDelaySeconds + \(liveness.failureThreshold - 1) × "
        + "\(liveness.period.spelled) = \(time.spelled) to start is killed, again and again",
      advice: "add a startupProbe with a generous failureThreshold")
  }
}
