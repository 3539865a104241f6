/// What happens to one server that dies while two probes watch it: the gateway's, which takes traffic away, and the
/// liveness probe of Kubernetes, which restarts the pod.
///
/// The two know nothing of each other, so between them lies a hole. The times are counted from the death; a pod that
/// dies while it starts has its own row, because the liveness probe is silent for `initialDelay`. A container's start
/// takes as long as it takes: it is an argument, zero when nobody knows, and the words then say "+ start".
public struct ProbeTimeLine: Sendable, Equatable {
  public var gateway: ProbeSchedule
  /// Between probes of a server that is down.
  public var unhealthyInterval: Duration
  /// Successes in a row that bring a server back.
  public var rise: Int
  public var liveness: ProbeSchedule
  public var initialDelay: Duration
  /// From SIGTERM to SIGKILL.
  public var terminationGrace: Duration
  /// From the new container to its first answer.
  public var start: Duration

  public init(
    gateway: ProbeSchedule, unhealthyInterval: Duration? = nil, rise: Int = 1, liveness: ProbeSchedule,
    initialDelay: Duration = .zero, terminationGrace: Duration = .seconds(30), start: Duration = .zero
  ) {
    self.gateway = gateway
    self.unhealthyInterval = unhealthyInterval ?? gateway.interval
    self.rise = max(rise, 1)
    self.liveness = liveness
    self.initialDelay = initialDelay
    self.terminationGrace = terminationGrace
    self.start = start
  }

  /// The gateway sends nothing more; until then requests fail.
  public var removed: Span { gateway.detection(of: .hangs) }

  /// The liveness probe gives up: SIGTERM.
  public var killed: Span { liveness.detection(of: .hangs) }

  /// The same for a server that hangs while it starts, from the start of the container.
  public var killedWhileStarting: Span {
    let detection = liveness.detection(of: .hangs)
    return Span(best: initialDelay + detection.best, worst: initialDelay + detection.worst)
  }

  /// The old process is gone: at best it obeys SIGTERM at once, at worst SIGKILL ends it.
  public var stopped: Span { killed + Span(best: .zero, worst: terminationGrace) }

  /// The gateway sends again. At worst the restart is noticed an interval late.
  public var back: Span {
    let rising = unhealthyInterval * (rise - 1)
    return stopped + Span(best: start + rising, worst: start + rising + unhealthyInterval)
  }

  /// How long the server gets nothing though it is wanted: from the removal to the return. Zero when the pod is back
  /// before the gateway has noticed anything.
  public var hole: Span {
    Span(best: max(.zero, back.best - removed.worst), worst: max(.zero, back.worst - removed.best))
  }

  /// The same for a server that hangs as it starts.
  public var holeWhileStarting: Span {
    let later = killedWhileStarting
    let back = self.back
    return Span(
      best: max(.zero, back.best + later.best - killed.best - removed.worst),
      worst: max(.zero, back.worst + later.worst - killed.worst - removed.best))
  }

  /// Whether the pod may be restarted while the gateway still sends to it.
  public var restartsBeforeRemoval: Bool { killed.best < removed.worst }
}
