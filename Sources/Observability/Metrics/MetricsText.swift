import Synchronization

import Synchronization

/// Which text format a scraper gets.
public enum MetricsFormat: Sendable {
  /// Prometheus text exposition 0.0.4.
  case prometheus
  /// OpenMetrics 1.0.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/).
  case openMetrics

  /// The format an `Accept` field asks for: OpenMetrics when it is named with a weight that is not zero and not below
  /// that of `text/plain`, as Prometheus does; else the older one, which everything reads.
  public init(accept: String) {
    var best = (format: MetricsFormat.prometheus, weight: 0.0)
    for range in accept.split(separator: ",").prefix(32) {
      let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
      guard let type = parts.first else { continue }
      let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
      let weight = quality.flatMap { Double($0.dropFirst(2)) } ?? 1
      switch type {
      case "application/openmetrics-text" where weight > 0 && weight >= best.weight: best = (.openMetrics, weight)
      case "text/plain" where weight > best.weight: best = (.prometheus, weight)
      default: break
      }
    }
    self = best.format
  }

  public var contentType: String {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

extension MetricsRegistry {
  /// All metrics as text: families by name, label sets in order, values summed over shards.
  ///
  /// May be called on any thread that may wait for another scrape; shards go on counting meanwhile, so values of one
  /// text are from slightly different moments, each of them whole.
  ///
  /// - Parameter prefix: only metrics whose names begin so.
  public func text(_ format: MetricsFormat, prefix: String = "") -> [UInt8] {
    scraping.withLock { _ in
      let seen = state.withLock { state in
        state.scrapes += 1
        return (
          number: state.scrapes, chunks: state.chunks, groups: state.groups, shards: state.shards,
          collectors: state.collectors
        )
      }
      var writer = MetricsTextWriter(format: format, prefix: prefix, groups: seen.groups, shards: seen.shards)
      writer.write(labelSets: seen.chunks.joined().compactMap { $0 }, collectors: seen.collectors)
      // A series that was not shown has not had its last scrape.
      if prefix.isEmpty { state.withLock { $0.freeRetired(before: seen.number) } }
      return writer.bytes
    }
  }
}

/// Writes one scrape.
private struct MetricsTextWriter {
  private let format: MetricsFormat
  private let prefix: String
  private let groups: [MetricsRegistry.Group]
  private let shards: [SlotPages]
  private(set) var bytes: [UInt8] = []

  /// One metric of one label set.
  private struct Row {
    let labelSet: MetricsRegistry.LabelSet
    let view: MetricView
  }

  init(format: MetricsFormat, prefix: String, groups: [MetricsRegistry.Group], shards: [SlotPages]) {
    self.format = format
    self.prefix = prefix
    self.groups = groups
    self.shards = shards
  }

  mutating func write(labelSets: [MetricsRegistry.LabelSet], collectors: [MetricsRegistry.Collector]) {
    var rows: [MetricFamily: [Row]] = [:]
    for labelSet in labelSets.sorted(by: { $0.labels < $1.labels }) {
      let group = groups[labelSet.group]
      if group.isHiddenWhileZero && isZero(labelSet, group) { continue }
      for view in group.views where view.family.name.hasPrefix(prefix) {
        rows[view.family, default: []].append(Row(labelSet: labelSet, view: view))
      }
    }
    var samples: [MetricFamily: [MetricSample]] = [:]
    for collector in collectors where collector.family.name.hasPrefix(prefix) {
      samples[collector.family, default: []] += collector.read()
    }
    for family in Set(rows.keys).union(samples.keys).sorted(by: { $0.name < $1.name }) {
      let collected = samples[family] ?? []
      guard rows[family] != nil || !collected.isEmpty else { continue }
      header(family)
      for row in rows[family] ?? [] { write(row) }
      let rendered = collected.map { (labels: LabelText.render(family.labelNames, $0.labels), value: $0.value) }
      for sample in rendered.sorted(by: { $0.labels < $1.labels }) {
        line(family.name, "", sample.labels, LabelText.number(sample.value))
      }
    }
    if format == .openMetrics { append("# EOF\n") }
  }

  private func isZero(_ labelSet: MetricsRegistry.LabelSet, _ group: MetricsRegistry.Group) -> Bool {
    (0..<group.slotCount).allSatisfy { sum(labelSet.slot + $0) == 0 }
  }

  private func sum(_ slot: Int) -> UInt64 {
    var total: UInt64 = 0
    for shard in shards { total &+= shard.read(slot) }
    return total
  }

  private mutating func header(_ family: MetricFamily) {
    var name = family.name
    if format == .openMetrics && family.kind == .counter && name.hasSuffix("_total") { name.removeLast(6) }
    append("# HELP \(name) \(LabelText.help(family.help, escapesQuotes: format == .openMetrics))\n")
    append("# TYPE \(name) \(family.kind.rawValue)\n")
    if format == .openMetrics && !family.unit.isEmpty { append("# UNIT \(name) \(family.unit)\n") }
  }

  private mutating func write(_ row: Row) {
    let slot = row.labelSet.slot + row.view.offset
    let name = row.view.family.name
    let labels = row.labelSet.labels
    switch row.view.reading {
    case .counter: line(name, "", labels, String(sum(slot)))
    case .gauge: line(name, "", labels, String(Int64(bitPattern: sum(slot))))
    case .observations:
      let count = groups[row.labelSet.group].buckets.count
      line(name, "", labels, String((0..<count).reduce(UInt64(0)) { $0 &+ sum(slot + $1) }))
    case .histogram:
      let buckets = groups[row.labelSet.group].buckets
      let comma = labels.isEmpty ? "" : ","
      var total: UInt64 = 0
      for (index, bound) in buckets.seconds.enumerated() {
        total &+= sum(slot + index)
        line(name, "_bucket", "\(labels)\(comma)le=\"\(le(bound))\"", String(total))
      }
      total &+= sum(slot + buckets.seconds.count)
      line(name, "_bucket", "\(labels)\(comma)le=\"+Inf\"", String(total))
      line(name, "_sum", labels, LabelText.number(Double(sum(slot + buckets.count)) / 1e9))
      line(name, "_count", labels, String(total))
    }
  }

  /// OpenMetrics wants bounds to look like floats; 0.0.4 writes them as Go does.
  private func le(_ bound: Double) -> String {
    format == .openMetrics ? "\(bound)" : LabelText.number(bound)
  }

  private mutating func line(_ name: String, _ suffix: String, _ labels: String, _ value: String) {
    append(name)
    append(suffix)
    if !labels.isEmpty {
      append("{")
      append(labels)
      append("}")
    }
    append(" ")
    append(value)
    append("\n")
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
