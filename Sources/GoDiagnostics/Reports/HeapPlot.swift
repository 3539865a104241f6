/// The live heap over time, for a terminal and as SVG.
public enum HeapPlot {
  private static let columns = 64
  private static let rows = 12

  /// Rows of a character plot, the highest value on top.
  public static func terminal(_ report: GCReport) -> [String] {
    guard report.series.count > 1, let top = report.series.map({ $0[1] }).max(), top > 0 else { return [] }
    let (first, last) = range(report)
    var cells = [Double?](repeating: nil, count: columns)
    for point in report.series {
      let column = Int((point[0] - first) / max(last - first, 1e-9) * Double(columns - 1))
      guard cells.indices.contains(column) else { continue }
      cells[column] = max(cells[column] ?? 0, point[1])
    }
    return (0..<rows).map { row in
      let level = top * Double(rows - row) / Double(rows)
      let label = row == 0 ? "\(GCReport.rounded(top)) MB" : row == rows - 1 ? "0" : ""
      let bar = cells.map { value -> Character in
        guard let value else { return " " }
        return value >= level - top / Double(rows) * 0.5 ? "█" : value > level - top / Double(rows) ? "▄" : " "
      }
      return String(repeating: " ", count: max(0, 12 - label.count)) + label + " │" + String(bar)
    }
  }

  private static func range(_ report: GCReport) -> (Double, Double) {
    let times = report.series.map { $0[0] }
    return (times.min() ?? 0, times.max() ?? 1)
  }

  /// A picture of 720 by 240 points, with axes' ends named, the limit and the bend.
  public static func svg(_ report: GCReport) -> String {
    let (first, last) = range(report)
    let highest = max(report.series.map { $0[1] }.max() ?? 1, report.limitMegabytes ?? 0, 1)
    let unit = report.trend.perCycle ? "" : " s"
    func x(_ time: Double) -> Double { 50 + (time - first) / max(last - first, 1e-9) * 650 }
    func y(_ live: Double) -> Double { 210 - live / highest * 190 }
    func round(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    let points = report.series.map { "\(round(x($0[0]))),\(round(y($0[1])))" }.joined(separator: " ")
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" viewBox=\"0 0 720 240\" "
        + "font-family=\"system-ui,sans-serif\" font-size=\"11\">",
      "<title>\(Markup.escaped(report.sentence))</title>",
      "<path d=\"M50 20V210H700\" fill=\"none\" stroke=\"#888\"/>",
      "<text x=\"44\" y=\"24\" text-anchor=\"end\">\(Int(highest)) MB</text>",
      "<text x=\"44\" y=\"210\" text-anchor=\"end\">0</text>",
      "<path d=\"M50 115H700\" stroke=\"#eee\"/>",
      "<text x=\"44\" y=\"119\" text-anchor=\"end\">\(GCReport.rounded(highest / 2))</text>",
      "<text x=\"375\" y=\"226\" text-anchor=\"middle\" fill=\"#666\">live heap behind each collection</text>",
      "<text x=\"50\" y=\"226\">\(GCReport.rounded(first))\(unit)</text>",
      "<text x=\"700\" y=\"226\" text-anchor=\"end\">\(GCReport.rounded(last))\(unit)</text>",
    ]
    if let limit = report.limitMegabytes {
      parts.append("<path d=\"M50 \(round(y(limit)))H700\" stroke=\"#c33\" stroke-dasharray=\"4 3\"/>")
      parts.append("<text x=\"700\" y=\"\(round(y(limit)) - 4)\" text-anchor=\"end\" fill=\"#c33\">limit</text>")
    }
    if let bend = report.bend, !report.trend.perCycle {
      parts.append("<path d=\"M\(round(x(bend.seconds))) 20V210\" stroke=\"#c80\" stroke-dasharray=\"2 3\"/>")
      parts.append("<text x=\"\(round(x(bend.seconds)) + 3)\" y=\"30\" fill=\"#a60\">bend</text>")
    }
    parts.append("<polyline points=\"\(points)\" fill=\"none\" stroke=\"#246\" stroke-width=\"1.5\"/>")
    // Few collections are points more than a line.
    if report.series.count <= 80 {
      parts += report.series.map {
        "<circle cx=\"\(round(x($0[0])))\" cy=\"\(round(y($0[1])))\" r=\"2.5\" fill=\"#246\"/>"
      }
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }
}

/// Text from outside, made harmless in HTML and SVG.
public enum Markup {
  /// Text as it may stand inside an XML element or attribute.
  public static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
