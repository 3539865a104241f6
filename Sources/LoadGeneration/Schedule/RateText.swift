import GatewayModel

/// The rate as the command line writes it.
///
///     500                       requests a second for the whole duration
///     100..2000                 climbs (or falls) in a straight line over the whole duration
///     100/10s,500/20s,0/5s      phases with their own lengths; each may climb: 100..500/10s
public enum RateText {
  /// A rate above this is a slip of the keyboard.
  static let rateMax = 10_000_000.0
  static let phasesMax = 1000
  private static let form = "a rate such as 500, 100..2000 or 100/10s,500/20s"

  /// The schedule a text names. `duration` is how long a rate without a length of its own lasts.
  public static func parse(_ text: String, duration: Duration) throws(TextMistake) -> ArrivalSchedule {
    var phases: [RatePhase] = []
    var offset = 0
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count <= phasesMax else {
      throw TextMistake(text, at: 0, "\(parts.count) phases", expected: "at most \(phasesMax)")
    }
    for part in parts {
      phases.append(try phase(part, in: text, at: offset, duration: parts.count == 1 ? duration : nil))
      offset += part.count + 1
    }
    let schedule = ArrivalSchedule(phases)
    guard schedule.integral >= 1 else {
      throw TextMistake(text, at: 0, "not one request leaves", expected: "a rate above zero, for long enough")
    }
    guard schedule.integral <= ArrivalSchedule.requestsMax else {
      throw TextMistake(text, at: 0, "too many requests", expected: "at most \(Int(ArrivalSchedule.requestsMax))")
    }
    return schedule
  }

  private static func phase(
    _ part: Substring, in text: String, at offset: Int, duration: Duration?
  ) throws(TextMistake) -> RatePhase {
    let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var length = duration
    if halves.count == 2 {
      let place = offset + halves[0].count + 1
      guard let parsed = DurationText.parse(String(halves[1])), parsed > .zero else {
        throw TextMistake(
          text, at: place, "\"\(halves[1])\" is no length of time", expected: "one such as 500ms, 10s or 2m")
      }
      length = parsed
    }
    guard let length else {
      throw TextMistake(
        text, at: offset + part.count, "this phase has no length",
        expected: "one, such as \(part.isEmpty ? "100" : part)/10s")
    }
    if let range = halves[0].firstRange(of: "..") {
      let from = try rate(halves[0][..<range.lowerBound], in: text, at: offset)
      let place = offset + halves[0].distance(from: halves[0].startIndex, to: range.upperBound)
      let to = try rate(halves[0][range.upperBound...], in: text, at: place)
      return RatePhase(from: from, to: to, duration: length)
    }
    let rate = try rate(halves[0], in: text, at: offset)
    return RatePhase(from: rate, to: rate, duration: length)
  }

  private static func rate(_ digits: Substring, in text: String, at offset: Int) throws(TextMistake) -> Double {
    guard let rate = Double(digits), rate >= 0, rate <= rateMax else {
      throw TextMistake(text, at: offset, "\"\(digits)\" is no rate from 0 to \(Int(rateMax))", expected: form)
    }
    return rate
  }
}
