/// A garbage collector's log, of whatever collector, as cycles on a time line.
public struct GCLog: Sendable, Equatable {
  /// Cycles, stalls and pauses beyond this are dropped from the front half (see `GCLogReader`).
  public static let cyclesMax = 1_000_000

  /// Who wrote the log.
  public enum Collector: String, Sendable, Codable {
    case goTrace = "gctrace"
    case zgc
    case zgcGenerational = "zgc-generational"
    case g1
    case unknown
  }

  public var collector = Collector.unknown
  public var cycles: [Cycle] = []
  /// Stop-the-world pauses outside the cycle lines (ZGC phases, G1 remark).
  public var pauses: [Duration] = []
  public var stalls: [Stall] = []
  /// The heap's limit, when the log says it: "Max Capacity", "Heap Max Capacity", G1's total.
  public var heapLimitMegabytes: Double?
  /// Lines "Out Of Memory (thread)".
  public var outOfMemory = 0

  /// One collection.
  public struct Cycle: Sendable, Equatable {
    /// Seconds since the start of the process; nil when the log has no times.
    public var time: Double?
    /// Megabytes live (gctrace) or used (JVM) after it.
    public var liveMegabytes: Double
    /// Megabytes used before it.
    public var beforeMegabytes: Double
    /// gctrace's goal.
    public var goalMegabytes: Double?
    /// Milliseconds the program stood still, when the cycle's line says it.
    public var pauseMilliseconds: Double?
    /// Share of processor time for collection since the start, in percent (gctrace).
    public var processorPercent: Int?
    /// "forced", "Allocation Stall", "Pause Full (G1 Compaction Pause)".
    public var cause: String
    /// Says something about the live heap: a young collection leaves garbage of the old generation.
    public var measuresLive: Bool
    /// A failure of the collector to keep up: full pause, evacuation failure, allocation stall.
    public var isDistress: Bool
  }

  /// A thread that waited for memory.
  public struct Stall: Sendable, Equatable {
    public var time: Double?
    public var thread: String
    public var milliseconds: Double
  }
}
