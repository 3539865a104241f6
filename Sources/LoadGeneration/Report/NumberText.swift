import GatewayModel

/// Numbers as people read them, the same in every locale.
enum Decimal {
  /// A number with a fixed number of decimal places; "–" for what is no number.
  static func text(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "–" }
    var factor = 1.0
    for _ in 0..<places { factor *= 10 }
    let scaled = Int64((abs(value) * factor).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard places > 0 else { return sign + String(scaled) }
    let digits = String(scaled)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
  }

  /// A whole number with commas between thousands.
  static func grouped(_ value: UInt64) -> String {
    let digits = Array(String(value))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// A number of bytes in binary units.
  static func bytes(_ value: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var amount = Double(value)
    var unit = 0
    while amount >= 1024, unit < units.count - 1 {
      amount /= 1024
      unit += 1
    }
    return "\(text(amount, places: unit == 0 ? 0 : 1)) \(units[unit])"
  }
}

/// Latencies as people write them: three digits and a unit.
enum LatencyText {
  /// Nanoseconds as text: `870ns`, `12.3µs`, `4.56ms`, `1.20s`.
  static func text(_ nanoseconds: Double) -> String {
    let units: [(Double, String)] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]
    for (size, unit) in units where nanoseconds >= size * 0.9995 {
      let amount = nanoseconds / size
      return Decimal.text(amount, places: amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0) + unit
    }
    return "\(Int(nanoseconds))ns"
  }

  /// A power of ten for an axis: `10ms`, without places.
  static func tick(_ nanoseconds: Double) -> String {
    let units: [(Double, String)] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]
    for (size, unit) in units where nanoseconds >= size * 0.9995 {
      return Decimal.text(nanoseconds / size, places: 0) + unit
    }
    return Decimal.text(nanoseconds, places: 0) + "ns"
  }

  /// `50ms`, `1.5s`, `200us`: nanoseconds; nil for anything else, a number without a unit too.
  static func nanoseconds(_ text: String) -> Double? {
    guard text.last?.isLetter == true, let duration = DurationText.parse(text), duration >= .zero else { return nil }
    return Double(duration.inNanoseconds)
  }
}
