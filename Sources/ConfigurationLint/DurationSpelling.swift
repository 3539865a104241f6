import GatewayModel

/// Durations as findings spell them: `300ms`, `2.5s`, `90s`, `20m`, `1h30m`. Seconds up to ten minutes, because the
/// numbers of one sum are easier to compare in one unit.
extension Duration {
  var spelled: String {
    let (seconds, attoseconds) = components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    if milliseconds == 0, self != .zero { return "\(attoseconds / 1_000_000_000)ns" }
    if abs(milliseconds) < 1000, milliseconds != 0 { return "\(milliseconds)ms" }
    if abs(milliseconds) < 600_000 || milliseconds % 60_000 != 0 {
      let rest = abs(milliseconds) % 1000
      var text = "\(milliseconds / 1000)"
      if rest != 0 {
        var digits = String(rest + 1000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        text += ".\(digits)"
      }
      return text + "s"
    }
    let minutes = milliseconds / 60_000
    if minutes < 60 { return "\(minutes)m" }
    return minutes % 60 == 0 ? "\(minutes / 60)h" : "\(minutes / 60)h\(minutes % 60)m"
  }
}
