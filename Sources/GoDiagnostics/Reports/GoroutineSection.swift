/// Goroutines by signature, as part of a page: one line a group, its stack behind it.
enum GoroutineSection {
  static func html(_ report: GoroutineReport) -> String {
    let groups = report.groups.prefix(50)
    let own = groups.filter { $0.class != .system }
    let system = groups.filter { $0.class == .system }
    let largest = groups.first?.count ?? 1
    var parts = [
      "<h2>\(report.total) goroutines, \(report.groups.count) groups</h2>", classes(report), convoys(report),
    ]
    parts += own.map { entry($0, largest: largest) }
    if !system.isEmpty {
      let count = system.reduce(0) { $0 + $1.count }
      parts.append(
        "<details><summary class=\"aside\">\(count) of the runtime's own</summary>"
          + system.map { entry($0, largest: largest) }.joined(separator: "\n") + "</details>")
    }
    if report.groups.count > groups.count {
      parts.append("<p class=\"aside\">\(report.groups.count - groups.count) more groups are not shown.</p>")
    }
    return parts.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private static func classes(_ report: GoroutineReport) -> String {
    let sorted = report.classes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    let words = sorted.map { "<span class=\"tag \($0.key)\">\($0.key) \($0.value)</span>" }
    return "<p>\(words.joined(separator: " "))</p>"
  }

  private static func convoys(_ report: GoroutineReport) -> String {
    report.convoys.prefix(5).map { convoy in
      "<p>\(convoy.waiting) wait for the mutex <code>\(TriagePage.text(convoy.address))</code>.</p>"
    }.joined(separator: "\n")
  }

  private static func entry(_ group: GoroutineReport.Group, largest: Int) -> String {
    func text(_ words: String) -> String { TriagePage.text(words) }
    // Bars compare; where every group has one member there is nothing to compare.
    let percent = max(1, Int(Double(group.count) / Double(max(largest, 1)) * 100))
    let bar = largest > 1 ? "<span class=\"bar\"><i style=\"width:\(percent)%\"></i></span>" : ""
    let minutes = group.minutes.map { $0 > 0 ? ", \($0) min" : "" } ?? ""
    let frames = group.frames.map { "\($0.function)\n    \($0.file):\($0.line)" }.joined(separator: "\n")
    let created = group.createdBy.map { "\ncreated by \($0.function)\n    \($0.file):\($0.line)" } ?? ""
    let pattern = group.pattern.map { "<p>\(text($0.meaning)) \(text($0.remedy))</p>" } ?? ""
    let labels = group.labels.isEmpty ? "" : "<p>labels \(text(group.labels.prefix(4).joined(separator: "; ")))</p>"
    let tag = "<span class=\"tag \(group.class.rawValue)\">\(group.class.rawValue)</span>"
    return """
      <details><summary>\(bar)<b>\(group.count) × \(text(group.state))\(minutes)</b> \
      \(tag) <code>\(text(group.place))</code></summary>\
      \(pattern)\(labels)<pre>\(text(frames + created))</pre></details>
      """
  }
}
