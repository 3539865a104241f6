/// A triage report as one page: no scripts, no fonts, no requests; it can be mailed and kept.
///
/// Read on a laptop in an office and on a telephone at night, so rows of tables become paragraphs where it is narrow,
/// and pictures, whose text must stay readable, scroll by themselves. The answer comes first, then what it rests on;
/// the runtime's own goroutines are folded away: every process has them.
public enum TriagePage {
  /// - Parameter pictures: SVG made elsewhere (a map's buckets, a graph of holders), with their titles.
  public static func html(_ report: TriageReport, pictures: [(title: String, svg: String)] = []) -> String {
    var body = [head(report)]
    if let race = report.race { body.append(raceSection(race)) }
    if let recursion = report.recursion {
      body.append(
        "<h2>Recursion, \(recursion.depth) frames</h2><pre>\(text(recursion.cycle.joined(separator: "\n")))</pre>")
    }
    body.append(
      table(
        "Evidence", ["source", "statement", "quote"], code: [2],
        report.evidence.map { [$0.source, $0.statement, $0.quote ?? ""] }))
    body.append(
      table(
        "Sources disagree", ["one", "other", "stronger", "because"],
        report.disagreements.map { item in
          let words = item.statements.map { "\($0.source): \($0.statement) \($0.quote ?? "")" }
          return [words.first ?? "", words.dropFirst().joined(separator: "; "), item.stronger, item.reason]
        }))
    body.append(timeline(report))
    if let goroutines = report.goroutines { body.append(GoroutineSection.html(goroutines)) }
    if let gc = report.gc {
      body.append("<h2>Garbage collection</h2><p>\(text(gc.sentence))</p>" + figure(HeapPlot.svg(gc)))
    }
    for picture in pictures { body.append("<h2>\(text(picture.title))</h2>" + figure(picture.svg)) }
    body.append(
      table(
        "Missing", ["what", "why", "next time"], code: [2], report.missing.map { [$0.what, $0.why, $0.setting] }))
    if !report.next.isEmpty {
      body.append("<h2>Next</h2><ol>" + report.next.map { "<li><code>\(text($0))</code></li>" }.joined() + "</ol>")
    }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>\(text(report.verdict.kind.rawValue))</title>
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <style>\(PageStyle.css)</style></head><body>
      \(body.filter { !$0.isEmpty }.joined(separator: "\n"))
      </body></html>
      """
  }

  static func text(_ words: String) -> String { Markup.escaped(words) }

  /// The answer: verdict, how sure, what was said, where, what to do.
  private static func head(_ report: TriageReport) -> String {
    let verdict = report.verdict
    var rows: [(String, String)] = []
    if let line = verdict.line { rows.append(("Said", "<code>\(text(line))</code>")) }
    if let site = verdict.site {
      let id = site.goroutine.map { "goroutine \($0), " } ?? ""
      rows.append(
        ("Where", "\(id)<code>\(text(site.function))</code><br><code>\(text(site.file)):\(site.line)</code>"))
    }
    rows.append(("Remedy", text(verdict.remedy)))
    rows.append(("Runbook", "<code>\(text(verdict.runbook))</code>"))
    let level = verdict.certainty.rawValue
    return """
      <h1>\(text(verdict.kind.rawValue)) <span class="level \(level)">\(level) \
      \(TriageTerminal.words(verdict))</span></h1>
      <p class="lead">\(text(verdict.meaning))</p>
      <dl>\(rows.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined())</dl>
      """
  }

  /// - Parameter code: columns whose words are commands or quotes.
  static func table(_ title: String, _ heads: [String], code: Set<Int> = [], _ rows: [[String]]) -> String {
    guard !rows.isEmpty else { return "" }
    let head = heads.map { "<th>\(text($0))</th>" }.joined()
    let lines = rows.map { row in
      let cells = zip(heads, row).enumerated().map { column, cell in
        let words = code.contains(column) && !cell.1.isEmpty ? "<code>\(text(cell.1))</code>" : text(cell.1)
        return "<td data-head=\"\(text(cell.0))\">\(words)</td>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return "<h2>\(text(title))</h2><table><tr class=\"heads\">\(head)</tr>\(lines.joined(separator: "\n"))</table>"
  }

  private static func figure(_ svg: String) -> String { svg.isEmpty ? "" : "<div class=\"figure\">\(svg)</div>" }

  private static func timeline(_ report: TriageReport) -> String {
    guard report.timeline.isEmpty else {
      return table("Time line", ["time", "source", "event"], report.timeline.map { [$0.time, $0.source, $0.event] })
    }
    return "<h2>Time line</h2><p class=\"aside\">None: no source carries a time. Logs of a container runtime or the "
      + "journal do, and so does a kernel log.</p>"
  }

  private static func raceSection(_ race: MapRace) -> String {
    func row(_ role: String, _ party: MapRace.Party) -> [String] {
      [
        role, party.goroutine.map { "\($0)" } ?? "?", party.operation, party.function, "\(party.file):\(party.line)",
      ]
    }
    let rows = race.parties.map { row("party", $0) } + race.candidates.map { row("could have run", $0) }
    return table(
      "Race on map \(race.map ?? "(address unknown)") \(race.type ?? "")",
      ["role", "goroutine", "operation", "function", "place"], code: [3, 4], rows)
      + figure(RaceGraph.svg(race))
  }
}
