import GatewayModel

/// A report for people: findings by file, wrapped to the terminal.
public struct TextReport: Sendable {
  let report: LintReport
  let width: Int
  let usesColor: Bool
  let least: FindingCode.Severity

  /// - Parameters:
  ///   - width: of the terminal; between 40 and 120 is used.
  ///   - least: findings below it are left out.
  public init(_ report: LintReport, width: Int, usesColor: Bool, least: FindingCode.Severity = .note) {
    self.report = report
    self.width = min(max(width, 40), 120)
    self.usesColor = usesColor
    self.least = least
  }

  /// Lines for standard output.
  public var lines: [String] { report.files.flatMap(lines) }

  private func lines(_ file: LintReport.File) -> [String] {
    // Mistakes keep the form that editors know: file:line:column: text.
    var lines = file.mistakes.map(\.description)
    let shown = file.findings.filter { $0.code.severity >= least }
    var group = ""
    for finding in shown {
      if finding.location.file != group {
        group = finding.location.file
        if !lines.isEmpty { lines.append("") }
        lines.append(paint(group, .bold))
      }
      lines += self.lines(finding)
    }
    lines += ExplainReport(file.timeouts, width: width, usesColor: usesColor).lines
    guard least == .note else { return lines }
    if !shown.isEmpty || !file.timeouts.isEmpty { lines.append("") }
    return lines + summary(file).wrapped(width)
  }

  private func lines(_ finding: Finding) -> [String] {
    let position = "\(finding.location.position.line):\(finding.location.position.column)"
    let severity = finding.code.severity
    let indent = String(repeating: " ", count: 9)
    let head = position.padded(7, right: true) + "  "
    let label = "\(severity.rawValue) \(finding.code.rawValue) "
    var text = (label + finding.message).wrapped(width - indent.count)
    text[0] = paint(String(label.dropLast()), severity.color) + " " + text[0].dropFirst(label.count)
    var lines = [head + text[0]] + text.dropFirst().map { indent + $0 }
    lines += ("try: " + finding.advice).wrapped(width - indent.count).map { indent + paint($0, .dim) }
    for related in finding.related {
      let file = related.location.file == finding.location.file ? "line " : related.location.file + ":"
      let place = "\(file)\(related.location.position.line)"
      lines += "see: \(place), \(related.what)".wrapped(width - indent.count).map { indent + paint($0, .dim) }
    }
    if !finding.picture.isEmpty { lines += [""] + finding.picture.map { $0.isEmpty ? "" : "  " + $0 } + [""] }
    return lines
  }

  private func summary(_ file: LintReport.File) -> String {
    let counts = [(file.count(.error), "error"), (file.count(.warning), "warning"), (file.count(.note), "note")]
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
    let found = counts.isEmpty ? "" : counts.joined(separator: ", ")
    guard file.isTaken else {
      let isOnlyUnsupported = !file.mistakes.contains { $0.kind == .error }
      let hint = isOnlyUnsupported ? "; --allow-unsupported takes what Sluice has not yet as warnings" : ""
      return "\(file.name): refused, \(found)\(hint)"
    }
    let state = file.count(.error) > 0 ? "valid" : "fine"
    return "\(file.name): \(state) (\(file.contents))\(found.isEmpty ? "" : ", \(found)")"
  }

  private func paint(_ text: String, _ color: Color) -> String { usesColor ? color.paint(text) : text }
}

/// Colours of a terminal (ECMA-48 SGR).
enum Color: String {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case yellow = "33"
  case cyan = "36"

  func paint(_ text: String) -> String { "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" }
}

extension FindingCode.Severity {
  var color: Color {
    switch self {
    case .error: .red
    case .warning: .yellow
    case .note: .cyan
    }
  }
}

extension String {
  /// Filled with spaces to a width; longer texts stay.
  func padded(_ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - count))
    return right ? space + self : self + space
  }

  /// Broken between words into lines of at most `width` characters; a longer word has a line of its own. Never empty.
  func wrapped(_ width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    return lines + [line]
  }
}
