/// When the machine that wrote a kernel log booted, and how that is known.
///
/// dmesg counts seconds from boot, everything else in an incident has dates, so one number decides whether the kernel's
/// lines stand at the right place of the time line. A wrong one misleads, so it is taken in this order: what the
/// operator said; the line with which the kernel itself names the date while it boots; this machine's boot, but only
/// for a log that is not longer than this machine is up. What it was stands in the report. Time that a machine was
/// suspended is not counted by dmesg, so lines behind a suspend are early by as much.
public struct BootTime: Sendable, Equatable {
  /// How it is known.
  public enum Origin: String, Sendable {
    case told = "as --boot-time says"
    case log = "as the log's own clock line says"
    case here = "that of the machine this ran on; if the log is of another, say --boot-time"
  }

  /// Seconds since 1970.
  public var seconds: Double
  public var origin: Origin

  public init(seconds: Double, origin: Origin) {
    self.seconds = seconds
    self.origin = origin
  }

  /// - Parameters:
  ///   - told: seconds since 1970, by the operator.
  ///   - here: seconds since 1970 at which this machine booted.
  ///   - uptime: seconds since then.
  /// - Returns: nil when nothing fits: then times stay as the log has them.
  public static func choose(told: Double?, log: KernelLog, here: Double, uptime: Double) -> BootTime? {
    if let told { return BootTime(seconds: told, origin: .told) }
    if let own = log.bootTime { return BootTime(seconds: own, origin: .log) }
    guard log.latest ?? 0 <= uptime else { return nil }
    return BootTime(seconds: here, origin: .here)
  }
}
