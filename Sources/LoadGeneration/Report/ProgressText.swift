/// What a run shows while it goes on.
public enum ProgressText {
  /// One line an interval, for logs and pipes.
  public static func line(_ progress: LoadProgress) -> String {
    let latest = progress.latest
    let rate = Decimal.text(Double(latest.responses) / latest.seconds, places: 0)
    let wanted = latest.wanted.map { " of \(Decimal.text($0, places: 0))" } ?? ""
    return "\(Decimal.text(progress.seconds, places: 2))s  \(rate)\(wanted)/s  p50 \(time(latest.p50))  "
      + "p99 \(time(latest.p99))  max \(time(latest.maximum))  \(classes(latest.classes))  errors \(latest.failures)"
  }

  /// A picture of several lines for a terminal of so many columns; the caller draws each over the one before it.
  public static func picture(_ progress: LoadProgress, columns: Int, colors: Bool) -> [String] {
    let latest = progress.latest
    let total = progress.soFar.total
    let reached = Double(latest.responses) / latest.seconds
    func dim(_ text: String) -> String { colors ? "\u{1b}[2m\(text)\u{1b}[0m" : text }
    func red(_ text: String) -> String { colors ? "\u{1b}[31m\(text)\u{1b}[0m" : text }
    var rate = "\(Decimal.text(reached, places: 0))/s"
    if let wanted = latest.wanted { rate += " of \(Decimal.text(wanted, places: 0)) wanted" }
    let errors = TextReport.failures(total)
    let lines = [
      bar(progress, columns: columns),
      "\(dim("rate     "))\(rate)",
      "\(dim("latency  "))p50 \(time(latest.p50))  p90 \(time(latest.p90))  p99 \(time(latest.p99))  "
        + "max \(time(latest.maximum))",
      "\(dim("in all   "))p50 \(time(total.latency.percentile(50)))  p90 \(time(total.latency.percentile(90)))  "
        + "p99 \(time(total.latency.percentile(99)))  max \(time(total.latency.maximum))",
      "\(dim("status   "))\(cut(classes(LoadResult.classes(total.statuses)), columns - 9))",
      "\(dim("errors   "))\(total.failed > 0 ? red(cut(errors, columns - 9)) : errors)",
    ]
    return lines
  }

  private static func bar(_ progress: LoadProgress, columns: Int) -> String {
    let share = progress.planned > 0 ? min(progress.seconds / progress.planned, 1) : 1
    let label = " \(Decimal.text(progress.seconds, places: 1)) of \(Decimal.text(progress.planned, places: 0)) s"
    let width = max(10, min(60, columns - label.count - 2))
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
    text.count <= columns ? text : String(text.prefix(max(columns - 1, 0))) + "…"
  }
}
