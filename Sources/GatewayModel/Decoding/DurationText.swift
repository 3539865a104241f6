/// Durations as Traefik reads them: Go's `time.ParseDuration` (`1h15m30.5s`, `100ms`), or a whole number of seconds.
///
/// Source: pkg.go.dev/time#ParseDuration and Traefik's paerser, types.Duration. Values are kept to the nanosecond
/// and, as in Go, bounded by 64 bits of them (292 years), so arithmetic on them cannot overflow `Duration`.
package enum DurationText {
  /// The duration a text names, else nil.
  package static func parse(_ text: String) -> Duration? {
    var bytes = Array(text.utf8)[...]
    var negative = false
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      negative = sign == UInt8(ascii: "-")
      bytes = bytes.dropFirst()
    }
    guard !bytes.isEmpty else { return nil }
    let nanoseconds: Int64
    if bytes.allSatisfy(isDigit) {
      guard let seconds = number(bytes) else { return nil }
      let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
      guard !overflow else { return nil }
      nanoseconds = product
    } else {
      guard let sum = sum(bytes) else { return nil }
      nanoseconds = sum
    }
    return .nanoseconds(negative ? -nanoseconds : nanoseconds)
  }

  /// A duration as the reference page writes it: the largest units that say it exactly.
  static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    if attoseconds != 0 {
      let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
      return "\(milliseconds)ms"
    }
    if seconds != 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
    return "\(seconds)s"
  }

  private static func sum(_ text: ArraySlice<UInt8>) -> Int64? {
    var bytes = text
    var total: Int64 = 0
    while !bytes.isEmpty {
      let whole = bytes.prefix(while: isDigit)
      bytes = bytes.dropFirst(whole.count)
      var fraction: ArraySlice<UInt8> = []
      if bytes.first == UInt8(ascii: ".") {
        bytes = bytes.dropFirst()
        fraction = bytes.prefix(while: isDigit)
        bytes = bytes.dropFirst(fraction.count)
      }
      guard !whole.isEmpty || !fraction.isEmpty else { return nil }
      let name = bytes.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
      bytes = bytes.dropFirst(name.count)
      guard let unit = unit(name), let value = whole.isEmpty ? 0 : number(whole) else { return nil }
      let (product, tooLarge) = value.multipliedReportingOverflow(by: unit)
      // Digits beyond the unit's precision are cut off, as Go does.
      var part: Int64 = 0
      var weight = unit
      for digit in fraction {
        weight /= 10
        guard weight > 0 else { break }
        part += Int64(digit - UInt8(ascii: "0")) * weight
      }
      let (sum, overflow) = total.addingReportingOverflow(product)
      let (withFraction, overflow2) = sum.addingReportingOverflow(part)
      guard !tooLarge, !overflow, !overflow2 else { return nil }
      total = withFraction
    }
    return total
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? { Int64(String(decoding: digits, as: UTF8.self)) }

  private static func unit(_ name: ArraySlice<UInt8>) -> Int64? {
    switch String(decoding: name, as: UTF8.self) {
    case "ns": 1
    case "us", "µs", "μs": 1000
    case "ms": 1_000_000
    case "s": 1_000_000_000
    case "m": 60_000_000_000
    case "h": 3_600_000_000_000
    default: nil
    }
  }
}
