import ArgumentParser
import Foundation
import GoDiagnostics

/// `sluice watch`: says when a process's goroutines or heap grow.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Watch a pprof endpoint or a live process for leaks; alerts are lines of JSON (schema sluice.watch/1).",
    discussion: """
      The URL is that of net/http/pprof: http://host:6060/debug/pprof. debug=2 shows ages and creators but stops the \
      service for as long as it prints; --light uses debug=1, which costs less and shows neither.
      """)

  @Argument(help: "http(s)://host:port/debug/pprof, or the address of a goroutine profile itself.")
  var url: String?

  @OptionGroup var endpoint: EndpointOptions

  @Option(help: "A live process instead: read without stopping it.")
  var pid: Int?

  @Option(help: "The executable of --pid, when it cannot be found.")
  var exe: String?

  @Option(help: "Time between snapshots: 500ms, 30s, 5m.")
  var every: String = "30s"

  @Option(help: "End after so many snapshots.")
  var count: Int?

  @Option(name: .customLong("for"), help: "End after this time: 10m, 2h.")
  var duration: String?

  @Option(help: "Alert above this number of goroutines.")
  var maxGoroutines: Int?

  @Option(help: "Alert when heap in use over heap obtained is above this, 0 to 1.")
  var maxHeapRatio: Double?

  @Option(help: "Alert when collections are less than so many seconds apart.")
  var minGCInterval: Double?

  @Option(help: "Snapshots in which a stack's number must not fall to be growing.")
  var window = 6

  @Option(help: "How many a stack must gain in the window.")
  var minGrowth = 10

  @Flag(help: "Poll debug=1 instead of debug=2.")
  var light = false

  @Option(help: "Serve Prometheus metrics at HOST:PORT/metrics.")
  var listen: String?

  func validate() throws {
    guard (url == nil) != (pid == nil) else { throw ValidationError("Give a URL or --pid.") }
    if let url { try endpoint.check(url) }
    guard try Self.seconds(every) > 0 else { throw ValidationError("--every is above zero.") }
    if let duration { _ = try Self.seconds(duration) }
    guard window >= 2, minGrowth >= 1, count.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--window is at least 2, --min-growth and --count at least 1.")
    }
  }

  /// "500ms", "30s", "5m", "2h", "90" in seconds.
  static func seconds(_ text: String) throws -> Double {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
    for (unit, factor) in units where text.hasSuffix(unit) {
      if let value = Double(text.dropLast(unit.count)), value >= 0, value < 1e9 { return value * factor }
    }
    throw ValidationError("\(text) is no duration; write 500ms, 30s, 5m or 2h.")
  }

  func run() throws {
    var limits = LeakWatch.Limits()
    limits.window = window
    limits.growthMin = minGrowth
    limits.goroutinesMax = maxGoroutines
    limits.heapRatioMax = maxHeapRatio
    limits.gcIntervalMinSeconds = minGCInterval
    var watch = LeakWatch(limits: limits)
    let port = try listen.map { try MetricsPort($0) }
    let clock = ContinuousClock()
    let start = clock.now
    let interval = Duration.seconds(try Self.seconds(every))
    let end = try duration.map { start + .seconds(try Self.seconds($0)) }
    var taken = 0
    while true {
      let elapsed = start.duration(to: clock.now)
      let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
      for alert in poll(&watch, seconds) { InputFile.print(try alert.json()) }
      taken += 1
      if let count, taken >= count { return }
      var next = start + interval * taken
      if let end { next = min(next, end) }
      if let port {
        port.serve(until: next, watch.metrics)
      } else if next > clock.now {
        let left = clock.now.duration(to: next).components
        Foundation.usleep(UInt32(clamping: left.seconds * 1_000_000 + left.attoseconds / 1_000_000_000_000))
      }
      if let end, clock.now >= end { return }
    }
  }

  private func poll(_ watch: inout LeakWatch, _ seconds: Double) -> [LeakWatch.Alert] {
    do {
      if let url { return try pollEndpoint(url, &watch, seconds) }
      let findings = try ImageReader.findings(core: nil, exe: exe, pid: pid)
      var grouper = GoroutineGrouper()
      for goroutine in findings?.goroutines ?? [] { grouper.add(goroutine) }
      return watch.observe(GoroutineReport(grouper, source: "pid \(pid ?? 0)"), at: seconds)
    } catch {
      return watch.failed("\(error)", at: seconds)
    }
  }

  private func pollEndpoint(_ url: String, _ watch: inout LeakWatch, _ seconds: Double) throws -> [LeakWatch.Alert] {
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    let isProfile = base.contains("/goroutine")
    let address = isProfile ? base : "\(base)/goroutine?debug=\(light ? 1 : 2)"
    let body = try endpoint.body(address)
    var reader = DumpReader()
    try body.withUnsafeBytes { try reader.feed($0) }
    var alerts = watch.observe(GoroutineReport(try reader.finish(), source: address), at: seconds)
    if !isProfile, let heap = HeapStatistics(try endpoint.body("\(base)/heap?debug=1")) {
      alerts += watch.observe(heap, at: seconds)
    }
    return alerts
  }
}
