/// A result as a table for a terminal or a log: plain text, 80 columns.
public enum TextReport {
  /// The lines of the final table.
  public static func lines(_ result: LoadResult) -> [String] {
    let settings = result.settings
    let total = result.total
    var lines = [
      "\(settings.target)  \(settings.transport)",
      "\(settings.connections) \(plural("connection", settings.connections)), "
        + "\(settings.threads) \(plural("thread", settings.threads)), "
        + (settings.rate.map { "open loop at \($0) a second" + (settings.spacing == .poisson ? " (Poisson)" : "") }
          ?? "closed loop")
        + ", seed \(settings.seed)" + (result.interrupted ? ", ended early" : ""),
      "",
      row("time", "\(Decimal.text(result.seconds, places: 2)) s"),
      row("requests", requests(result)),
      row("answers", "\(Decimal.grouped(total.responses)) (\(Decimal.text(result.rate, places: 1))/s)"),
      row("errors", failures(total)),
      row("status", statuses(total)),
      row("bytes", "\(Decimal.bytes(total.bytesReceived)) received, \(Decimal.bytes(total.bytesSent)) sent"),
      row("connections", connections(total)),
    ]
    if total.failures(.tls) > 0, let reason = total.handshakeFailure {
      lines.insert(row("", "tls, the first one: \(reason)"), at: lines.count - 3)
    }
    if settings.requests.count > 1 {
      for (index, name) in settings.requests.enumerated() {
        lines.append(row(index == 0 ? "by request" : "", "\(Decimal.grouped(total.byRequest[index]))  \(name)"))
      }
    }
    lines.append("")
    lines += latencies(result)
    if !result.verdicts.isEmpty {
      lines.append("")
      for verdict in result.verdicts {
        lines.append("\(verdict.held ? "held  " : "FAILED") \(verdict.text)  (found \(verdict.found))")
      }
    }
    return lines
  }

  private static func latencies(_ result: LoadResult) -> [String] {
    let total = result.total
    guard total.responses > 0 else { return ["no answer, so no latency"] }
    let isOpen = result.settings.rate != nil
    var lines = [isOpen ? "latency      from due time    from sending" : "latency"]
    func add(_ name: String, _ due: Double, _ sent: Double) {
      let first = LatencyText.text(due)
      lines.append(
        "  \(padded(name, 9))\(leading(first, isOpen ? 15 : 12))" + (isOpen ? leading(LatencyText.text(sent), 16) : ""))
    }
    add("mean", total.latency.mean, total.service.mean)
    for percent in LoadReport.percents {
      add(
        LoadReport.name(percent), Double(total.latency.percentile(percent)), Double(total.service.percentile(percent)))
    }
    add("max", Double(total.latency.maximum), Double(total.service.maximum))
    return lines
  }

  private static func requests(_ result: LoadResult) -> String {
    var text = "\(Decimal.grouped(result.total.sent)) sent"
    if let wanted = result.settings.wanted { text += " of \(Decimal.grouped(UInt64(wanted))) wanted" }
    return text
  }

  private static func connections(_ total: Tally) -> String {
    let each = total.connections == 0 ? 0 : Double(total.sent) / Double(total.connections)
    return "\(Decimal.grouped(total.connections)) opened, \(Decimal.text(each, places: 1)) requests on each"
  }

  static func failures(_ total: Tally) -> String {
    guard total.failed > 0 else { return "0" }
    let kinds = FailureKind.allCases.filter { total.failures($0) > 0 }
    return "\(Decimal.grouped(total.failed)): "
      + kinds.map { "\($0.name) \(Decimal.grouped(total.failures($0)))" }.joined(separator: ", ")
  }

  static func statuses(_ total: Tally) -> String {
    let seen = total.statuses.indices.filter { total.statuses[$0] > 0 }
    return seen.isEmpty ? "none" : seen.map { "\($0): \(Decimal.grouped(total.statuses[$0]))" }.joined(separator: ", ")
  }

  private static func row(_ name: String, _ value: String) -> String { padded(name, 13) + value }

  private static func plural(_ word: String, _ count: Int) -> String { count == 1 ? word : word + "s" }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  static func leading(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
