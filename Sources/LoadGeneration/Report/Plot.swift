#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Lines over an axis, drawn as SVG: colours and fonts come from the page's style, so that it follows light and dark.
struct Plot {
  struct Line {
    var name: String
    /// The class of its colour in the page's style.
    var style: String
    /// Points; a nil value is a gap.
    var points: [(x: Double, y: Double?)]
  }

  static let width = 720.0
  static let height = 260.0
  private static let left = 84.0
  private static let right = 24.0
  private static let top = 12.0
  private static let bottom = 34.0

  var lines: [Line]
  /// Whether the vertical axis counts in powers of ten: latencies span many.
  var isLogarithmic = false
  var xTicks: [(at: Double, text: String)]
  var yText: (Double) -> String

  /// The SVG element.
  func svg() -> String {
    let values = lines.flatMap { $0.points.compactMap(\.y) }.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    guard let largest = values.max(), let smallest = values.min() else {
      return "<p class=\"none\">nothing to plot</p>"
    }
    let scale = isLogarithmic ? logarithmic(smallest, largest) : linear(largest)
    let xs = lines.flatMap { $0.points.map(\.x) }
    let (xLow, xHigh) = (xs.min() ?? 0, max(xs.max() ?? 1, (xs.min() ?? 0) + 1e-9))
    func x(_ value: Double) -> Double {
      Self.left + (value - xLow) / (xHigh - xLow) * (Self.width - Self.left - Self.right)
    }
    func y(_ value: Double) -> Double {
      let share =
        isLogarithmic
        ? (log10(max(value, scale.low)) - log10(scale.low)) / (log10(scale.high) - log10(scale.low))
        : (value - scale.low) / (scale.high - scale.low)
      return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }
    var svg = "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">"
    for tick in scale.ticks {
      let at = n(y(tick))
      let ends = "x1=\"\(n(Self.left))\" x2=\"\(n(Self.width - Self.right))\""
      svg += "<line class=\"grid\" \(ends) y1=\"\(at)\" y2=\"\(at)\"/>"
      svg += text(Self.left - 8, y(tick) + 4, "end", yText(tick))
    }
    for tick in xTicks where tick.at >= xLow && tick.at <= xHigh {
      // A long text at the very end would stand out of the picture.
      let isLast = tick.text.count > 3 && x(tick.at) > Self.width - Self.right - 1
      svg += text(isLast ? Self.width : x(tick.at), Self.height - 10, isLast ? "end" : "middle", tick.text)
    }
    for line in lines { svg += "<path class=\"line \(line.style)\" d=\"\(path(line, x, y))\"/>" }
    return svg + "</svg>"
  }

  private func text(_ x: Double, _ y: Double, _ anchor: String, _ text: String) -> String {
    "<text class=\"tick\" x=\"\(n(x))\" y=\"\(n(y))\" text-anchor=\"\(anchor)\">\(HTML.escaped(text))</text>"
  }

  private func path(_ line: Line, _ x: (Double) -> Double, _ y: (Double) -> Double) -> String {
    var path = ""
    var isDown = false
    for point in line.points {
      guard let value = point.y, value.isFinite, !isLogarithmic || value > 0 else {
        isDown = false
        continue
      }
      path += "\(isDown ? "L" : "M")\(n(x(point.x))) \(n(y(value)))"
      // A lone point would not show: a line of no length with round ends does.
      if !isDown { path += "h0" }
      isDown = true
    }
    return path
  }

  private func linear(_ largest: Double) -> (low: Double, high: Double, ticks: [Double]) {
    let step = Self.niceStep(max(largest, 1e-9) / 4)
    let high = (largest / step).rounded(.up) * step
    return (0, max(high, step), stride(from: 0, through: max(high, step) * 1.0001, by: step).map { $0 })
  }

  private func logarithmic(_ smallest: Double, _ largest: Double) -> (low: Double, high: Double, ticks: [Double]) {
    let low = pow(10, floor(log10(smallest)))
    let high = max(pow(10, ceil(log10(largest))), low * 10)
    var ticks: [Double] = []
    var tick = low
    while tick <= high * 1.0001 {
      ticks.append(tick)
      tick *= 10
    }
    return (low, high, ticks)
  }

  /// 1, 2 or 5 times a power of ten that is at least `raw`.
  static func niceStep(_ raw: Double) -> Double {
    let power = pow(10, floor(log10(raw)))
    for factor in [1.0, 2, 5, 10] where factor * power >= raw * 0.9999 { return factor * power }
    return 10 * power
  }

  private func n(_ value: Double) -> String { Decimal.text(value, places: 1) }
}
