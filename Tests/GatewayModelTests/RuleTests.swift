import GatewayModel
import Testing

@Suite("Rules")
struct RuleTests {
  private func rule(_ text: String) throws -> Rule { try Rule.parse(text).get() }

  private static func host(_ name: String) -> Rule { .match(.host(name)) }
  private static func label(_ name: String, _ values: String...) -> Rule { .match(.label(name: name, values: values)) }

  @Test(
    "every matcher of Traefik v3 is read",
    arguments: [
      ("Host(`Example.COM`)", .match(.host("example.com"))),
      ("Host(`example.com.`)", .match(.host("example.com"))),
      ("Host(`*.example.com`)", .match(.host("*.example.com"))),
      ("Host(`*`)", .match(.host("*"))),
      ("Host(`::1`)", .match(.host("[::1]"))),
      ("Host(\"example.com\")", .match(.host("example.com"))),
      ("host(`a`)", .match(.host("a"))),
      ("HOST(`a`)", .match(.host("a"))),
      ("Path(`/a`)", .match(.path("/a"))),
      ("Path(`/a b`)", .match(.path("/a b"))),
      ("Path(`/a%2fb`)", .match(.path("/a%2Fb"))),
      ("PathPrefix(`/`)", .match(.pathPrefix("/"))),
      ("PathPrefix(`/{a`)", .match(.pathPrefix("/{a"))),
      ("pathprefix(`/é`)", .match(.pathPrefix("/é"))),
      ("Method(`get`)", .match(.method("GET"))),
      ("Header(`Content-Type`, `application/yaml`)", .match(.header(name: "Content-Type", value: "application/yaml"))),
      ("Query(`mobile`, `true`)", .match(.query(name: "mobile", value: "true"))),
      ("Query(`mobile`)", .match(.query(name: "mobile", value: ""))),
      ("QueryRegexp(`mobile`)", .match(.query(name: "mobile", value: ""))),
      ("Label(`tier`,`premium`)", .match(.label(name: "tier", values: ["premium"]))),
    ] as [(String, Rule)])
  func matchers(text: String, expected: Rule) throws {
    #expect(try rule(text) == expected)
  }

  @Test("matchers with expressions and networks are read")
  func compiledMatchers() throws {
    let expression = try RegularExpression("^[a-z]{1,3}$")
    #expect(try rule("HostRegexp(`^[a-z]{1,3}$`)") == .match(.hostRegexp(expression)))
    #expect(try rule("PathRegexp(`^[a-z]{1,3}$`)") == .match(.pathRegexp(expression)))
    #expect(try rule("HeaderRegexp(`A`, `^[a-z]{1,3}$`)") == .match(.headerRegexp(name: "A", expression)))
    #expect(try rule("QueryRegexp(`a`, `^[a-z]{1,3}$`)") == .match(.queryRegexp(name: "a", expression)))
    #expect(try rule("env =~ \"^[a-z]{1,3}$\"") == .match(.labelRegexp(name: "env", expression)))
    let range = try #require(IPRange("10.0.0.0/8"))
    #expect(try rule("ClientIP(`10.1.2.3/8`)") == .match(.clientIP(range)))
    let address = try #require(IPRange("::1"))
    #expect(try rule("ClientIP(`::1`)") == .match(.clientIP(address)))
  }

  @Test(
    "operators bind as in Go: ! before && before ||",
    arguments: [
      ("Host(`a`) || Host(`b`) && Host(`c`)", .any([host("a"), .all([host("b"), host("c")])])),
      ("(Host(`a`) || Host(`b`)) && Host(`c`)", .all([.any([host("a"), host("b")]), host("c")])),
      ("!Host(`a`) && Host(`b`)", .all([.not(host("a")), host("b")])),
      ("!(Host(`a`) && Host(`b`))", .not(.all([host("a"), host("b")]))),
      ("!!Host(`a`)", host("a")),
      ("Host(`a`) || (Host(`b`) || Host(`c`))", .any([host("a"), host("b"), host("c")])),
      ("Host(`a`)\n\t&&\r\nHost(`b`)", .all([host("a"), host("b")])),
      ("Host(`a`)&&Host(`b`)||Host(`c`)", .any([.all([host("a"), host("b")]), host("c")])),
      ("((Host(`a`)))", host("a")),
    ] as [(String, Rule)])
  func operators(text: String, expected: Rule) throws {
    #expect(try rule(text) == expected)
  }

  @Test(
    "labels are compared",
    arguments: [
      ("env == \"prod\"", label("env", "prod")),
      ("env == `prod`", label("env", "prod")),
      ("tier != \"premium\"", .not(label("tier", "premium"))),
      ("!(tier != \"premium\")", label("tier", "premium")),
      ("env in [\"a\", \"b\"]", label("env", "a", "b")),
      ("device.hash-2 in [`a`]", label("device.hash-2", "a")),
      ("in == \"x\"", label("in", "x")),
      ("env == \"\"", label("env", "")),
      ("Label(`odd name`, `x`)", label("odd name", "x")),
      ("env == \"prod\" && tier == \"premium\"", .all([label("env", "prod"), label("tier", "premium")])),
    ] as [(String, Rule)])
  func labels(text: String, expected: Rule) throws {
    #expect(try rule(text) == expected)
  }

  @Test(
    "text in double quotes knows Go's escapes, text in backquotes none",
    arguments: [
      ("\"a\\\"b\\\\c\"", "a\"b\\c"), ("\"\\x41\\u00e9\\U0001f9ad\\101\"", "Aé🦭A"), ("\"\\n\\r\\t\"", "\n\r\t"),
      ("`a\\nb`", "a\\nb"), ("`a\r\nb`", "a\nb"), ("\"`\"", "`"),
    ])
  func quoting(text: String, expected: String) throws {
    #expect(try rule("env == \(text)") == Self.label("env", expected))
  }

  @Test("labels and hosts that a rule names are listed once")
  func names() throws {
    let rule = try rule(
      "(Host(`a`) || Host(`B`) || Host(`a`)) && !Host(`c`) && x == \"1\" && (y =~ `z` || x in [`2`, `3`])")
    #expect(rule.labelNames == ["x", "y"])
    #expect(rule.hosts == ["a", "b"])
  }

  @Test("the default priority is the length of the rule as written")
  func defaultPriority() {
    // Traefik's documentation: 34 and 26.
    #expect(Rule.defaultPriority(of: "HostRegexp(`[a-z]+\\.traefik\\.com`)") == 34)
    #expect(Rule.defaultPriority(of: "Host(`foobar.traefik.com`)") == 26)
  }

  @Test(
    "a rule's description is a rule equal to it",
    arguments: [
      "Host(`a`) || Host(`b`) && !Path(`/c`)", "!(Host(`a`) && Host(`b`))", "env != \"prod\" && !(env in [`a`, `b`])",
      "!env == \"x\"", "Query(`a`) && Query(`a`, `b`)", "Label(`odd name`, `a``)".replacing("a``", with: "a`"),
      "HeaderRegexp(`X-A`, `^a|b$`) || ClientIP(`10.0.0.0/8`)", "env == \"a`b\\n\\x01\\\"\\\\\"", "Host(`::1`)",
      "!(x =~ `a`) || !(Method(`GET`) || Method(`PUT`))", "PathPrefix(`/a%2fb`) && Host(`*.x.y`) && Host(`*`)",
    ])
  func description(text: String) throws {
    let rule = try rule(text)
    #expect(try self.rule(rule.description) == rule)
    #expect(try self.rule(rule.description).description == rule.description)
  }
}
