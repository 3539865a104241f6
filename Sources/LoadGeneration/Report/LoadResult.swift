/// What a run measured: sums, and a row for every interval.
public struct LoadResult: Sendable {
  /// One interval of the run, for plots.
  public struct Interval: Sendable, Hashable {
    /// Where it begins and how long it is, in seconds after the start.
    public var start: Double
    public var seconds: Double
    /// Requests a second that should have left; nil in a closed loop.
    public var wanted: Double?
    /// Requests that left, answers, and requests without one.
    public var sent: UInt64
    public var responses: UInt64
    public var failures: UInt64
    /// Answers by the first digit of their status, 1 to 9.
    public var classes: [UInt64]
    /// Latencies of the answers of this interval in nanoseconds; zero without answers.
    public var p50: Int64
    public var p90: Int64
    public var p99: Int64
    public var p999: Int64
    public var maximum: Int64
  }

  /// What was asked for, in the reader's words.
  public var settings: Settings
  /// How long the run was, in seconds: from the start to the last answer or the end of the schedule.
  public var seconds: Double
  public var intervals: [Interval]
  /// Whether somebody ended it early.
  public var interrupted: Bool
  var total: Tally
  var watches: [HeaderWatch]
  public var verdicts: [Verdict] = []

  /// The settings a report repeats.
  public struct Settings: Sendable, Hashable {
    /// The target, how rates were given ("500", nil in a closed loop), and how requests were carried.
    public var target: String
    public var rate: String?
    public var spacing: ArrivalSpacing
    public var transport: String
    public var connections: Int
    public var threads: Int
    public var seed: UInt64
    /// Names of the mix's requests in order.
    public var requests: [String]
    /// Requests the schedule asked for until the end; nil in a closed loop.
    public var wanted: Int?
    /// Its length in seconds.
    public var planned: Double
  }

  /// Answers a second.
  public var rate: Double { seconds > 0 ? Double(total.responses) / seconds : 0 }

  /// Answers by the first digit of their status, 1 to 9.
  static func classes(_ statuses: [UInt64]) -> [UInt64] {
    (1...9).map { digit in statuses[(digit * 100)..<(digit * 100 + 100)].reduce(0, +) }
  }
}
