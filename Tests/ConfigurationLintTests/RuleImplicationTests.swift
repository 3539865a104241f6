import GatewayModel
import Testing

@testable import ConfigurationLint

@Suite("one rule implies another")
struct RuleImplicationTests {
  static func rule(_ text: String) -> Rule {
    switch Rule.parse(text) {
    case .success(let rule): return rule
    case .failure(let mistake):
      Issue.record("\(text): \(mistake)")
      return .match(.host("*"))
    }
  }

  @Test(
    "proved",
    arguments: [
      ("Host(`a.b`)", "Host(`A.b`)"), ("Host(`a.b`)", "Host(`*.b`)"), ("Host(`a.b`)", "PathPrefix(`/`)"),
      ("Host(`a.b`) && Path(`/x`)", "Host(`a.b`)"), ("Host(`a`)", "Host(`a`) || Host(`b`)"),
      ("Host(`a`) || Host(`b`)", "Host(`b`) || Host(`c`) || Host(`a`)"), ("Path(`/a/b`)", "PathPrefix(`/a`)"),
      ("PathPrefix(`/a/b`)", "PathPrefix(`/a`)"), ("Path(`/a1`)", "PathRegexp(`^/a[0-9]$`)"),
      ("Host(`x.b`)", "HostRegexp(`^[a-z]+\\.b$`)"), ("ClientIP(`10.1.0.0/16`)", "ClientIP(`10.0.0.0/8`)"),
      ("!PathPrefix(`/a`)", "!PathPrefix(`/a/b`)"), ("Method(`GET`)", "!Method(`POST`)"),
      ("Path(`/a`) && Method(`GET`)", "Method(`GET`) && PathPrefix(`/`)"),
      ("(Host(`a`) || Host(`b`)) && Path(`/`)", "Path(`/`)"), ("Header(`X`, `ab`)", "HeaderRegexp(`x`, `^a`)"),
      ("Query(`q`, `1`)", "QueryRegexp(`q`, `[0-9]`)"),
    ])
  func proved(_ narrow: String, _ broad: String) {
    #expect(RuleImplication.holds(Self.rule(narrow), Self.rule(broad)))
  }

  @Test(
    "not proved",
    arguments: [
      ("Host(`a`)", "Host(`b`)"), ("Host(`*.b`)", "Host(`a.b`)"), ("Host(`a.b.c`)", "Host(`*.c`)"),
      ("Host(`c`)", "Host(`*.c`)"), ("PathPrefix(`/a`)", "PathPrefix(`/a/b`)"), ("Host(`a`)", "Host(`a`) && Path(`/`)"),
      ("Host(`a`) || Host(`b`)", "Host(`a`)"), ("!Host(`a`)", "Host(`b`)"), ("Method(`GET`)", "!Method(`GET`)"),
      // Several fields of one name may be there.
      ("Header(`X`, `a`)", "!Header(`X`, `b`)"), ("ClientIP(`10.0.0.0/8`)", "ClientIP(`10.1.0.0/16`)"),
    ])
  func notProved(_ narrow: String, _ broad: String) {
    #expect(!RuleImplication.holds(Self.rule(narrow), Self.rule(broad)))
  }

  /// Two rules of 4,096 questions make sixteen million pairs: the proof gives up instead.
  @Test("rules of any size are answered in bounded time") func large() {
    let hosts = (0..<3000).map { "Host(`h\($0)`)" }.joined(separator: " || ")
    let others = (0..<3000).map { "Host(`g\($0)`)" }.joined(separator: " || ")
    #expect(!RuleImplication.holds(Self.rule(hosts), Self.rule(others)))
  }
}
