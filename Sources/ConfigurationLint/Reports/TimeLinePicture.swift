/// A `ProbeTimeLine` as lines of text, none longer than 78 characters.
struct TimeLinePicture {
  /// Characters for time; with the names before them 78.
  private static let width = 68
  private static let scales: [Double] = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600]

  let line: ProbeTimeLine

  /// The worst case drawn, then best and worst in numbers.
  var lines: [String] { drawing + [""] + table }

  private var drawing: [String] {
    let end = line.back.worst.seconds
    guard let scale = Self.scales.first(where: { end / $0 < Double(Self.width) }) else { return [] }
    func column(_ time: Duration) -> Int { min(Self.width - 1, Int((time.seconds / scale).rounded(.down))) }
    var gateway = Row(Self.width)
    var liveness = Row(Self.width)
    var requests = Row(Self.width)
    for begin in line.gateway.failingStarts(.hangs) {
      gateway.fill(column(begin), column(begin + line.gateway.timeout), "-")
      gateway.put(column(begin), "x")
    }
    for begin in line.liveness.failingStarts(.hangs) {
      liveness.fill(column(begin), column(begin + line.liveness.timeout), "-")
      liveness.put(column(begin), "x")
    }
    requests.fill(0, column(line.removed.worst), "!")
    requests.fill(column(line.removed.worst), column(line.back.worst), "_")
    requests.put(column(line.back.worst), "+")
    liveness.fill(column(line.killed.worst), column(line.stopped.worst), "~")
    gateway.put(column(line.removed.worst), "R")
    liveness.put(column(line.killed.worst), "K")
    liveness.put(column(line.stopped.worst), "S")
    gateway.put(column(line.back.worst), "B")
    return [
      "at worst: the server hangs just after both probes have passed",
      Self.label("") + ruler(scale, end), Self.label("gateway") + gateway.text,
      Self.label("liveness") + liveness.text, Self.label("requests") + requests.text,
      "x probe  - waits  R removed  K SIGTERM  ~ grace  S stopped  B back",
      "! requests fail  _ the server gets nothing  + served again",
    ]
  }

  private func ruler(_ scale: Double, _ end: Double) -> String {
    var row = Row(Self.width)
    for column in stride(from: 0, to: Self.width, by: 10) where Double(column) * scale <= end + 10 * scale {
      let time = Duration.seconds(Double(column) * scale).spelled
      for (offset, character) in time.enumerated() { row.put(column + offset, character) }
    }
    return row.text
  }

  private var table: [String] {
    let start = line.start == .zero ? " + start" : ""
    func row(_ name: String, _ span: Span, _ how: String, _ more: String = "") -> String {
      Self.pad(name, 27) + Self.pad(span.best.spelled + more, 13) + Self.pad(span.worst.spelled + more, 13) + how
    }
    let (gateway, liveness) = (line.gateway, line.liveness)
    var rows = [
      Self.pad("", 27) + Self.pad("at best", 13) + "at worst",
      row("traffic is removed", line.removed, gateway.sum),
      row("liveness gives up", line.killed, liveness.sum),
      row("the process is gone", line.stopped, "+ \(line.terminationGrace.spelled) grace"),
      row("traffic is back", line.back, "+ \(line.rise) × \(line.unhealthyInterval.spelled)", start),
      row("the hole", line.hole, "removed to back", start),
    ]
    if line.initialDelay > .zero {
      rows.append(
        row("hangs as it starts: killed", line.killedWhileStarting, "+ \(line.initialDelay.spelled) delay"))
      rows.append(row("  the hole then", line.holeWhileStarting, "", start))
    }
    return rows.map { String($0.reversed().drop { $0 == " " }.reversed()) }
  }

  private static func label(_ text: String) -> String { pad(text, 10) }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// One line of the drawing.
  private struct Row {
    private var characters: [Character]

    init(_ width: Int) { characters = Array(repeating: " ", count: width) }

    mutating func put(_ column: Int, _ character: Character) {
      if characters.indices.contains(column) { characters[column] = character }
    }

    mutating func fill(_ from: Int, _ to: Int, _ character: Character) {
      for column in max(0, from)..<max(0, from, min(to, characters.count)) { characters[column] = character }
    }

    var text: String { String(String(characters).reversed().drop { $0 == " " }.reversed()) }
  }
}

extension Duration {
  /// In seconds, for drawing.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
