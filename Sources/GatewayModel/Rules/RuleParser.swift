/// Reads the rule language: Traefik v3's matchers, `&&`, `||`, `!` and parentheses, and our comparisons of labels.
///
///     rule       = all { "||" all }
///     all        = unary { "&&" unary }
///     unary      = "!" unary | "(" rule ")" | matcher | comparison
///     matcher    = NAME "(" [ TEXT { "," TEXT } ] ")"
///     comparison = NAME ( "==" | "!=" | "=~" ) TEXT | NAME "in" "[" TEXT { "," TEXT } "]"
///
/// The problem: rules are written by hand, often for an older Traefik, and a router whose rule never matches is
/// found out in production. The rule: whatever Traefik refuses is refused here, and so is what it accepts but can
/// never match (a host with a port, a path with `%20`), each with its place and, where it is clear, the spelling that
/// was meant. A descent by recursion is the shortest thing that can be read; its depth, the text's length and the
/// number of matchers are bounded.
struct RuleParser {
  private var scanner: RuleScanner
  private(set) var token: RuleToken
  private var matcherCount = 0
  /// Where the word taken last ended.
  private var takenEnd = 0

  init(_ text: String) throws(ExpressionMistake) {
    guard text.utf8.count <= Rule.textBytesMax else {
      throw ExpressionMistake(
        offset: 0, length: text.utf8.count, what: "a rule of \(text.utf8.count) bytes",
        expected: "at most \(Rule.textBytesMax)")
    }
    scanner = RuleScanner(text)
    token = try scanner.next()
  }

  @discardableResult
  private mutating func take() throws(ExpressionMistake) -> RuleToken {
    let taken = token
    takenEnd = token.offset + token.length
    token = try scanner.next()
    return taken
  }

  mutating func parse() throws(ExpressionMistake) -> Rule {
    if token.kind == .end {
      throw mistake("an empty rule", "a matcher such as Host(`example.com`)")
    }
    let rule = try any(depth: 0)
    guard token.kind == .end else { throw unexpectedAfterRule() }
    return rule
  }

  private mutating func any(depth: Int) throws(ExpressionMistake) -> Rule {
    var rules = [try all(depth: depth)]
    while token.kind == .or {
      try take()
      rules.append(try all(depth: depth))
    }
    return .anyOf(rules)
  }

  private mutating func all(depth: Int) throws(ExpressionMistake) -> Rule {
    var rules = [try unary(depth: depth)]
    while token.kind == .and {
      try take()
      rules.append(try unary(depth: depth))
    }
    return .allOf(rules)
  }

  private mutating func unary(depth: Int) throws(ExpressionMistake) -> Rule {
    guard depth <= Rule.depthMax else { throw mistake("a rule nested too deeply", "at most \(Rule.depthMax) levels") }
    switch token.kind {
    case .not:
      try take()
      return .negating(try unary(depth: depth + 1))
    case .leftParenthesis:
      let opening = try take()
      let rule = try any(depth: depth + 1)
      guard token.kind == .rightParenthesis else {
        if token.kind == .end {
          throw ExpressionMistake(
            offset: opening.offset, length: 1, what: "a parenthesis that is not closed", expected: "a closing )")
        }
        throw unexpectedAfterRule()
      }
      try take()
      return rule
    case .name(let name):
      let nameToken = try take()
      return try question(name, nameToken)
    default:
      throw mistake(
        token.kind == .end ? "the rule ends too early" : "no matcher here", "a matcher such as Host(`example.com`)")
    }
  }

  // MARK: Questions

  private mutating func question(_ name: String, _ nameToken: RuleToken) throws(ExpressionMistake) -> Rule {
    matcherCount += 1
    guard matcherCount <= Rule.matchersMax else {
      throw ExpressionMistake(
        offset: nameToken.offset, length: nameToken.length, what: "too many matchers in one rule",
        expected: "at most \(Rule.matchersMax)")
    }
    switch token.kind {
    case .leftParenthesis:
      let arguments = try list(closing: .rightParenthesis, "a closing )")
      let call = RuleCall(name: name, nameToken: nameToken, arguments: arguments, end: takenEnd)
      return .match(try call.matcher())
    case .equal, .notEqual:
      let isNegated = try take().kind == .notEqual
      let rule = Rule.match(.label(name: name, values: [try text().text]))
      return isNegated ? .negating(rule) : rule
    case .like:
      try take()
      let value = try text()
      return .match(.labelRegexp(name: name, try value.expression()))
    case .name("in"):
      try take()
      guard token.kind == .leftBracket else { throw mistake("no list after in", "[\"one\", \"another\"]") }
      let values = try list(closing: .rightBracket, "a closing ]")
      guard !values.isEmpty else {
        throw ExpressionMistake(
          offset: nameToken.offset, length: takenEnd - nameToken.offset, what: "an empty list",
          expected: "at least one value")
      }
      return .match(.label(name: name, values: values.map(\.text)))
    default:
      let isKnown = RuleCall.names.contains { $0.lowercased() == name.lowercased() }
      throw ExpressionMistake(
        offset: nameToken.offset, length: nameToken.length,
        what: isKnown ? "\(name) without a value" : "\(name) is compared with nothing",
        expected: isKnown ? "\(name)(`…`)" : "a matcher such as Host(`…`), or a comparison such as env == \"prod\"")
    }
  }

  /// Reads an opening bracket that is there, texts, and the closing bracket.
  private mutating func list(closing: RuleToken.Kind, _ expected: String) throws(ExpressionMistake) -> [RuleText] {
    try take()
    var texts: [RuleText] = []
    while token.kind != closing {
      texts.append(try text())
      guard token.kind == .comma else { break }
      try take()
    }
    guard token.kind == closing else {
      throw mistake(token.kind == .end ? "the rule ends too early" : "no comma between values", expected)
    }
    try take()
    return texts
  }

  private mutating func text() throws(ExpressionMistake) -> RuleText {
    guard case .text(let text, let isVerbatim) = token.kind else {
      throw mistake("no text here", "text in backquotes or double quotes")
    }
    return RuleText(text: text, isVerbatim: isVerbatim, token: try take())
  }

  // MARK: Mistakes

  private func mistake(_ what: String, _ expected: String, _ suggestion: String? = nil) -> ExpressionMistake {
    ExpressionMistake(
      offset: token.offset, length: token.length, what: what, expected: expected, suggestion: suggestion)
  }

  private func unexpectedAfterRule() -> ExpressionMistake {
    switch token.kind {
    case .rightParenthesis: return mistake("a closing parenthesis without an opening one", "&&, || or the end")
    case .comma: return mistake("a comma between matchers", "&& or ||", "||")
    case .name(let name) where name.lowercased() == "and": return mistake("unknown operator \(name)", "&&", "&&")
    case .name(let name) where name.lowercased() == "or": return mistake("unknown operator \(name)", "||", "||")
    default: return mistake("two matchers with nothing between them", "&& or ||")
    }
  }
}

/// A text of a rule and where it stands.
struct RuleText {
  let text: String
  let isVerbatim: Bool
  let token: RuleToken

  /// A mistake in this text, or in a part of it when its bytes are those of the rule.
  func mistake(
    _ what: String, _ expected: String, _ suggestion: String? = nil, part: (offset: Int, length: Int)? = nil
  ) -> ExpressionMistake {
    let place = isVerbatim ? part.map { (token.offset + 1 + $0.offset, $0.length) } : nil
    return ExpressionMistake(
      offset: place?.0 ?? token.offset, length: place?.1 ?? token.length, what: what, expected: expected,
      suggestion: suggestion)
  }

  func expression() throws(ExpressionMistake) -> RegularExpression {
    do {
      return try RegularExpression(text)
    } catch {
      throw mistake(
        "wrong regular expression: \(error.what)", "Go's syntax (RE2)", part: (error.offset, error.length))
    }
  }
}

extension Rule {
  /// Reads a rule.
  ///
  /// - Parameter text: the rule as written in the configuration.
  /// - Returns: the rule, or the first mistake in it with its place in the text's UTF-8.
  public static func parse(_ text: String) -> Result<Rule, ExpressionMistake> {
    do throws(ExpressionMistake) {
      var parser = try RuleParser(text)
      return .success(try parser.parse())
    } catch {
      return .failure(error)
    }
  }

  /// Joins rules flatly, so that a long row of `||` is one level deep.
  static func anyOf(_ rules: [Rule]) -> Rule {
    if rules.count == 1 { return rules[0] }
    return .any(rules.flatMap { rule in
      if case .any(let inner) = rule { return inner }
      return [rule]
    })
  }

  static func allOf(_ rules: [Rule]) -> Rule {
    if rules.count == 1 { return rules[0] }
    return .all(rules.flatMap { rule in
      if case .all(let inner) = rule { return inner }
      return [rule]
    })
  }

  static func negating(_ rule: Rule) -> Rule {
    if case .not(let inner) = rule { return inner }
    return .not(rule)
  }
}
