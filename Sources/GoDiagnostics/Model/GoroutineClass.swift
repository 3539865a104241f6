/// What a group of goroutines is: work, normal waiting, or a leak of some certainty.
public enum GoroutineClass: String, Sendable, Codable, CaseIterable {
  /// The runtime or our own mark found it unreachable.
  case provenLeaked = "proven-leaked"
  /// Waits for something that cannot happen: a nil channel, a select without cases.
  case stuckForever = "stuck-forever"
  /// Several wait for one mutex.
  case lockConvoy = "lock-convoy"
  /// Many alike have waited long for another goroutine, or their number grows.
  case stuckCandidate = "stuck-candidate"
  /// Waits for the world: network, files, system calls, C.
  case blockedExternal = "blocked-external"
  /// Waits for another goroutine, as programs do.
  case waiting
  /// Waits that are known to be idle: servers' connections, signal loops, timers.
  case normal
  /// On a processor or able to be.
  case running
  /// The runtime's own.
  case system
}

/// From how many and from when on waiting is suspicious.
public struct ClassThresholds: Sendable {
  /// Goroutines of one signature.
  public var count = 10
  /// Their wait. Sources without waits (pprof) need ten times the count instead.
  public var minutes = 10
  /// Goroutines that wait for one mutex.
  public var convoy = 3

  public init() {}
}

extension GoroutineClass {
  /// - Parameters:
  ///   - convoys: addresses of mutexes that enough goroutines wait for, over all groups.
  ///   - grows: the group grew between two snapshots.
  static func of(_ group: GoroutineGroup, _ limits: ClassThresholds, convoys: Set<UInt64>, grows: Bool = false)
    -> GoroutineClass
  {
    let goroutine = group.sample
    if goroutine.leaked { return .provenLeaked }
    if goroutine.isSystem { return .system }
    let state = WaitState.refined(goroutine)
    switch state {
    case "chan receive (nil chan)", "chan send (nil chan)": return .stuckForever
    case "select (no cases)": return isMain(goroutine) ? .normal : .stuckForever
    case "running", "runnable", "preempted", "copystack": return .running
    case "sleep": return .normal
    case "IO wait": return LeakPattern.isIdleServer(goroutine) ? .normal : .blockedExternal
    case "syscall":
      return goroutine.frames.contains { $0.function.hasPrefix("os/signal.") } ? .normal : .blockedExternal
    default: break
    }
    if group.locks.keys.contains(where: convoys.contains) { return .lockConvoy }
    // "unknown": text profiles do not tell; a hundred alike are worth a look all the same.
    guard WaitState.synchronizing.contains(state) || state == "unknown" else { return .normal }
    if isMain(goroutine), group.count == 1 { return .waiting }
    let aged = group.minutesMax.map { $0 >= limits.minutes && group.count >= limits.count }
    if grows || aged ?? (group.count >= limits.count * 10) { return .stuckCandidate }
    return LeakPattern.isIdleServer(goroutine) ? .normal : .waiting
  }

  private static func isMain(_ goroutine: Goroutine) -> Bool {
    goroutine.id == 1 || (goroutine.createdBy == nil && goroutine.frames.contains { $0.function == "main.main" })
  }
}
