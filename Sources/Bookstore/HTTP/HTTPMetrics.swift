import Synchronization

/// What the service counts, in Prometheus's text format 0.0.4.
///
/// Operations and statuses are a closed set, so that no request can make a new series.
final class HTTPMetrics: Sendable {
  /// Seconds; the last is without bound.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  private struct Series {
    var byStatus: [Int: Int] = [:]
    var buckets = [Int](repeating: 0, count: HTTPMetrics.bounds.count + 1)
    var seconds = 0.0

    mutating func add(_ status: Int, _ bucket: Int, _ seconds: Double) {
      byStatus[status, default: 0] += 1
      buckets[bucket] += 1
      self.seconds += seconds
    }
  }

  private let series = Mutex<[String: Series]>([:])

  /// - Parameter operation: its id; nil for a request that is none of them.
  func record(operation: String?, status: Int, duration: Duration) {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
    series.withLock { series in
      series[operation ?? "none", default: Series()].add(status, bucket, seconds)
    }
  }

  /// Writes requests and durations.
  func write(to text: inout MetricsText) {
    let now = series.withLock { $0 }.sorted { $0.key < $1.key }
    text.family("bookstore_http_requests_total", "counter", "Requests answered.")
    for (name, one) in now {
      for (status, count) in one.byStatus.sorted(by: { $0.key < $1.key }) {
        text.sample("bookstore_http_requests_total", "operation=\"\(name)\",code=\"\(status)\"", "\(count)")
      }
    }
    let family = "bookstore_http_request_duration_seconds"
    text.family(family, "histogram", "Time from a request to its answer.")
    for (name, one) in now where !one.byStatus.isEmpty {
      var sum = 0
      for (bound, count) in zip(Self.bounds.map { "\($0)" } + ["+Inf"], one.buckets) {
        sum += count
        text.sample("\(family)_bucket", "operation=\"\(name)\",le=\"\(bound)\"", "\(sum)")
      }
      text.sample("\(family)_sum", "operation=\"\(name)\"", "\(one.seconds)")
      text.sample("\(family)_count", "operation=\"\(name)\"", "\(sum)")
    }
  }
}

/// The text format: families with help and type, then their samples.
struct MetricsText {
  private(set) var text = ""

  mutating func family(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  mutating func sample(_ name: String, _ labels: String = "", _ value: String) {
    text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
  }

  /// A family with one sample without labels.
  mutating func single(_ name: String, _ kind: String, _ help: String, _ value: String) {
    family(name, kind, help)
    sample(name, "", value)
  }
}
