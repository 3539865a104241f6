import GatewayModel

extension Expectation {
  private static let subjects = [
    "status", "header", "p50", "p90", "p95", "p99", "p99.9", "min", "mean", "max", "rate", "requests", "responses",
    "errors",
  ]
  private static let comparisons = Comparison.allCases.map(\.rawValue)
  private static let comparisonForm = "one of <, <=, >, >=, ==, !="

  /// Reads an expectation; a mistake says where it is and what belongs there.
  public static func parse(_ text: String) throws(TextMistake) -> Expectation {
    var words = TextWords(text)
    let first = try words.take(expected: "what to expect, such as p99 < 50ms")
    if first.text == "header" { return try header(&words) }
    let subject = try subject(first, &words)
    let sign = try words.take(expected: comparisonForm)
    guard let comparison = Comparison(rawValue: sign.text) else {
      throw words.mistake(sign, expected: comparisonForm, known: comparisons)
    }
    let form = subject.isTime ? "a time such as 50ms" : "a number"
    let word = try words.take(expected: form)
    let value = subject.isTime ? LatencyText.nanoseconds(word.text) : Double(word.text)
    guard let value, value.isFinite, value >= 0 else { throw words.mistake(word, expected: form) }
    try end(&words)
    return Expectation(text: text, subject: subject, comparison: comparison, value: value)
  }

  private static func subject(_ word: TextWords.Word, _ words: inout TextWords) throws(TextMistake) -> Subject {
    switch word.text {
    case "status":
      let form = "a status such as 503 or 5xx"
      let status = try words.take(expected: form)
      guard let range = statuses(status.text) else { throw words.mistake(status, expected: form) }
      return .status(range, ratio: ratio(&words))
    case "min": return .minimum
    case "mean": return .mean
    case "max": return .maximum
    case "rate": return .rate
    case "requests": return .requests
    case "responses": return .responses
    case "errors":
      var kind: FailureKind?
      if let next = words.peek, next.text != "ratio", Comparison(rawValue: next.text) == nil {
        _ = words.take()
        let names = FailureKind.allCases.map(\.name)
        guard let named = FailureKind(name: next.text) else {
          throw words.mistake(next, expected: "a comparison or one of \(names.joined(separator: ", "))", known: names)
        }
        kind = named
      }
      return .errors(kind, ratio: ratio(&words))
    default:
      if word.text.hasPrefix("p"), let percent = Double(word.text.dropFirst()), percent > 0, percent <= 100 {
        return .percentile(percent)
      }
      throw words.mistake(
        word, expected: "status, header, p50 to p100, min, mean, max, rate, requests, responses or errors",
        known: subjects)
    }
  }

  /// `header NAME == VALUE`, `!= VALUE`, `present`, `absent`.
  private static func header(_ words: inout TextWords) throws(TextMistake) -> Expectation {
    let name = try words.take(expected: "the name of a field")
    guard !name.text.isEmpty, name.text.utf8.allSatisfy(RequestTemplate.isToken) else {
      throw words.mistake(name, expected: "the name of a field")
    }
    let sign = try words.take(expected: "==, !=, present or absent")
    var value: String?
    let found: Bool
    switch sign.text {
    case "present": found = true
    case "absent": found = false
    case "==", "!=":
      value = try words.take(expected: "the value of the field").text
      found = sign.text == "=="
    default:
      throw words.mistake(sign, expected: "==, !=, present or absent", known: ["==", "!=", "present", "absent"])
    }
    try end(&words)
    return Expectation(
      text: words.whole, subject: .header(HeaderWatch(name: name.text, value: value)),
      comparison: found ? .greater : .equal, value: 0)
  }

  private static func ratio(_ words: inout TextWords) -> Bool {
    guard words.peek?.text == "ratio" else { return false }
    _ = words.take()
    return true
  }

  private static func end(_ words: inout TextWords) throws(TextMistake) {
    if let word = words.take() { throw words.mistake(word, expected: "nothing more") }
  }

  /// `503`, or `5xx` for the class.
  private static func statuses(_ text: String) -> ClosedRange<Int>? {
    let digits = Array(text.utf8)
    guard digits.count == 3 else { return nil }
    if text.lowercased().hasSuffix("xx"), let hundreds = Int(text.prefix(1)), (1...9).contains(hundreds) {
      return (hundreds * 100)...(hundreds * 100 + 99)
    }
    guard let status = Int(text), (100...Tally.statusMax).contains(status) else { return nil }
    return status...status
  }
}
