import Foundation

/// A result as JSON, form `sluice.load/1`: documented in Documentation/load.md, and only added to within a version.
///
/// Latencies are in microseconds, rates in a second, times in seconds.
public struct LoadReport: Codable, Sendable {
  /// The percentiles of tables and plots.
  static let percents = [50.0, 75, 90, 95, 99, 99.9, 99.99]

  /// "p50", "p99.9".
  static func name(_ percent: Double) -> String {
    percent == percent.rounded() ? "p\(Int(percent))" : "p\(percent)"
  }

  struct Latency: Codable, Sendable {
    var min: Double
    var mean: Double
    var max: Double
    var percentiles: [String: Double]

    init(_ histogram: LatencyHistogram) {
      min = Double(histogram.minimum) / 1000
      mean = histogram.mean / 1000
      max = Double(histogram.maximum) / 1000
      percentiles = Dictionary(
        uniqueKeysWithValues: LoadReport.percents.map {
          (LoadReport.name($0), Double(histogram.percentile($0)) / 1000)
        })
    }
  }

  struct Interval: Codable, Sendable {
    var start: Double
    var seconds: Double
    var wanted: Double?
    var sent: UInt64
    var responses: UInt64
    var errors: UInt64
    var classes: [String: UInt64]
    var p50: Double
    var p90: Double
    var p99: Double
    var p999: Double
    var max: Double
  }

  struct Expected: Codable, Sendable {
    var text: String
    var held: Bool
    var found: String
  }

  struct Request: Codable, Sendable {
    var name: String
    var responses: UInt64
  }

  var schema = "sluice.load/1"
  var target: String
  var transport: String
  var rate: String?
  var spacing: String?
  var connections: Int
  var threads: Int
  var seed: UInt64
  var interrupted: Bool
  var seconds: Double
  var wanted: Int?
  var sent: UInt64
  var responses: UInt64
  var responsesPerSecond: Double
  var errors: UInt64
  var errorsByKind: [String: UInt64]
  var statuses: [String: UInt64]
  var connectionsOpened: UInt64
  var bytesReceived: UInt64
  var bytesSent: UInt64
  var requests: [Request]
  var latencyMicroseconds: Latency
  var serviceMicroseconds: Latency
  var intervals: [Interval]
  var expectations: [Expected]

  /// The report of a result.
  public init(_ result: LoadResult) {
    let settings = result.settings
    let total = result.total
    target = settings.target
    transport = settings.transport
    rate = settings.rate
    spacing = settings.rate == nil ? nil : settings.spacing.rawValue
    connections = settings.connections
    threads = settings.threads
    seed = settings.seed
    interrupted = result.interrupted
    seconds = result.seconds
    wanted = settings.wanted
    sent = total.sent
    responses = total.responses
    responsesPerSecond = result.rate
    errors = total.failed
    errorsByKind = Dictionary(uniqueKeysWithValues: FailureKind.allCases.map { ($0.name, total.failures($0)) })
    statuses = Dictionary(
      uniqueKeysWithValues: total.statuses.indices.filter { total.statuses[$0] > 0 }.map {
        ("\($0)", total.statuses[$0])
      })
    connectionsOpened = total.connections
    bytesReceived = total.bytesReceived
    bytesSent = total.bytesSent
    requests = zip(settings.requests, total.byRequest).map { Request(name: $0, responses: $1) }
    latencyMicroseconds = Latency(total.latency)
    serviceMicroseconds = Latency(total.service)
    intervals = result.intervals.map { row in
      Interval(
        start: row.start, seconds: row.seconds, wanted: row.wanted, sent: row.sent, responses: row.responses,
        errors: row.failures,
        classes: Dictionary(
          uniqueKeysWithValues: row.classes.indices.filter { row.classes[$0] > 0 }.map {
            ("\($0 + 1)xx", row.classes[$0])
          }),
        p50: Double(row.p50) / 1000, p90: Double(row.p90) / 1000, p99: Double(row.p99) / 1000,
        p999: Double(row.p999) / 1000, max: Double(row.maximum) / 1000)
    }
    expectations = result.verdicts.map { Expected(text: $0.text, held: $0.held, found: $0.found) }
  }

  /// The report as text: keys in order, so that two reports can be compared line by line.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
