/// Watches a process's goroutines and heap over time and says what grows.
///
/// A machine: snapshots with their time go in, alerts come out; polling, clocks and sockets are the
/// caller's. A signature grows when its count did not fall in `window` snapshots and rose by at least
/// `growthMin` over them: a burst of requests falls again, a leak does not. An alert is raised when
/// growth is first seen and again at each doubling, so a leak of a week is a dozen lines, not
/// thousands. Bound: `signaturesMax` signatures are followed, the largest of each snapshot first.
public struct LeakWatch: Sendable {
  static let signaturesMax = 2000

  /// Limits; nil is not watched.
  public struct Limits: Sendable {
    public var window = 6
    public var growthMin = 10
    public var goroutinesMax: Int?
    /// Collections less than this apart are alerted.
    public var gcIntervalMinSeconds: Double?
    /// Heap in use over heap obtained from the system, 0 to 1.
    public var heapRatioMax: Double?

    public init() {}
  }

  /// An alert line: JSON schema `sluice.watch/1`.
  public struct Alert: Sendable, Codable, Equatable {
    /// What the alert is about.
    public enum Kind: String, Sendable, Codable {
      case signatureGrows = "signature-grows"
      case goroutines
      case heapRatio = "heap-ratio"
      case gcInterval = "gc-interval"
      case unreachable
    }

    public var schema = "sluice.watch/1"
    public var kind: Kind
    /// Seconds since the watch began.
    public var seconds: Double
    public var value: Double
    public var limit: Double?
    public var message: String
    /// The group that grows, with age and creator.
    public var group: GoroutineReport.Group?
  }

  private struct Track {
    var counts: [Int] = []
    var alertedAt = 0
    var seen = 0
  }

  private let limits: Limits
  private var tracks: [String: Track] = [:]
  private var number = 0
  private var exceeded: Set<Alert.Kind> = []
  private var lastHeap: (seconds: Double, heap: HeapStatistics)?
  public private(set) var metrics = WatchMetrics()

  public init(limits: Limits = .init()) { self.limits = limits }

  /// Takes a snapshot.
  public mutating func observe(_ report: GoroutineReport, at seconds: Double) -> [Alert] {
    number += 1
    metrics.polls += 1
    metrics.goroutines = report.total
    metrics.classes = report.classes
    var alerts: [Alert] = []
    var growing = 0
    for group in report.groups.prefix(Self.signaturesMax) {
      guard tracks[group.signature] != nil || tracks.count < Self.signaturesMax * 2 else { continue }
      var track = tracks[group.signature] ?? Track()
      track.seen = number
      track.counts.append(group.count)
      if track.counts.count > limits.window { track.counts.removeFirst() }
      if Self.grows(track.counts, limits) {
        growing += 1
        if track.alertedAt == 0 || group.count >= track.alertedAt * 2 {
          track.alertedAt = group.count
          alerts.append(growth(group, track.counts, seconds))
        }
      } else if group.count < track.alertedAt / 2 {
        track.alertedAt = 0
      }
      tracks[group.signature] = track
    }
    tracks = tracks.filter { $0.value.seen > number - limits.window }
    metrics.growing = growing
    if let limit = limits.goroutinesMax {
      check(.goroutines, Double(report.total), above: Double(limit), "goroutines", seconds, &alerts)
    }
    metrics.alerts += alerts.count
    return alerts
  }

  private static func grows(_ counts: [Int], _ limits: Limits) -> Bool {
    guard counts.count >= limits.window, let first = counts.first, let last = counts.last else { return false }
    return zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 } && last - first >= limits.growthMin
  }

  private func growth(_ group: GoroutineReport.Group, _ counts: [Int], _ seconds: Double) -> Alert {
    let age = group.minutes.map { ", the oldest waits \($0) min" } ?? ""
    let created = group.createdBy.map { ", created by \($0.function)" } ?? ""
    return Alert(
      kind: .signatureGrows, seconds: seconds, value: Double(group.count), limit: nil,
      message: "\(counts.first ?? 0) → \(group.count) goroutines: \(group.headline)\(age)\(created)", group: group)
  }

  /// Takes the heap's numbers.
  public mutating func observe(_ heap: HeapStatistics, at seconds: Double) -> [Alert] {
    var alerts: [Alert] = []
    metrics.heapBytes = heap.heapAlloc
    metrics.collections = heap.collections
    if heap.heapSys > 0 {
      let ratio = Double(heap.heapInuse) / Double(heap.heapSys)
      metrics.heapRatio = ratio
      if let limit = limits.heapRatioMax { check(.heapRatio, ratio, above: limit, "heap ratio", seconds, &alerts) }
    }
    if let last = lastHeap, heap.collections > last.heap.collections, seconds > last.seconds {
      let interval = (seconds - last.seconds) / Double(heap.collections - last.heap.collections)
      metrics.gcIntervalSeconds = interval
      if let limit = limits.gcIntervalMinSeconds {
        check(.gcInterval, -interval, above: -limit, "seconds between collections", seconds, &alerts)
      }
    }
    lastHeap = (seconds, heap)
    metrics.alerts += alerts.count
    return alerts
  }

  /// The source could not be read.
  public mutating func failed(_ reason: String, at seconds: Double) -> [Alert] {
    metrics.failures += 1
    metrics.alerts += 1
    return [
      .init(
        kind: .unreachable, seconds: seconds, value: Double(metrics.failures), limit: nil, message: reason, group: nil)
    ]
  }

  /// Alerts when a limit is crossed, once until it is met again.
  private mutating func check(
    _ kind: Alert.Kind, _ value: Double, above limit: Double, _ name: String, _ seconds: Double, _ alerts: inout [Alert]
  ) {
    guard value > limit else {
      exceeded.remove(kind)
      return
    }
    guard exceeded.insert(kind).inserted else { return }
    let words = "\(name): \(GCReport.rounded(abs(value))), limit \(GCReport.rounded(abs(limit)))"
    alerts.append(.init(kind: kind, seconds: seconds, value: abs(value), limit: abs(limit), message: words, group: nil))
  }
}

extension LeakWatch.Alert {
  /// One line of JSON.
  public func json() throws -> [UInt8] { try JSONText.line(self) }
}

/// The numbers at the end of `/debug/pprof/heap?debug=1` ("# HeapAlloc = 1234").
public struct HeapStatistics: Sendable, Equatable {
  public var heapAlloc: UInt64 = 0
  public var heapSys: UInt64 = 0
  public var heapInuse: UInt64 = 0
  public var collections: UInt64 = 0

  /// nil when the text has no such numbers.
  public init?(_ bytes: [UInt8]) {
    var found = false
    bytes.withUnsafeBytes { raw in
      let text = TextView(raw)
      func number(_ word: StaticString) -> UInt64 {
        guard let at = text.find(word) else { return 0 }
        var index = at + word.utf8CodeUnitCount
        guard let value = text.decimal(at: &index) else { return 0 }
        found = true
        return UInt64(value)
      }
      heapAlloc = number("\n# HeapAlloc = ")
      heapSys = number("\n# HeapSys = ")
      heapInuse = number("\n# HeapInuse = ")
      collections = number("\n# NumGC = ")
    }
    guard found else { return nil }
  }
}

/// What the watch counts, for Prometheus.
public struct WatchMetrics: Sendable {
  public var polls = 0
  public var failures = 0
  public var alerts = 0
  public var goroutines = 0
  public var growing = 0
  public var classes: [String: Int] = [:]
  public var heapBytes: UInt64?
  public var heapRatio: Double?
  public var collections: UInt64?
  public var gcIntervalSeconds: Double?

  /// Text exposition format 0.0.4.
  public var exposition: String {
    var lines: [String] = []
    func add(_ name: String, _ type: String, _ help: String, _ value: String, labels: String = "") {
      if !lines.contains("# TYPE \(name) \(type)") {
        lines.append("# HELP \(name) \(help)")
        lines.append("# TYPE \(name) \(type)")
      }
      lines.append("\(name)\(labels) \(value)")
    }
    add("sluice_watch_polls_total", "counter", "Snapshots taken.", "\(polls)")
    add("sluice_watch_failures_total", "counter", "Snapshots that failed.", "\(failures)")
    add("sluice_watch_alerts_total", "counter", "Alerts raised.", "\(alerts)")
    add("sluice_watch_goroutines", "gauge", "Goroutines of the watched process.", "\(goroutines)")
    add("sluice_watch_growing_signatures", "gauge", "Stacks whose number grows.", "\(growing)")
    for (name, count) in classes.sorted(by: { $0.key < $1.key }) {
      add(
        "sluice_watch_goroutines_by_class", "gauge", "Goroutines by class.", "\(count)", labels: "{class=\"\(name)\"}")
    }
    if let heapBytes {
      add("sluice_watch_heap_bytes", "gauge", "Bytes of live and unswept heap objects.", "\(heapBytes)")
    }
    if let heapRatio { add("sluice_watch_heap_ratio", "gauge", "Heap in use over heap obtained.", "\(heapRatio)") }
    if let collections {
      add("sluice_watch_collections_total", "counter", "Collections of the watched process.", "\(collections)")
    }
    if let gcIntervalSeconds {
      add(
        "sluice_watch_gc_interval_seconds", "gauge", "Time between collections at the last snapshot.",
        "\(gcIntervalSeconds)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
