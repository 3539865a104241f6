#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Texts in a page.
enum HTML {
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
    return out
  }
}

/// A result as one page that needs nothing else: no script, no font, no network. It follows light and dark.
public enum HTMLReport {
  /// The whole page.
  public static func page(_ result: LoadResult) -> String {
    let target = HTML.escaped(result.settings.target)
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Load on \(target)</title><style>\(PageStyle.text)</style></head><body><main>
      <h1>Load on <span class="target">\(target)</span></h1>
      <p class="about">\(about(result))</p>
      \(tiles(result))
      \(verdicts(result))
      \(section("Latency over time, in seconds", latencyOverTime(result)))
      \(section("Answers a second over time, in seconds", throughput(result)))
      \(section("Latency by percentile of answers", distribution(result)))
      \(table(result))
      <footer>sluice load. Latency counts from when a request was due, not from when it left.</footer>
      </main></body></html>

      """
  }

  // MARK: Parts

  private static func about(_ result: LoadResult) -> String {
    let settings = result.settings
    let pace = settings.rate.map { "open loop at \($0) a second" } ?? "closed loop"
    return HTML.escaped(
      "\(settings.transport) · connections \(settings.connections) · threads \(settings.threads) · \(pace) · "
        + "\(Decimal.text(result.seconds, places: 1)) s · seed \(settings.seed)"
        + (result.interrupted ? " · ended early" : ""))
  }

  private static func tiles(_ result: LoadResult) -> String {
    let total = result.total
    let good = LoadResult.classes(total.statuses)[1]
    let share = total.responses == 0 ? 0 : Double(good) / Double(total.responses) * 100
    func latency(_ percent: Double) -> String {
      total.responses == 0 ? "–" : LatencyText.text(Double(total.latency.percentile(percent)))
    }
    let tiles = [
      ("answers a second", Decimal.grouped(UInt64(result.rate.rounded()))), ("P50", latency(50)), ("P99", latency(99)),
      ("2xx", "\(Decimal.text(share, places: share < 99.95 && share > 0 ? 1 : 0)) %"),
      ("errors", Decimal.grouped(total.failed)),
    ]
    return "<div class=\"tiles\">"
      + tiles.map { name, value in
        let kind = name == "errors" && total.failed > 0 ? "tile bad" : "tile"
        return "<div class=\"\(kind)\"><b>\(value)</b><span>\(name)</span></div>"
      }.joined() + "</div>"
  }

  private static func verdicts(_ result: LoadResult) -> String {
    guard !result.verdicts.isEmpty else { return "" }
    let items = result.verdicts.map { verdict in
      "<li class=\"\(verdict.held ? "held" : "failed")\"><b>\(verdict.held ? "held" : "failed")</b> "
        + "<code>\(HTML.escaped(verdict.text))</code> found \(HTML.escaped(verdict.found))</li>"
    }
    return "<section><h2>Expectations</h2><ul class=\"verdicts\">\(items.joined())</ul></section>"
  }

  private static func section(_ title: String, _ plot: Plot) -> String {
    let legend = plot.lines.map { "<span class=\"key \($0.style)\">\(HTML.escaped($0.name))</span>" }.joined()
    return "<section><h2>\(title)</h2><p class=\"legend\">\(legend)</p>\(plot.svg())</section>"
  }

  /// The intervals of plots: those behind the end, with nothing left to send or to come, would look like a fall.
  private static func rows(_ result: LoadResult) -> ArraySlice<LoadResult.Interval> {
    let isOver = { (row: LoadResult.Interval) in
      row.start >= result.settings.planned && row.sent == 0 && row.responses == 0 && row.failures == 0
    }
    return result.intervals.dropLast(result.intervals.reversed().prefix(while: isOver).count)
  }

  private static func latencyOverTime(_ result: LoadResult) -> Plot {
    func line(_ name: String, _ style: String, _ value: (LoadResult.Interval) -> Int64) -> Plot.Line {
      Plot.Line(
        name: name, style: style,
        points: rows(result).map { row in
          (row.start + row.seconds, row.responses == 0 ? nil : Double(max(value(row), 1)))
        })
    }
    return Plot(
      lines: [
        line("P50", "a") { $0.p50 }, line("P90", "b") { $0.p90 }, line("P99", "c") { $0.p99 },
        line("max", "d") { $0.maximum },
      ],
      isLogarithmic: true, xTicks: timeTicks(result), yText: { LatencyText.tick($0) })
  }

  private static func throughput(_ result: LoadResult) -> Plot {
    func line(_ name: String, _ style: String, _ value: (LoadResult.Interval) -> Double?) -> Plot.Line {
      Plot.Line(name: name, style: style, points: rows(result).map { ($0.start + $0.seconds, value($0)) })
    }
    var lines: [Plot.Line] = []
    if result.settings.rate != nil { lines.append(line("wanted", "e") { $0.wanted }) }
    lines.append(line("answers", "a") { Double($0.responses) / $0.seconds })
    if result.total.failed > 0 { lines.append(line("errors", "d") { Double($0.failures) / $0.seconds }) }
    let notGood = rows(result).contains { $0.classes.enumerated().contains { $0.offset != 1 && $0.element > 0 } }
    if notGood { lines.append(line("2xx", "b") { Double($0.classes[1]) / $0.seconds }) }
    return Plot(
      lines: lines, xTicks: timeTicks(result), yText: { Decimal.grouped(UInt64(max($0, 0).rounded())) })
  }

  private static func distribution(_ result: LoadResult) -> Plot {
    // Percentiles on a scale where each nine takes the same room: 90, 99, 99.9 …
    let nines = stride(from: 0.0, through: 5, by: 0.05).map { $0 }
    func line(_ name: String, _ style: String, _ histogram: LatencyHistogram) -> Plot.Line {
      Plot.Line(
        name: name, style: style,
        points: nines.map { nine in
          let percent = 100 - 100 / pow(10, nine)
          return (nine, histogram.count == 0 ? nil : Double(max(histogram.percentile(percent), 1)))
        })
    }
    var lines = [line("from due time", "c", result.total.latency)]
    if result.settings.rate != nil { lines.append(line("from sending", "e", result.total.service)) }
    let ticks = [(0.0, "0"), (0.301, "50"), (1, "90"), (2, "99"), (3, "99.9"), (4, "99.99"), (5, "99.999")]
    return Plot(
      lines: lines, isLogarithmic: true, xTicks: ticks.map { (at: $0.0, text: $0.1) },
      yText: { LatencyText.tick($0) })
  }

  private static func timeTicks(_ result: LoadResult) -> [(at: Double, text: String)] {
    guard let last = rows(result).last else { return [] }
    let end = last.start + last.seconds
    let step = Plot.niceStep(end / 8)
    return stride(from: 0, through: end, by: step).map { at in
      (at: at, text: Decimal.text(at, places: step < 1 ? 1 : 0))
    }
  }

  private static func table(_ result: LoadResult) -> String {
    let total = result.total
    var rows: [(String, String)] = []
    if total.responses > 0 {
      for percent in LoadReport.percents {
        rows.append(
          (LoadReport.name(percent).uppercased(), LatencyText.text(Double(total.latency.percentile(percent)))))
      }
      rows.append(("max", LatencyText.text(Double(total.latency.maximum))))
      rows.append(("mean", LatencyText.text(total.latency.mean)))
    }
    if let wanted = result.settings.wanted { rows.append(("wanted", Decimal.grouped(UInt64(wanted)))) }
    rows.append(("sent", Decimal.grouped(total.sent)))
    rows.append(("answers", Decimal.grouped(total.responses)))
    for status in total.statuses.indices where total.statuses[status] > 0 {
      rows.append(("status \(status)", Decimal.grouped(total.statuses[status])))
    }
    for kind in FailureKind.allCases where total.failures(kind) > 0 {
      rows.append(("error: \(kind.name)", Decimal.grouped(total.failures(kind))))
    }
    rows.append(("connections opened", Decimal.grouped(total.connections)))
    rows.append(("received", Decimal.bytes(total.bytesReceived)))
    if result.settings.requests.count > 1 {
      for (name, count) in zip(result.settings.requests, total.byRequest) {
        rows.append((name, Decimal.grouped(count)))
      }
    }
    return "<section><h2>Numbers</h2><table>"
      + rows.map { "<tr><th>\(HTML.escaped($0.0))</th><td>\(HTML.escaped($0.1))</td></tr>" }.joined()
      + "</table></section>"
  }
}
