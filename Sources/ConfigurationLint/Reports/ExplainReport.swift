import GatewayModel

/// Timeout tables for people. Routers with the same timeouts share a table.
struct ExplainReport {
  let tables: [TimeoutTable]
  let width: Int
  let usesColor: Bool

  init(_ tables: [TimeoutTable], width: Int, usesColor: Bool) {
    self.tables = tables
    self.width = width
    self.usesColor = usesColor
  }

  var lines: [String] {
    guard !tables.isEmpty else { return [] }
    return grouped.flatMap { lines($0) } + legend
  }

  private struct Key: Hashable {
    var entryPoint: String
    var usesTLS: Bool
    var timeouts: [TimeoutInForce]
  }

  private var grouped: [[TimeoutTable]] {
    var order: [Key] = []
    var groups: [Key: [TimeoutTable]] = [:]
    for table in tables {
      let key = Key(entryPoint: table.entryPoint, usesTLS: table.usesTLS, timeouts: table.timeouts)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(table)
    }
    return order.compactMap { groups[$0] }
  }

  private func lines(_ group: [TimeoutTable]) -> [String] {
    guard let first = group.first else { return [] }
    var lines = [""]
    for table in group.prefix(8) {
      lines.append(paint("\(table.router)", .bold) + " on \(table.entryPoint)\(table.usesTLS ? ", TLS" : "")")
      lines += "\(table.location): \(table.rule)".wrapped(width - 2).map { "  " + paint($0, .dim) }
    }
    if group.count > 8 { lines.append("and \(group.count - 8) more routers with the same timeouts") }
    let column = max(26, first.timeouts.map(\.name.count).max() ?? 0)
    for hop in TimeoutInForce.Hop.allCases {
      var subject: String?
      for row in first.timeouts where row.hop == hop {
        if row.subject != subject {
          subject = row.subject
          lines.append("  " + hop.heading + (row.subject.isEmpty ? "" : ": \(row.subject)"))
        }
        lines.append(
          "    " + row.name.padded(column) + " " + (row.value?.spelled ?? "none").padded(7) + " " + source(row.origin))
      }
    }
    for removal in first.removals {
      let text =
        "a server of \(removal.service) that hangs is out after \(removal.span.best.spelled) to "
        + "\(removal.span.worst.spelled) (\(removal.sum))"
      lines += text.wrapped(width - 2).map { "  " + $0 }
    }
    let sum = ("until the response begins: " + first.worstCase.text).wrapped(width - 2)
    return lines + sum.map { "  " + $0 }
  }

  private func source(_ origin: TimeoutInForce.Origin) -> String {
    switch origin {
    case .builtIn: "built in"
    case .standard: "default"
    case .written(let level, _, let location): "\(location) (\(level))"
    }
  }

  /// What is timed, each name once.
  private var legend: [String] {
    var seen: Set<String> = []
    var lines = ["", "What they time:"]
    for timeout in tables.flatMap(\.timeouts) where seen.insert(timeout.name + timeout.meaning).inserted {
      let text = "\(timeout.name): \(timeout.meaning)".wrapped(width - 4)
      lines += text.enumerated().map { ($0 == 0 ? "  " : "    ") + $1 }
    }
    return lines
  }

  private func paint(_ text: String, _ color: Color) -> String { usesColor ? color.paint(text) : text }
}
