/// What a run shows while it goes on.
public enum ProgressText {
  /// One line, for logs and pipes: rate and latency of the last interval, answers and errors of the whole run so far.
  public static func line(_ progress: LoadProgress) -> String {
    let latest = progress.latest
    let total = progress.soFar.total
    let rate = Decimal.text(Double(latest.responses) / latest.seconds, places: 0)
    let wanted = latest.wanted.map { " of \(Decimal.text($0, places: 0))" } ?? ""
    return "\(Decimal.text(progress.seconds, places: 2))s  \(rate)\(wanted)/s  p50 \(time(latest.p50))  "
      + "p99 \(time(latest.p99))  max \(time(latest.maximum))  in all \(classes(LoadResult.classes(total.statuses)))  "
      + "errors \(total.failed)"
  }

  /// A picture of several lines for a terminal of so many columns; the caller draws each over the one before it, so no
  /// line is longer than the terminal is wide: one that were broken in two would stay.
  public static func picture(_ progress: LoadProgress, columns: Int, colors: Bool) -> [String] {
    let latest = progress.latest
    let total = progress.soFar.total
    func line(_ name: String, _ text: String, isBad: Bool = false) -> String {
      let label = cut(TextReport.padded(name, labelWidth), columns)
      let value = cut(text, columns - label.count)
      guard colors else { return label + value }
      return "\u{1b}[2m\(label)\u{1b}[0m" + (isBad ? "\u{1b}[31m\(value)\u{1b}[0m" : value)
    }
    var rate = "\(Decimal.text(Double(latest.responses) / latest.seconds, places: 0))/s"
    if let wanted = latest.wanted { rate += " of \(Decimal.text(wanted, places: 0)) wanted" }
    return [
      bar(progress, columns: columns),
      line("rate", rate),
      line(
        "latency",
        "p50 \(time(latest.p50))  p90 \(time(latest.p90))  p99 \(time(latest.p99))  max \(time(latest.maximum))"),
      line(
        "in all",
        "p50 \(time(total.latency.percentile(50)))  p90 \(time(total.latency.percentile(90)))  "
          + "p99 \(time(total.latency.percentile(99)))  max \(time(total.latency.maximum))"),
      line("status", classes(LoadResult.classes(total.statuses))),
      line("errors", TextReport.failures(total), isBad: total.failed > 0),
    ]
  }

  private static let labelWidth = 9

  private static func bar(_ progress: LoadProgress, columns: Int) -> String {
    let share = progress.planned > 0 ? min(progress.seconds / progress.planned, 1) : 1
    let label = " \(Decimal.text(progress.seconds, places: 1)) of \(Decimal.text(progress.planned, places: 0)) s"
    let width = min(60, columns - label.count - 1)
    guard width > 2 else { return cut(String(label.dropFirst()), columns) }
    let eighths = Int((share * Double(width) * 8).rounded())
    let partial = eighths % 8 == 0 ? "" : String([" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8])
    let full = String(repeating: "█", count: eighths / 8) + partial
    return full + String(repeating: "░", count: max(0, width - full.count)) + label
  }

  private static func classes(_ counts: [UInt64]) -> String {
    let seen = counts.indices.filter { counts[$0] > 0 }
    return seen.isEmpty ? "no answer" : seen.map { "\($0 + 1)xx \(counts[$0])" }.joined(separator: "  ")
  }

  private static func time(_ nanoseconds: Int64) -> String {
    nanoseconds == 0 ? "–" : LatencyText.text(Double(nanoseconds))
  }

  private static func cut(_ text: String, _ columns: Int) -> String {
    guard columns > 0 else { return "" }
    return text.count <= columns ? text : String(text.prefix(columns - 1)) + "…"
  }
}
