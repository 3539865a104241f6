import GatewayModel
import Testing

@Suite("Mistakes in rules")
struct RuleMistakeTests {
  private func mistake(_ text: String) -> ExpressionMistake? {
    if case .failure(let mistake) = Rule.parse(text) { return mistake }
    return nil
  }

  /// A rule, where its mistake is, a part of what is said about it, and what is suggested.
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let place: Range<Int>
    let what: String
    let suggestion: String?
    var testDescription: String { text }

    init(_ text: String, _ place: Range<Int>, _ what: String, _ suggestion: String? = nil) {
      self.text = text
      self.place = place
      self.what = what
      self.suggestion = suggestion
    }
  }

  private func check(_ expected: Case) {
    guard let mistake = mistake(expected.text) else {
      Issue.record("\(expected.text) is accepted")
      return
    }
    #expect(mistake.offset..<(mistake.offset + mistake.length) == expected.place)
    #expect(mistake.what.contains(expected.what), "\(mistake)")
    #expect(mistake.suggestion == expected.suggestion)
    #expect(!mistake.expected.isEmpty)
  }

  @Test(
    "what cannot be read is refused where it begins to make no sense",
    arguments: [
      Case("", 0..<0, "empty rule"),
      Case("  ", 2..<2, "empty rule"),
      Case("Host(`a`) &&", 12..<12, "ends too early"),
      Case("Host(`a`) & Host(`b`)", 10..<11, "unknown operator &", "&&"),
      Case("Host(`a`) | Host(`b`)", 10..<11, "unknown operator |", "||"),
      Case("Host(`a`) and Host(`b`)", 10..<13, "unknown operator and", "&&"),
      Case("Host(`a`) OR Host(`b`)", 10..<12, "unknown operator OR", "||"),
      Case("Host(`a`) Host(`b`)", 10..<14, "nothing between"),
      Case("Host(`a`), Host(`b`)", 9..<10, "comma between matchers", "||"),
      Case("Host(`a`))", 9..<10, "closing parenthesis without"),
      Case("(Host(`a`)", 0..<1, "not closed"),
      Case("(Host(`a`) Host(`b`))", 11..<15, "nothing between"),
      Case("Host(`a`", 8..<8, "ends too early"),
      Case("Host(`a", 5..<7, "without an end"),
      Case("Host(\"a", 5..<7, "without an end"),
      Case("Host('a')", 5..<6, "single quotes", "`…`"),
      Case("Host(“a”)", 5..<8, "unexpected character", "`…`"),
      Case("Host(a)", 5..<6, "no text here"),
      Case("Host(`a` `b`)", 9..<12, "no comma"),
      Case("Host", 0..<4, "without a value"),
      Case("env", 0..<3, "compared with nothing"),
      Case("env == prod", 7..<11, "no text"),
      Case("env = \"prod\"", 4..<5, "unknown operator =", "=="),
      Case("env !~ `x`", 4..<6, "unknown operator !~"),
      Case("env in \"a\"", 7..<10, "no list"),
      Case("env in []", 0..<9, "empty list"),
      Case("env in [`a`", 11..<11, "ends too early"),
      Case("&& Host(`a`)", 0..<2, "no matcher here"),
      Case("Host(`a`) && 5", 13..<14, "unexpected character 5"),
      Case("env == \"\\q\"", 8..<10, "unknown escape"),
      Case("env == \"\\xff\"", 7..<13, "not UTF-8"),
    ])
  func syntax(expected: Case) { check(expected) }

  @Test(
    "a wrong matcher is refused with the one that was meant",
    arguments: [
      Case("Hots(`a`)", 0..<4, "unknown matcher Hots", "Host"),
      Case("PathPrefx(`/a`)", 0..<9, "unknown matcher", "PathPrefix"),
      Case("Nonsense(`/a`)", 0..<8, "unknown matcher Nonsense"),
      Case("HostSNI(`a`)", 0..<7, "TCP", "Host"),
      Case("HostHeader(`a`)", 0..<10, "v2", "Host"),
      Case("Headers(`a`, `b`)", 0..<7, "v2", "Header"),
      Case("HeadersRegexp(`a`, `b`)", 0..<13, "v2", "HeaderRegexp"),
      Case("Host(`a`, `b`)", 0..<14, "v2", "Host(`a`) || Host(`b`)"),
      Case("Method(`GET`, `PUT`) && Host(`a`)", 0..<20, "v2", "Method(`GET`) || Method(`PUT`)"),
      Case("Host()", 0..<4, "without a value"),
      Case("Host(``)", 5..<7, "empty value"),
      Case("Header(`A`)", 0..<6, "1 values"),
      Case("Header(`A`, ``)", 12..<14, "empty value"),
      Case("Query(`a=b`)", 6..<11, "v2", "Query(`a`, `b`)"),
      Case("Query(`a`, `b`, `c`)", 0..<5, "3 values"),
    ])
  func matchers(expected: Case) { check(expected) }

  @Test(
    "a value that can never match is refused",
    arguments: [
      Case("Host(`example.com:8080`)", 5..<23, "port", "`example.com`"),
      Case("Host(`https://a`)", 5..<16, "path or scheme"),
      Case("Host(`🦭.com`)", 5..<15, "ASCII"),
      Case("HostRegexp(`🦭`)", 11..<17, "ASCII"),
      Case("Host(`a.*.b`)", 5..<12, "wildcard"),
      Case("Host(`*a.b`)", 5..<11, "wildcard"),
      Case("Host(`a b`)", 5..<10, "no request can have"),
      Case("Host(`{s:[a-z]+}.a.b`)", 5..<21, "v2", "HostRegexp(`^[a-z]+\\.a\\.b$`)"),
      Case("HostRegexp(`{s:[a-z]+}.a.b`)", 11..<27, "v2", "`^[a-z]+\\.a\\.b$`"),
      Case("Path(`a`)", 5..<8, "does not begin with /", "`/a`"),
      Case("Path(`/u/{id:[0-9]{2}}`)", 5..<23, "v2", "PathRegexp(`^/u/[0-9]{2}$`)"),
      Case("PathPrefix(`/u/{id}/x`)", 11..<22, "v2", "PathRegexp(`^/u/[^/]+/x`)"),
      Case("Path(`/a?b=c`)", 5..<13, "query"),
      Case("Path(`/a%20b`)", 8..<11, "see decoded"),
      Case("Path(`/%61`)", 7..<10, "see decoded", "`a`"),
      Case("Path(`/100%`)", 10..<11, "encodes nothing"),
      Case("Path(`/%+f`)", 7..<8, "encodes nothing"),
      Case("Method(`GE T`)", 7..<13, "method"),
      Case("Header(`X Y`, `a`)", 7..<12, "header name"),
      Case("Header(`host`, `a`)", 7..<13, "Host field"),
      Case("Header(`X`, ` a`)", 12..<16, "header value"),
      Case("ClientIP(`1`)", 9..<12, "not an address"),
      Case("ClientIP(`10.0.0.0/33`)", 9..<22, "not an address"),
      Case("PathRegexp(`^/a[`)", 15..<16, "missing ]"),
      Case("PathRegexp(\"\\x5e/a[\")", 11..<20, "missing ]"),
      Case("env =~ `a(`", 8..<10, "missing"),
    ])
  func values(expected: Case) { check(expected) }

  @Test("depth, length and number of matchers are bounded")
  func bounds() {
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "Host(`a`)" + String(repeating: ")", count: depth)
    }
    #expect(mistake(nested(Rule.depthMax)) == nil)
    #expect(mistake(nested(Rule.depthMax + 1))?.what == "a rule nested too deeply")
    #expect(mistake(String(repeating: "!", count: 10_000) + "Host(`a`)")?.what == "a rule nested too deeply")
    let long = Array(repeating: "a==`b`", count: Rule.matchersMax + 1).joined(separator: "&&")
    #expect(mistake(long)?.what == "too many matchers in one rule")
    let enough = Array(repeating: "a==`b`", count: Rule.matchersMax).joined(separator: "||")
    #expect(mistake(enough) == nil)
    #expect(mistake(String(repeating: " ", count: Rule.textBytesMax + 1))?.what.contains("bytes") == true)
  }

  @Test("whatever bytes come, reading ends, mistakes are placed inside the text and rules survive their description")
  func fuzz() {
    let seeds = [
      "Host(`a`) && (PathPrefix(`/b`) || !Method(`GET`))", "env == \"prod\" && tier != \"x\" || y in [\"a\", \"b\"]",
      "HostRegexp(`^[a-z]+$`) || HeaderRegexp(`A`, `b|c`) && Query(`q`, `1`)", "ClientIP(`10.0.0.0/8`) || x =~ `(a)`",
      "Path(`/{id:[0-9]+}`)", "\"\\x41\\u0041\\101\"",
    ]
    let pieces = Array("()[]{}!&|=~,`\"\\ /*.%:az0\n\u{e9}\u{1f9ad}")
    var random = SeededRandom(seed: TestSeed.fixed)
    for round in 0..<20_000 {
      var text = Array(seeds[round % seeds.count])
      for _ in 0...random.below(6) {
        let place = random.below(text.count + 1)
        switch random.below(4) {
        case 0 where place < text.count: text.remove(at: place)
        case 1 where place < text.count: text[place] = pieces[random.below(pieces.count)]
        case 2: text.insert(contentsOf: text.prefix(random.below(12)), at: place)
        default: text.insert(pieces[random.below(pieces.count)], at: place)
        }
      }
      let rule = String(text)
      switch Rule.parse(rule) {
      case .success(let parsed):
        #expect(Rule.parse(parsed.description) == .success(parsed), "\(rule)")
      case .failure(let mistake):
        #expect(mistake.offset >= 0 && mistake.length >= 0, "\(rule)")
        #expect(mistake.offset + mistake.length <= rule.utf8.count, "\(rule)")
      }
    }
  }
}
