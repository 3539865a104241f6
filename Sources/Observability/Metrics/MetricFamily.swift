/// A metric's name, type and meaning, without values: what `# HELP` and `# TYPE` say.
///
/// Names follow Prometheus: snake case, the unit as suffix, counters end in `_total`
/// (https://prometheus.io/docs/practices/naming/).
public struct MetricFamily: Sendable, Hashable {
  /// How values change.
  public enum Kind: String, Sendable {
    /// Only grows; starts again from zero with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts in buckets of seconds, with their sum.
    case histogram
  }

  public let name: String
  public let kind: Kind
  public let help: String
  /// `seconds`, `bytes`, …; empty for none. A suffix of the name, as OpenMetrics asks.
  public let unit: String
  /// Label names in the order in which values are given.
  public let labelNames: [String]

  public init(_ name: String, _ kind: Kind, help: String, unit: String = "", labels: [String] = []) {
    self.name = name
    self.kind = kind
    self.help = help
    self.unit = unit
    self.labelNames = labels
  }
}

/// How a run of slots is shown as one metric.
///
/// One label set often has several metrics (requests, their duration, their bytes): they share one run of slots, so
/// that recording a request touches one cache line.
public struct MetricView: Sendable, Hashable {
  /// What the slots hold.
  enum Reading: Sendable, Hashable {
    /// One slot, unsigned.
    case counter
    /// One slot, read as signed: shards add and subtract, the sum counts.
    case gauge
    /// One slot a bucket, the last for `+Inf`, then the sum in nanoseconds.
    case histogram
    /// The number of observations of a histogram, as a counter of its own.
    case observations
  }

  let family: MetricFamily
  let reading: Reading
  /// First slot, counted from the start of the run.
  let offset: Int

  /// A counter in the slot at `offset`.
  public static func counter(_ family: MetricFamily, at offset: Int) -> MetricView {
    MetricView(family: family, reading: .counter, offset: offset)
  }

  /// A gauge in the slot at `offset`.
  public static func gauge(_ family: MetricFamily, at offset: Int) -> MetricView {
    MetricView(family: family, reading: .gauge, offset: offset)
  }

  /// A histogram whose buckets begin at `offset`.
  public static func histogram(_ family: MetricFamily, at offset: Int) -> MetricView {
    MetricView(family: family, reading: .histogram, offset: offset)
  }

  /// A counter that shows the number of observations of the histogram at `offset`.
  public static func observations(_ family: MetricFamily, at offset: Int) -> MetricView {
    MetricView(family: family, reading: .observations, offset: offset)
  }
}

/// One value of a family that is computed when somebody scrapes.
public struct MetricSample: Sendable {
  /// In the order of the family's label names.
  public let labels: [String]
  public let value: Double

  public init(labels: [String] = [], value: Double) {
    self.labels = labels
    self.value = value
  }
}

/// Upper bounds of a histogram's buckets.
///
/// Bounds are nanoseconds inside, so that finding a bucket is comparing integers; the last bucket, `+Inf`, is implied.
public struct HistogramBuckets: Sendable, Hashable {
  /// More than this would make a scan slower than the request it measures is long.
  public static let countMax = 32
  /// Traefik's: 0.1, 0.3, 1.2 and 5 seconds.
  public static let traefik = HistogramBuckets(seconds: [0.1, 0.3, 1.2, 5])

  /// Ascending; without `+Inf`.
  public let seconds: [Double]

  /// Sorts, drops what is not a positive number, and keeps the first `countMax`.
  public init(seconds: [Double]) {
    let usable = Set(seconds.filter { $0 > 0 && $0 < 1e9 })
    self.seconds = Array(usable.sorted().prefix(Self.countMax))
  }

  /// Buckets with `+Inf`.
  var count: Int { seconds.count + 1 }
  /// Slots of a histogram: the buckets and the sum.
  var slotCount: Int { count + 1 }
  var nanoseconds: [UInt64] { seconds.map { UInt64(($0 * 1e9).rounded()) } }
}
