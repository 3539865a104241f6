/// Reports as text for a terminal: no colours, lines that can be copied, the answer first.
public enum TriageTerminal {
  /// The report, verdict first.
  public static func text(_ report: TriageReport) -> String {
    var lines: [String] = []
    let verdict = report.verdict
    lines.append(
      "VERDICT   \(verdict.kind.rawValue)   certainty \(verdict.certainty.rawValue) (\(words(verdict)))")
    lines.append("          \(verdict.meaning)")
    if let line = verdict.line { lines.append("          \"\(line)\"") }
    if let site = verdict.site {
      let id = site.goroutine.map { "goroutine \($0), " } ?? ""
      lines.append("SITE      \(id)\(site.function)")
      lines.append("          \(site.file):\(site.line)")
    }
    if let race = report.race {
      lines.append("RACE      map \(race.map ?? "address unknown")\(race.type.map { ", type \($0)" } ?? "")")
      for party in race.parties { lines.append("          \(describe(party))") }
      if !race.candidates.isEmpty { lines.append("          could also have run, not proven:") }
      for party in race.candidates.prefix(8) { lines.append("          ? \(describe(party))") }
    }
    if let recursion = report.recursion {
      lines.append("CYCLE     \(recursion.depth) frames of:")
      lines += recursion.cycle.map { "          \($0)" }
    }
    lines.append("REMEDY    \(verdict.remedy)")
    lines.append("RUNBOOK   \(verdict.runbook)")
    section("EVIDENCE", &lines)
    for item in report.evidence {
      lines.append("  [\(item.source)] \(item.statement)")
      if let quote = item.quote { lines.append("      \(quote)") }
    }
    if !report.disagreements.isEmpty { section("SOURCES DISAGREE", &lines) }
    for item in report.disagreements {
      for statement in item.statements {
        lines.append("  [\(statement.source)] \(statement.statement)\(statement.quote.map { ": \($0)" } ?? "")")
      }
      lines.append("  stronger: \(item.stronger), because \(item.reason)")
    }
    if !report.timeline.isEmpty { section("TIME LINE", &lines) }
    for moment in report.timeline { lines.append("  \(moment.time)  [\(moment.source)] \(moment.event)") }
    if let goroutines = report.goroutines, goroutines.total > 1 {
      section("GOROUTINES", &lines)
      lines += GoroutineTerminal.lines(goroutines, top: 8, hidesSystem: true)
    }
    if !report.missing.isEmpty { section("MISSING", &lines) }
    for item in report.missing {
      lines.append("  \(item.what): \(item.why)")
      lines.append("      next time: \(item.setting)")
    }
    section("NEXT", &lines)
    lines += report.next.map { "  \($0)" }
    return lines.map(Printable.line).joined(separator: "\n")
  }

  private static func section(_ title: String, _ lines: inout [String]) {
    lines.append("")
    lines.append(title)
  }

  static func words(_ verdict: TriageReport.Verdict) -> String {
    switch verdict.certainty {
    case .a: "confirmed"
    case .b: "likely"
    case .c: "from text only"
    case .d: verdict.kind.isMapRace ? "only the detector seen" : "not proved"
    }
  }

  static func describe(_ party: MapRace.Party) -> String {
    let id = party.goroutine.map { "goroutine \($0)" } ?? "a goroutine"
    return "\(id) \(party.operation): \(party.function) (\(party.file):\(party.line))"
  }
}

/// Groups of goroutines as text for a terminal.
public enum GoroutineTerminal {
  /// Totals, findings and the largest `top` groups.
  public static func text(_ report: GoroutineReport, top: Int) -> String {
    lines(report, top: top).map(Printable.line).joined(separator: "\n")
  }

  /// - Parameter hidesSystem: the runtime's own goroutines are counted and not shown; every process has them.
  static func lines(_ report: GoroutineReport, top: Int, hidesSystem: Bool = false) -> [String] {
    var lines = ["  \(report.total) goroutines in \(report.groups.count) groups (\(report.source))"]
    if report.total == 0, report.filtered == 0 {
      lines.append("  no goroutine in it: expected is a traceback (SIGQUIT, debug=2), a profile or a log with one")
      return lines
    }
    if report.filtered > 0 { lines.append("  \(report.filtered) left out by the filter") }
    if report.truncated { lines.append("  the input ends within a goroutine: it was cut") }
    if report.ungrouped > 0 { lines.append("  \(report.ungrouped) beyond the limit of groups, counted only") }
    let classes = report.classes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    lines.append("  " + classes.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    for convoy in report.convoys.prefix(5) {
      lines.append("  \(convoy.waiting) wait for the mutex \(convoy.address)\(holders(convoy))")
    }
    let shown = report.groups.filter { !hidesSystem || $0.class != .system }
    for group in shown.prefix(top) {
      let minutes = group.minutes.map { ", up to \($0) min" } ?? ""
      lines.append("")
      lines.append("  \(group.count) × \(group.state)  [\(group.class.rawValue)\(minutes)]")
      for frame in group.frames.prefix(12) { lines.append("      \(frame.function)  \(frame.file):\(frame.line)") }
      if group.frames.count > 12 { lines.append("      … \(group.frames.count - 12) more") }
      if let created = group.createdBy {
        lines.append("      created by \(created.function)  \(created.file):\(created.line)")
      }
      if let pattern = group.pattern { lines.append("      \(pattern.name): \(pattern.meaning) \(pattern.remedy)") }
      if !group.labels.isEmpty { lines.append("      labels \(group.labels.prefix(4).joined(separator: "; "))") }
    }
    if shown.count > top { lines.append("\n  … \(shown.count - top) more groups") }
    if shown.count < report.groups.count {
      lines.append("\n  and \(report.groups.count - shown.count) groups of the runtime's own")
    }
    return lines
  }

  private static func holders(_ convoy: GoroutineReport.Convoy) -> String {
    convoy.mayHold.isEmpty
      ? "; no stack outside shows its address" : "; may be held by \(convoy.mayHold.joined(separator: ", "))"
  }

  /// The `top` groups that changed most.
  public static func text(_ diff: GoroutineDiff, top: Int) -> String {
    var lines = ["  \(diff.before) → \(diff.after) goroutines, \(diff.changes.count) groups changed"]
    for change in diff.changes.prefix(top) {
      let sign = change.delta > 0 ? "+" : ""
      lines.append("")
      lines.append(
        "  \(sign)\(change.delta)  (\(change.before) → \(change.after))\(change.isNew ? " new" : "")  "
          + change.group.headline
      )
      if let created = change.group.createdBy {
        lines.append("      created by \(created.function)  \(created.file):\(created.line)")
      }
    }
    return lines.map(Printable.line).joined(separator: "\n")
  }
}

/// A garbage collector's log as text for a terminal.
public enum GCTerminal {
  /// The verdict, then the numbers behind it.
  public static func text(_ report: GCReport) -> String {
    var lines = ["VERDICT   \(report.sentence)"]
    lines.append(
      "LOG       \(report.collector.rawValue), \(report.cycles) collections"
        + (report.seconds.map { " in \(GCReport.rounded($0)) s" } ?? "")
    )
    let pauses = report.pauses
    lines.append(
      "PAUSES    \(pauses.count), median \(GCReport.rounded(pauses.medianMilliseconds)) ms, "
        + "p99 \(GCReport.rounded(pauses.p99Milliseconds)) ms, longest \(GCReport.rounded(pauses.maxMilliseconds)) ms"
    )
    if report.stalls.count > 0 {
      lines.append(
        "STALLS    \(report.stalls.count) threads waited for memory, "
          + "\(GCReport.rounded(report.stalls.totalMilliseconds)) ms in all, "
          + "longest \(GCReport.rounded(report.stalls.maxMilliseconds)) ms"
      )
    }
    if report.distress > 0 {
      lines.append("DISTRESS  \(report.distress) collections show the collector cannot keep up")
    }
    if report.outOfMemory > 0 { lines.append("MEMORY    \(report.outOfMemory) × Out Of Memory") }
    if let bend = report.bend { lines.append("BEND      at \(GCReport.rounded(bend.seconds)) s: \(bend.reason)") }
    if let limit = report.limitMegabytes { lines.append("LIMIT     \(GCReport.rounded(limit)) MB") }
    lines.append("")
    lines += HeapPlot.terminal(report)
    return lines.map(Printable.line).joined(separator: "\n")
  }
}

/// Text from outside, made harmless for a terminal.
enum Printable {
  /// Control characters, which could drive the terminal, become "?"; tabs become two blanks.
  static func line(_ text: String) -> String {
    guard
      text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f || (0x80...0x9f).contains($0.value) })
    else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar == "\n" {
        result += "\n"
      } else if scalar == "\t" {
        result += "  "
      } else if scalar.value < 0x20 || scalar.value == 0x7f || (0x80...0x9f).contains(scalar.value) {
        result += "?"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
