import Observability

/// Values as Go's standard library writes them, because Traefik's API does.
enum GoText {
  /// `time.Duration.String`: `1h2m0.5s`, `1m0s`, `100ms`, `5ns`, `0s`.
  static func duration(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let isNegative = seconds < 0 || attoseconds < 0
    let whole = seconds.magnitude
    let nanos = attoseconds.magnitude / 1_000_000_000
    let sign = isNegative ? "-" : ""
    if whole == 0 && nanos == 0 { return "0s" }
    if whole == 0 {
      if nanos < 1000 { return "\(sign)\(nanos)ns" }
      if nanos < 1_000_000 { return "\(sign)\(decimal(nanos, unit: 1000))µs" }
      return "\(sign)\(decimal(nanos, unit: 1_000_000))ms"
    }
    var text = sign
    if whole >= 3600 { text += "\(whole / 3600)h" }
    if whole >= 60 { text += "\(whole / 60 % 60)m" }
    let (rest, _) = (whole % 60).multipliedReportingOverflow(by: 1_000_000_000)
    return text + decimal(rest + nanos, unit: 1_000_000_000) + "s"
  }

  private static func decimal(_ value: UInt64, unit: UInt64) -> String {
    let whole = "\(value / unit)"
    var fraction = String(value % unit + unit).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return fraction.isEmpty ? whole : "\(whole).\(fraction)"
  }

  /// The seconds a text names: `90`, `90s`, `1m30s`, `500ms`. Nil for anything else. For query parameters.
  static func seconds(_ text: String) -> Double? {
    guard text.utf8.count <= 32 else { return nil }
    if let plain = Double(text) { return plain.isFinite && plain >= 0 ? plain : nil }
    var total = 0.0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      let scales: [Substring: Double] = ["h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9]
      guard let number = Double(digits), let scale = scales[unit] else { return nil }
      total += number * scale
    }
    return total.isFinite && !text.isEmpty ? total : nil
  }

  /// RFC 3339 in UTC.
  static func time(_ unixSeconds: Int64) -> String {
    TimeText.utc(unixSeconds)
  }
}
