/// What a garbage collector's log says: JSON schema `sluice.gclog/1`.
public struct GCReport: Sendable, Codable, Equatable {
  public var schema = "sluice.gclog/1"
  public var collector: GCLog.Collector
  public var cycles: Int
  /// From the first to the last cycle with a time.
  public var seconds: Double?
  public var trend: GCTrend
  public var pauses: Pauses
  public var stalls: Stalls
  /// Collections that show the collector cannot keep up: full pauses, evacuation failures, stalls.
  public var distress: Int
  public var outOfMemory: Int
  public var limitMegabytes: Double?
  /// Until the live heap meets the limit at the trend's slope; for leaks only.
  public var secondsToLimit: Double?
  public var bend: Bend?
  /// (time or number, megabytes live), thinned to at most 500 points, for pictures.
  public var series: [[Double]]

  /// How long the program stood still.
  public struct Pauses: Sendable, Codable, Equatable {
    public var count: Int
    public var medianMilliseconds: Double
    public var p99Milliseconds: Double
    public var maxMilliseconds: Double
    public var totalMilliseconds: Double
  }

  /// Threads that waited for memory (ZGC).
  public struct Stalls: Sendable, Codable, Equatable {
    public var count: Int
    public var maxMilliseconds: Double
    public var totalMilliseconds: Double
  }

  /// Where throughput bends: from here on the program works less and collects more.
  public struct Bend: Sendable, Codable, Equatable {
    public var seconds: Double
    public var reason: String
  }

  /// - Parameter limitMegabytes: GOMEMLIMIT, the container's limit or -Xmx; the log's own when nil.
  public init(_ log: GCLog, limitMegabytes: Double? = nil) {
    collector = log.collector
    cycles = log.cycles.count
    let limit = limitMegabytes ?? log.heapLimitMegabytes
    self.limitMegabytes = limit
    let times = log.cycles.compactMap(\.time)
    seconds = times.count > 1 ? (times.max() ?? 0) - (times.min() ?? 0) : nil
    distress = log.cycles.count { $0.isDistress }
    outOfMemory = log.outOfMemory
    let durations =
      log.cycles.compactMap(\.pauseMilliseconds)
      + log.pauses.map { Double($0.components.seconds) * 1e3 + Double($0.components.attoseconds) / 1e15 }
    pauses = Pauses(durations)
    let waits = log.stalls.map(\.milliseconds)
    stalls = Stalls(
      count: waits.count, maxMilliseconds: waits.max() ?? 0, totalMilliseconds: waits.reduce(0, +))

    let perCycle = log.cycles.contains { $0.time == nil }
    let points = Self.points(log, perCycle: perCycle)
    bend = Self.bend(log)
    let last = points.suffix(max(1, points.count / 10)).map(\.live)
    let nearLimit = limit.map { GCTrend.median(last) > 0.85 * $0 } ?? false
    let collapsed = bend != nil
    let distressed = distress * 20 > max(cycles, 1) || !waits.isEmpty || outOfMemory > 0 || nearLimit || collapsed
    trend = GCTrend(
      points, perCycle: perCycle, saturated: nearLimit || outOfMemory > 0 || collapsed, distress: distressed)
    if trend.verdict == .leak, !perCycle, let limit, trend.megabytesPerSecond > 0, let live = points.last?.live {
      secondsToLimit = max(0, (limit - live) / trend.megabytesPerSecond)
    }
    let step = points.count / 500 + 1
    series = stride(from: 0, to: points.count, by: step).map { [points[$0].time, points[$0].live] }
  }

  /// Cycles whose after-size says something of the live heap; all, where those are fewer than four.
  private static func points(_ log: GCLog, perCycle: Bool) -> [GCTrend.Point] {
    let measuring = log.cycles.filter(\.measuresLive)
    let chosen = measuring.count >= 4 ? measuring : log.cycles
    return chosen.enumerated().map { number, cycle in
      .init(time: perCycle ? Double(number) : cycle.time ?? Double(number), live: cycle.liveMegabytes)
    }
  }

  /// The first window of cycles whose gaps are less than a quarter of the median before it and filled
  /// with collection, or in which threads stall: GOMEMLIMIT's death spiral, ZGC's allocation stalls.
  private static func bend(_ log: GCLog) -> Bend? {
    let times = log.cycles.compactMap(\.time)
    let window = max(8, times.count / 20)
    guard times.count == log.cycles.count, times.count >= window * 2 else { return stallBend(log) }
    let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
    var index = window
    while index + window <= gaps.count {
      let before = GCTrend.median(Array(gaps[..<index]))
      let now = GCTrend.median(Array(gaps[index..<(index + window)]))
      let rest = GCTrend.median(Array(gaps[index...]))
      if before > 0.02, now < before / 4, rest < before / 4 {
        let words = "collections \(rounded(before)) s apart before, \(rounded(now)) s after"
        return .init(seconds: times[index], reason: words)
      }
      index += window
    }
    return stallBend(log)
  }

  /// From the first stall that others follow within ten cycles.
  private static func stallBend(_ log: GCLog) -> Bend? {
    guard log.stalls.count >= 3, let first = log.stalls[0].time else { return nil }
    return .init(seconds: first, reason: "threads wait for memory: \(log.stalls.count) allocation stalls from here on")
  }

  static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

  /// The verdict in a sentence.
  public var sentence: String {
    let numbers = "τ \(Self.rounded(trend.tau)), ratio \(Self.rounded(trend.ratio)), \(trend.points) points"
    switch trend.verdict {
    case .leak:
      let rate = "\(Self.rounded(trend.megabytesPerSecond)) MB a \(trend.perCycle ? "cycle" : "second")"
      let end = secondsToLimit.map { "; the limit is reached in \(Self.rounded($0)) s" } ?? ""
      return "leak: the live heap grows by \(rate) (\(numbers))\(end)"
    case .pressure:
      return "pressure: the collector cannot keep up, the live heap does not grow steadily (\(numbers))"
    case .steady where cycles == 0: return "no collection of Go, ZGC or G1 in it"
    case .steady where trend.points < 4: return "steady: too few collections to tell (\(trend.points))"
    case .steady: return "steady: the live heap does not grow (\(numbers))"
    }
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }
}

extension GCReport.Pauses {
  init(_ milliseconds: [Double]) {
    let sorted = milliseconds.sorted()
    func quantile(_ share: Double) -> Double {
      sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
    self.init(
      count: sorted.count, medianMilliseconds: quantile(0.5), p99Milliseconds: quantile(0.99),
      maxMilliseconds: sorted.last ?? 0, totalMilliseconds: sorted.reduce(0, +))
  }
}
