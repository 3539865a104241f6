/// Reads the expression of a circuit breaker.
///
///     any        = all { "||" all }
///     all        = term { "&&" term }
///     term       = "(" any ")" | comparison
///     comparison = NAME "(" [ NUMBER { "," NUMBER } ] ")" OPERATOR NUMBER
///
/// The problem: Traefik hands the text to a Go parser, whose messages name types of a library (`expected int, got
/// float64`) and no place. The rule: what oxy can evaluate is taken; whole numbers and fractions may stand for each
/// other, which oxy refuses; what can never be true (a ratio over 30) is refused too, since it is a percentage by
/// mistake. Bounds: text, comparisons and depth, see `BreakerExpression`.
struct BreakerExpressionParser {
  private let bytes: [UInt8]
  private var position = 0
  private var comparisons = 0

  init(_ text: String) throws(ExpressionMistake) {
    bytes = Array(text.utf8)
    guard bytes.count <= BreakerExpression.textBytesMax else {
      throw ExpressionMistake(
        offset: 0, length: bytes.count, what: "an expression of \(bytes.count) bytes",
        expected: "at most \(BreakerExpression.textBytesMax)")
    }
  }

  mutating func parse() throws(ExpressionMistake) -> BreakerExpression {
    skipBlanks()
    guard position < bytes.count else { throw mistake(0, "an empty expression", Self.example) }
    let expression = try any(depth: 0)
    guard position == bytes.count else { throw unexpected("&& or ||") }
    return expression
  }

  private static let example = "a comparison such as NetworkErrorRatio() > 0.3"

  // MARK: Grammar

  private mutating func any(depth: Int) throws(ExpressionMistake) -> BreakerExpression {
    var parts = [try all(depth: depth)]
    while take("||") { parts.append(try all(depth: depth)) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func all(depth: Int) throws(ExpressionMistake) -> BreakerExpression {
    var parts = [try term(depth: depth)]
    while take("&&") { parts.append(try term(depth: depth)) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func term(depth: Int) throws(ExpressionMistake) -> BreakerExpression {
    skipBlanks()
    guard depth < BreakerExpression.depthMax else {
      throw mistake(1, "an expression nested too deeply", "at most \(BreakerExpression.depthMax) levels")
    }
    let opening = position
    if take("(") {
      let inner = try any(depth: depth + 1)
      guard take(")") else {
        if position < bytes.count { throw unexpected("a closing )") }
        throw ExpressionMistake(
          offset: opening, length: 1, what: "a parenthesis that is not closed", expected: "a closing )")
      }
      return inner
    }
    return try comparison()
  }

  private mutating func comparison() throws(ExpressionMistake) -> BreakerExpression {
    let start = position
    let name = takeName()
    guard !name.isEmpty else { throw noMetric() }
    comparisons += 1
    guard comparisons <= BreakerExpression.comparisonsMax else {
      throw ExpressionMistake(
        offset: start, length: name.utf8.count, what: "too many comparisons",
        expected: "at most \(BreakerExpression.comparisonsMax)")
    }
    guard BreakerMetric.names.contains(name) else { throw unknown(name, at: start) }
    guard take("(") else {
      throw ExpressionMistake(
        offset: start, length: name.utf8.count, what: "\(name) without parentheses", expected: Self.form(of: name),
        suggestion: Self.form(of: name))
    }
    let numbers = try arguments(of: name, at: start)
    let metric = try metric(name, numbers, at: start)
    let comparison = try comparisonOperator(after: name)
    let (number, range) = try number("the number that \(name) is compared with")
    try check(metric, comparison, number, range)
    return .compare(metric, comparison, number)
  }

  /// What stands where a metric should.
  private func noMetric() -> ExpressionMistake {
    if position >= bytes.count { return mistake(0, "the expression ends too early", Self.example) }
    if bytes[position] == UInt8(ascii: "!") {
      return mistake(1, "! is no operator of this language", "the comparison turned round, such as <= for >")
    }
    if Self.isDigit(bytes[position]) {
      return mistake(1, "a number on the left", "the metric on the left: NetworkErrorRatio() > 0.3")
    }
    return unexpected(Self.example)
  }

  private func unknown(_ name: String, at start: Int) -> ExpressionMistake {
    let nearest = Suggestion.nearest(to: name, in: BreakerMetric.names)
    return ExpressionMistake(
      offset: start, length: name.utf8.count, what: "no metric is called \(name)",
      expected: nearest == nil ? "one of \(BreakerMetric.names.joined(separator: ", "))" : Self.form(of: nearest ?? ""),
      suggestion: nearest)
  }

  // MARK: Metrics

  private static func form(of name: String) -> String {
    switch name {
    case "LatencyAtQuantileMS": "LatencyAtQuantileMS(50.0)"
    case "ResponseCodeRatio": "ResponseCodeRatio(500, 600, 0, 600)"
    default: "\(name)()"
    }
  }

  private mutating func arguments(
    of name: String, at start: Int
  ) throws(ExpressionMistake) -> [(value: Double, range: Range<Int>)] {
    var numbers: [(value: Double, range: Range<Int>)] = []
    if !take(")") {
      repeat { numbers.append(try number("a number of \(Self.form(of: name))")) } while take(",")
      guard take(")") else { throw unexpected("a closing )") }
    }
    let wanted = name == "LatencyAtQuantileMS" ? 1 : name == "ResponseCodeRatio" ? 4 : 0
    guard numbers.count == wanted else {
      throw ExpressionMistake(
        offset: start, length: position - start, what: "\(name) with \(numbers.count) numbers",
        expected: wanted == 0 ? "none: \(Self.form(of: name))" : "\(wanted): \(Self.signature(of: name))")
    }
    return numbers
  }

  private static func signature(of name: String) -> String {
    name == "ResponseCodeRatio"
      ? "ResponseCodeRatio(from, to, dividedByFrom, dividedByTo)" : "LatencyAtQuantileMS(quantile)"
  }

  private func metric(
    _ name: String, _ numbers: [(value: Double, range: Range<Int>)], at start: Int
  ) throws(ExpressionMistake) -> BreakerMetric {
    switch name {
    case "NetworkErrorRatio": return .networkErrorRatio
    case "LatencyAtQuantileMS":
      let (quantile, range) = numbers[0]
      guard quantile > 0, quantile <= 100 else {
        throw Self.mistake(range, "a quantile of \(BreakerExpression.text(quantile))", "one over 0 and up to 100")
      }
      return .latencyAtQuantileMS(quantile: quantile)
    case "ResponseCodeRatio":
      var codes: [UInt16] = []
      for (value, range) in numbers {
        guard let code = UInt16(exactly: value), code <= 1000 else {
          throw Self.mistake(
            range, "a status of \(BreakerExpression.text(value))", "a whole number from 0 to 1000")
        }
        codes.append(code)
      }
      for first in [0, 2] where codes[first] >= codes[first + 1] {
        throw Self.mistake(
          numbers[first].range.lowerBound..<numbers[first + 1].range.upperBound,
          "no status is from \(codes[first]) to below \(codes[first + 1])",
          "the end, which is not included, behind the start")
      }
      return .responseCodeRatio(from: codes[0], to: codes[1], dividedByFrom: codes[2], dividedByTo: codes[3])
    default: return .requestCount
    }
  }

  /// A ratio over 1 is a percentage by mistake: the breaker would never open.
  private func check(
    _ metric: BreakerMetric, _ comparison: BreakerComparison, _ number: Double, _ range: Range<Int>
  ) throws(ExpressionMistake) {
    guard metric == .networkErrorRatio, number > 1 else { return }
    throw Self.mistake(
      range, "NetworkErrorRatio() \(comparison.rawValue) \(BreakerExpression.text(number))",
      "a ratio from 0 to 1", number <= 100 ? "\(number / 100)" : nil)
  }

  // MARK: Words

  private mutating func comparisonOperator(after name: String) throws(ExpressionMistake) -> BreakerComparison {
    skipBlanks()
    for comparison in [.greaterOrEqual, .lessOrEqual, .equal, .notEqual, .greater, .less] as [BreakerComparison]
    where take(comparison.rawValue) {
      return comparison
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "=") {
      throw mistake(1, "unknown operator =", "one of > >= < <= == !=", "==")
    }
    if position >= bytes.count {
      throw mistake(0, "\(name) is compared with nothing", "one of > >= < <= == != and a number")
    }
    throw unexpected("one of > >= < <= == !=")
  }

  private mutating func number(_ what: String) throws(ExpressionMistake) -> (value: Double, range: Range<Int>) {
    skipBlanks()
    let start = position
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    while position < bytes.count, Self.isDigit(bytes[position]) || bytes[position] == UInt8(ascii: ".") {
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      position = start
      throw unexpected(what)
    }
    let range = start..<position
    if position < bytes.count, bytes[position] == UInt8(ascii: "%") {
      throw Self.mistake(start..<(position + 1), "a percentage", "a ratio", "\(value / 100)")
    }
    return (value, range)
  }

  private mutating func takeName() -> String {
    skipBlanks()
    let start = position
    while position < bytes.count, Self.isNamePart(bytes[position], first: position == start) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func take(_ word: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func skipBlanks() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private static func isNamePart(_ byte: UInt8, first: Bool) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") || (!first && isDigit(byte))
  }

  // MARK: Mistakes

  private func mistake(
    _ length: Int, _ what: String, _ expected: String, _ suggestion: String? = nil
  ) -> ExpressionMistake {
    ExpressionMistake(offset: position, length: length, what: what, expected: expected, suggestion: suggestion)
  }

  private static func mistake(
    _ range: Range<Int>, _ what: String, _ expected: String, _ suggestion: String? = nil
  ) -> ExpressionMistake {
    ExpressionMistake(
      offset: range.lowerBound, length: range.count, what: what, expected: expected, suggestion: suggestion)
  }

  private func unexpected(_ expected: String) -> ExpressionMistake {
    guard position < bytes.count else { return mistake(0, "the expression ends too early", expected) }
    var copy = self
    let name = copy.takeName()
    if !name.isEmpty {
      let meant = ["and": "&&", "or": "||"][name.lowercased()]
      return mistake(name.utf8.count, "unexpected \(name)", expected, meant)
    }
    let character = String(decoding: bytes[position...].prefix(4), as: UTF8.self).prefix(1)
    let meant = ["&": "&&", "|": "||"][String(character)]
    return mistake(character.utf8.count, "unexpected \(character)", expected, meant)
  }
}
