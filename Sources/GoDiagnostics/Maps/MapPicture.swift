/// A map drawn: its buckets or groups by how full they are, and how its chains or probes are spread.
extension MapReport {
  private static let shades: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// For a terminal: at most 16 rows of 64 buckets, then the distributions.
  public func terminalPicture() -> String {
    let parts = kind == .classic ? "buckets" : "groups"
    var lines: [String] = []
    if !picture.isEmpty {
      lines.append("  \(parts) in order, each by its full slots (empty to 8):")
      for row in stride(from: 0, to: min(picture.count, 1024), by: 64) {
        let cells = picture[row..<min(row + 64, picture.count)].map { Self.shades[min(Int($0), 8)] }
        lines.append("  |" + String(cells) + "|")
      }
      if picture.count > 1024 || fill.reduce(0, +) > picture.count { lines.append("  … of \(fill.reduce(0, +))") }
    }
    lines += Self.bars(fill, label: { "\($0) full" }, title: "\(parts) by full slots")
    lines += Self.bars(
      lengths, label: { kind == .classic ? "+\($0) overflow" : "+\($0) probes" },
      title: kind == .classic ? "chains" : "probes of an absent key")
    return lines.joined(separator: "\n")
  }

  private static func bars(_ counts: [Int], label: (Int) -> String, title: String) -> [String] {
    guard let most = counts.max(), most > 0 else { return [] }
    var lines = ["  \(title):"]
    for (index, count) in counts.enumerated() {
      let width = (count &* 40 &+ most &- 1) / most
      let name = label(index)
      let padding = String(repeating: " ", count: max(0, 13 - name.count))
      lines.append("  \(padding)\(name) " + String(repeating: "█", count: width) + (count > 0 ? " " : "") + "\(count)")
    }
    return lines
  }

  /// One self-contained SVG document: a square a bucket or group, darker when fuller, and both distributions.
  public func svg() -> String {
    let columns = 64
    let rows = max(1, (picture.count + columns - 1) / columns)
    let gridHeight = rows * 10
    let height = 56 + gridHeight + 150
    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" width="680" viewBox="0 0 680 \(height)" font-family="monospace" \
      font-size="11">
      <rect width="680" height="\(height)" fill="#fff"/>
      <text x="20" y="20" font-size="13">\(xml(type ?? "map")) at \(hex(address)): \(count) entries, \
      load \(Self.percent(load))</text>
      <text x="20" y="38" fill="#555">\(kind.rawValue), \(integrity.isEmpty ? "sound" : "\(integrity.count) findings")\
      \(isWriting ? ", a write in flight" : "")</text>

      """
    for (index, full) in picture.enumerated() {
      let shade = 245 - min(Int(full), 8) * 26
      out += "<rect x=\"\(20 + index % columns * 10)\" y=\"\(50 + index / columns * 10)\" width=\"9\" height=\"9\" "
      out += "fill=\"rgb(\(shade),\(shade),\(min(255, shade + 30)))\"/>\n"
    }
    let base = 50 + gridHeight + 130
    out += Self.bars(fill, x: 20, base: base, title: "full slots")
    out += Self.bars(lengths, x: 360, base: base, title: kind == .classic ? "overflow buckets" : "further probes")
    return out + "</svg>\n"
  }

  private static func bars(_ counts: [Int], x: Int, base: Int, title: String) -> String {
    guard let most = counts.max(), most > 0 else { return "" }
    var out = "<text x=\"\(x)\" y=\"\(base - 100)\" fill=\"#555\">\(title)</text>\n"
    let width = max(4, min(30, 280 / counts.count))
    for (index, count) in counts.enumerated() {
      let height = count == 0 ? 0 : max(1, count &* 80 / most)
      out += "<rect x=\"\(x + index * width)\" y=\"\(base - height)\" width=\"\(width - 1)\" height=\"\(height)\" "
      out += "fill=\"#4a6fa5\"><title>\(index): \(count)</title></rect>\n"
      if width >= 10 {
        out += "<text x=\"\(x + index * width + 2)\" y=\"\(base + 13)\" font-size=\"9\">\(index)</text>\n"
      }
    }
    return out
  }

  static func percent(_ value: Double) -> String {
    value.isFinite && value < 1e6 ? "\(Int((value * 100).rounded())) %" : "?"
  }
}

/// Text for XML.
func xml(_ text: String) -> String {
  var out = ""
  for character in text.unicodeScalars {
    switch character {
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "&": out += "&amp;"
    case "\"": out += "&quot;"
    case "\u{0}"..<" ": out += " "
    default: out.unicodeScalars.append(character)
    }
  }
  return out
}
