/// A triage report as one page: no scripts, no fonts, no requests; it can be mailed and kept.
public enum TriagePage {
  /// - Parameter pictures: SVG made elsewhere (a map's buckets, a graph of holders), with their titles.
  public static func html(_ report: TriageReport, pictures: [(title: String, svg: String)] = []) -> String {
    var body: [String] = []
    let verdict = report.verdict
    body.append(
      "<h1>\(text(verdict.kind.rawValue)) <small>certainty \(verdict.certainty.rawValue): "
        + "\(TriageTerminal.words(verdict.certainty))</small></h1>"
    )
    body.append("<p class=\"lead\">\(text(verdict.meaning))</p>")
    if let line = verdict.line { body.append("<pre>\(text(line))</pre>") }
    if let site = verdict.site {
      let id = site.goroutine.map { "goroutine \($0), " } ?? ""
      body.append("<p>\(id)<code>\(text(site.function))</code><br><code>\(text(site.file)):\(site.line)</code></p>")
    }
    body.append("<p><b>Remedy.</b> \(text(verdict.remedy)) <b>Runbook:</b> <code>\(text(verdict.runbook))</code></p>")
    if let race = report.race { body.append(raceSection(race)) }
    if let recursion = report.recursion {
      body.append(
        "<h2>Recursion, \(recursion.depth) frames</h2><pre>\(text(recursion.cycle.joined(separator: "\n")))</pre>")
    }
    body.append(
      table(
        "Evidence", ["source", "statement", "quote"], report.evidence.map { [$0.source, $0.statement, $0.quote ?? ""] })
    )
    body.append(
      table(
        "Sources disagree", ["one", "other", "stronger", "because"],
        report.disagreements.map { item in
          let words = item.statements.map { "\($0.source): \($0.statement) \($0.quote ?? "")" }
          return [words.first ?? "", words.dropFirst().joined(separator: "; "), item.stronger, item.reason]
        }))
    body.append(
      table("Time line", ["time", "source", "event"], report.timeline.map { [$0.time, $0.source, $0.event] }))
    if let goroutines = report.goroutines { body.append(groupSection(goroutines)) }
    if let gc = report.gc {
      body.append("<h2>Garbage collection</h2><p>\(text(gc.sentence))</p>\(HeapPlot.svg(gc))")
    }
    for picture in pictures { body.append("<h2>\(text(picture.title))</h2>\(picture.svg)") }
    body.append(table("Missing", ["what", "why", "next time"], report.missing.map { [$0.what, $0.why, $0.setting] }))
    body.append(table("Next", ["run"], report.next.map { [$0] }))
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>\(text(verdict.kind.rawValue))</title>
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <style>\(style)</style></head><body>
      \(body.joined(separator: "\n"))
      </body></html>
      """
  }

  private static let style = """
    body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
    h1 small{font-size:1rem;font-weight:normal;color:#666}.lead{font-size:1.2rem}
    pre,code{font:13px/1.4 ui-monospace,monospace;background:#f4f4f2;overflow-wrap:anywhere}
    pre{padding:.6rem;white-space:pre-wrap}
    table{border-collapse:collapse;width:100%}
    td,th{border-top:1px solid #ddd;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
    details{border-top:1px solid #ddd;padding:.3rem 0}.bar{display:inline-block;height:.7em;background:#469}
    svg{max-width:100%;background:#fff}
    """

  private static func text(_ words: String) -> String { Markup.escaped(words) }

  private static func table(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
    guard !rows.isEmpty else { return "" }
    let head = heads.map { "<th>\(text($0))</th>" }.joined()
    let lines = rows.map { "<tr>" + $0.map { "<td>\(text($0))</td>" }.joined() + "</tr>" }
    return "<h2>\(text(title))</h2><table><tr>\(head)</tr>\(lines.joined(separator: "\n"))</table>"
  }

  private static func raceSection(_ race: MapRace) -> String {
    let rows =
      race.parties.map { ["party", TriageTerminal.describe($0)] }
      + race.candidates.map { ["could have run", TriageTerminal.describe($0)] }
    return table("Race on map \(race.map ?? "(address unknown)") \(race.type ?? "")", ["role", "goroutine"], rows)
      + RaceGraph.svg(race)
  }

  private static func groupSection(_ report: GoroutineReport) -> String {
    let largest = Double(max(report.groups.first?.count ?? 1, 1))
    let entries = report.groups.prefix(50).map { group in
      let width = max(2, Int(Double(group.count) / largest * 200))
      let frames = group.frames.map { "\($0.function)\n    \($0.file):\($0.line)" }.joined(separator: "\n")
      let created = group.createdBy.map { "\ncreated by \($0.function)\n    \($0.file):\($0.line)" } ?? ""
      let pattern = group.pattern.map { "<p>\(text($0.meaning)) \(text($0.remedy))</p>" } ?? ""
      return """
        <details><summary><span class="bar" style="width:\(width)px"></span> \(group.count) × \(text(group.state)) \
        [\(group.class.rawValue)] \(text(group.headline))</summary>\(pattern)\
        <pre>\(text(frames + created))</pre></details>
        """
    }
    return "<h2>\(report.total) goroutines, \(report.groups.count) groups</h2>\(entries.joined(separator: "\n"))"
  }
}

/// Who is on the map, as a picture: the map in the middle, goroutines around.
public enum RaceGraph {
  public static func svg(_ race: MapRace) -> String {
    let parties = race.parties.map { ($0, "#246") } + race.candidates.prefix(6).map { ($0, "#aaa") }
    guard !parties.isEmpty else { return "" }
    let height = 40 + parties.count * 44
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 \(height)\" "
        + "font-family=\"sans-serif\" font-size=\"12\">"
    ]
    parts.append("<rect x=\"520\" y=\"\(height / 2 - 20)\" width=\"190\" height=\"40\" fill=\"#fee\" stroke=\"#c33\"/>")
    parts.append(
      "<text x=\"615\" y=\"\(height / 2 + 4)\" text-anchor=\"middle\">map \(Markup.escaped(race.map ?? "?"))</text>")
    for (number, (party, colour)) in parties.enumerated() {
      let y = 30 + number * 44
      let dash = colour == "#aaa" ? " stroke-dasharray=\"4 3\"" : ""
      parts.append("<path d=\"M330 \(y + 8)L520 \(height / 2)\" stroke=\"\(colour)\" fill=\"none\"\(dash)/>")
      parts.append("<rect x=\"10\" y=\"\(y - 10)\" width=\"320\" height=\"36\" fill=\"#fff\" stroke=\"\(colour)\"/>")
      let id = party.goroutine.map { "goroutine \($0)" } ?? "goroutine"
      parts.append("<text x=\"18\" y=\"\(y + 4)\">\(id) \(Markup.escaped(party.operation))</text>")
      parts.append(
        "<text x=\"18\" y=\"\(y + 19)\">\(Markup.escaped(String(party.function.suffix(44)))):\(party.line)</text>")
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }
}
