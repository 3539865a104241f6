import GatewayModel
import Testing

@testable import GatewayDataPlane

/// A path and what it becomes: "target", with the routing path in parentheses where it differs, or the refusal.
struct PathCase: CustomTestStringConvertible, Sendable {
  let setting: [String]
  let target: String
  let becomes: String
  let told: String?

  init(_ setting: String..., target: String, becomes: String, told: String? = nil) {
    self.setting = setting
    self.target = target
    self.becomes = becomes
    self.told = told
  }

  var testDescription: String { "\(setting) on \(target) gives \(becomes)" }

  func check(_ middleware: any GatewayDataPlane.Middleware, field: String?) throws {
    let fixture = try MiddlewareFixture("GET \(target) HTTP/1.1")
    let step = fixture.run(middleware)
    #expect((step == "go" ? fixture.target : step) == becomes)
    if let field, step == "go" { #expect(fixture.requestField(field) == told) }
  }
}

@Suite("addPrefix")
struct AddPrefixTests {
  @Test(
    "the prefix is put before the path",
    arguments: [
      PathCase("/a", target: "/b", becomes: "/a/b"),
      PathCase("a", target: "/b", becomes: "/a/b"),
      PathCase("/a/", target: "/b", becomes: "/a//b"),
      PathCase("/a", target: "/", becomes: "/a/"),
      PathCase("/a", target: "/b?c=/d", becomes: "/a/b?c=/d"),
      PathCase("/a", target: "/%62?c", becomes: "/a/%62?c (/a/b)"),
      PathCase("/a", target: "/b%2fc", becomes: "/a/b%2fc (/a/b%2Fc)"),
      PathCase("/a b", target: "/c", becomes: "/a%20b/c (/a b/c)"),
      PathCase("/a%20b", target: "/c", becomes: "/a%20b/c (/a b/c)"),
      PathCase("/a%zz?#", target: "/c", becomes: "/a%25zz%3F%23/c"),
    ])
  func prefix(_ item: PathCase) throws {
    var configuration = AddPrefix()
    configuration.prefix = item.setting[0]
    try item.check(try AddPrefixLink(configuration), field: nil)
  }

  @Test("OPTIONS * has no path to change")
  func asterisk() throws {
    var configuration = AddPrefix()
    configuration.prefix = "/a"
    let fixture = try MiddlewareFixture("OPTIONS * HTTP/1.1")
    #expect(fixture.run(try AddPrefixLink(configuration)) == "go")
    #expect(fixture.target == "*")
  }

  @Test("a prefix that no request could have is a mistake", arguments: ["", "/a/../b", "/%00"])
  func mistakes(_ prefix: String) {
    var configuration = AddPrefix()
    configuration.prefix = prefix
    #expect(throws: MiddlewareMistake.self) { try AddPrefixLink(configuration) }
  }
}

@Suite("stripPrefix")
struct StripPrefixTests {
  @Test(
    "the first prefix that fits is cut off, and the server is told",
    arguments: [
      PathCase("/a", target: "/a/b", becomes: "/b", told: "/a"),
      PathCase("/a", target: "/a", becomes: "/", told: "/a"),
      PathCase("/a", target: "/a/", becomes: "/", told: "/a"),
      PathCase("/a", target: "/a?b", becomes: "/?b", told: "/a"),
      PathCase("/a/", target: "/a/b", becomes: "/b", told: "/a/"),
      PathCase("/a", target: "/ab", becomes: "/b", told: "/a"),
      PathCase("/a", target: "/b/a", becomes: "/b/a"),
      PathCase("/a", target: "/A/b", becomes: "/A/b"),
      PathCase("/a", "/a/b", target: "/a/b/c", becomes: "/b/c", told: "/a"),
      PathCase("/x", " /a/b ", target: "/a/b/c", becomes: "/c", told: "/a/b"),
      PathCase("/", target: "/a", becomes: "/a", told: "/"),
      PathCase("/a", target: "/%61/b", becomes: "/b", told: "/a"),
      PathCase("/a", target: "/%61/%62", becomes: "/%62 (/b)", told: "/a"),
      PathCase("/a", target: "/a%2Fb", becomes: "/%2Fb", told: "/a"),
      PathCase("/a/b", target: "/a%2Fb", becomes: "/a%2Fb"),
      PathCase("/a%2fb", target: "/a%2Fb/c", becomes: "/c", told: "/a%2fb"),
      PathCase("/a%2", target: "/a%2Fb/c", becomes: "/a%2Fb/c"),
      PathCase("/ü", target: "/%C3%BC/c", becomes: "/c", told: "/%C3%BC"),
    ])
  func strip(_ item: PathCase) throws {
    var configuration = StripPrefix()
    configuration.prefixes = item.setting
    try item.check(StripPrefixLink(configuration), field: "X-Forwarded-Prefix")
  }

  @Test(
    "what is left must not leave the prefix",
    arguments: [
      PathCase("/a", target: "/a../b", becomes: "400 unsafe-path"),
      PathCase("/a", target: "/a..", becomes: "400 unsafe-path"),
      PathCase("/a", target: "/a.", becomes: "400 unsafe-path"),
      PathCase("/a", target: "/a%2e%2e/b", becomes: "400 unsafe-path"),
      PathCase("/a", target: "/a..%2Fb", becomes: "400 unsafe-path"),
    ])
  func unsafe(_ item: PathCase) throws {
    var configuration = StripPrefix()
    configuration.prefixes = item.setting
    try item.check(StripPrefixLink(configuration), field: nil)
  }
}

@Suite("stripPrefixRegex")
struct StripPrefixRegexTests {
  @Test(
    "the first expression that matches at the start cuts its match off",
    arguments: [
      PathCase("^/a/[0-9]+", target: "/a/12/b", becomes: "/b", told: "/a/12"),
      PathCase("/a/[0-9]+/", target: "/a/12/b", becomes: "/b", told: "/a/12/"),
      PathCase("/[0-9]+", target: "/a/12/b", becomes: "/a/12/b"),
      PathCase("/x", "/a", target: "/a/b", becomes: "/b", told: "/a"),
      PathCase("/a*", target: "/", becomes: "/", told: "/"),
      PathCase("x*", target: "/a", becomes: "/a"),
      PathCase("^/a", target: "/%61/b?c", becomes: "/b?c", told: "/%61"),
      PathCase("^/a/?", target: "/a..", becomes: "400 unsafe-path"),
      PathCase("^/.%2", target: "/a%2Fb", becomes: "/a%2Fb"),
      PathCase("^/a\\d", target: "/a1..\\b", becomes: "400 unsafe-path"),
    ])
  func strip(_ item: PathCase) throws {
    var configuration = StripPrefixRegex()
    configuration.regex = item.setting
    try item.check(try StripPrefixRegexLink(configuration), field: "X-Forwarded-Prefix")
  }
}

@Suite("replacePath")
struct ReplacePathTests {
  @Test(
    "the path is replaced, the query stays, and the server is told the old path",
    arguments: [
      PathCase("/a", target: "/b?c", becomes: "/a?c", told: "/b"),
      PathCase("a", target: "/%62", becomes: "/a", told: "/%62"),
      PathCase("", target: "/b", becomes: "/", told: "/b"),
      PathCase("/a?b", target: "/b", becomes: "/a%3Fb", told: "/b"),
      PathCase("/%61%2F", target: "/b", becomes: "/%61%2F (/a%2F)", told: "/b"),
    ])
  func replace(_ item: PathCase) throws {
    var configuration = ReplacePath()
    configuration.path = item.setting[0]
    try item.check(try ReplacePathLink(configuration), field: "X-Replaced-Path")
  }

  @Test("a client's own word on the replaced path is removed")
  func spoofed() throws {
    var configuration = ReplacePath()
    configuration.path = "/a"
    let fixture = try MiddlewareFixture("GET /b HTTP/1.1", ["x-replaced-path: /admin"])
    fixture.run(try ReplacePathLink(configuration))
    #expect(fixture.requestField("X-Replaced-Path") == "/b")
  }
}

@Suite("replacePathRegex")
struct ReplacePathRegexTests {
  @Test(
    "every match in the path is replaced",
    arguments: [
      PathCase("^/a/(.*)", "/b/$1", target: "/a/c/d?e", becomes: "/b/c/d?e", told: "/a/c/d"),
      PathCase("^/x/(.*)", "/b/$1", target: "/a/c", becomes: "/a/c"),
      PathCase("a", "b", target: "/a/a", becomes: "/b/b", told: "/a/a"),
      PathCase("^/", "", target: "/a", becomes: "/a", told: "/a"),
      PathCase("^.*$", "", target: "/a", becomes: "/", told: "/a"),
      PathCase("^/(.*)$", "/$1 ü?#", target: "/a", becomes: "/a%20%C3%BC%3F%23 (/a ü%3F%23)", told: "/a"),
      PathCase("^/a(.*)", "/$1", target: "/a/b", becomes: "400 unsafe-path"),
      PathCase("^/a-(.*)", "/$1", target: "/a-../b", becomes: "400 unsafe-path"),
      PathCase("2F", "zz", target: "/a%2Fb", becomes: "500 broken-rewrite"),
      PathCase("/", "/\n/", target: "/a", becomes: "500 broken-rewrite"),
    ])
  func replace(_ item: PathCase) throws {
    var configuration = ReplacePathRegex()
    configuration.regex = item.setting[0]
    configuration.replacement = item.setting[1]
    try item.check(try ReplacePathRegexLink(configuration), field: "X-Replaced-Path")
  }

  @Test("an expression that would make a huge path is stopped")
  func huge() throws {
    var configuration = ReplacePathRegex()
    configuration.regex = "(a+)"
    configuration.replacement = String(repeating: "$1", count: 64)
    let fixture = try MiddlewareFixture("GET /\(String(repeating: "a", count: 4000)) HTTP/1.1")
    #expect(fixture.run(try ReplacePathRegexLink(configuration)) == "500 broken-rewrite")
  }
}
