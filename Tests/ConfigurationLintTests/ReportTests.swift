import Foundation
import GatewayModel
import Testing

@testable import ConfigurationLint

@Suite("reports")
struct ReportTests {
  static let yaml = Around.router(
    ", tls: {}", entryPoint: "address: ':443', transport: {respondingTimeouts: {readTimeout: 20s}}",
    service: ", sticky: {cookie: {sameSite: none}}", url: "https://api:8443")

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("JSON has what its schema promises") func json() throws {
    let root = try object(JSONReport(LintFixture(Self.yaml).report(timeouts: true)).text)
    #expect(root["formatVersion"] as? Int == 1)
    #expect((root["counts"] as? [String: Int])?["errors"] == 1)
    let file = try #require((root["files"] as? [[String: Any]])?.first)
    #expect(file["taken"] as? Bool == true)
    let findings = try #require(file["findings"] as? [[String: Any]])
    let cookie = try #require(findings.first { $0["code"] as? String == "SL5002" })
    #expect(
      cookie["severity"] as? String == "error" && cookie["line"] as? Int == 4 && cookie["file"] as? String == "g.yml")
    #expect(cookie["page"] as? String == "Documentation/findings/SL5002.md")
    let router = try #require((file["routers"] as? [[String: Any]])?.first)
    let timeouts = try #require(router["timeouts"] as? [[String: Any]])
    let read = try #require(timeouts.first { $0["name"] as? String == "readTimeout" })
    #expect(read["milliseconds"] as? Int == 20_000)
    let origin = try #require(read["origin"] as? [String: Any])
    #expect(
      origin["kind"] as? String == "written" && origin["line"] as? Int == 1
        && origin["level"] as? String == "entry point")
    let write = try #require(timeouts.first { $0["name"] as? String == "writeTimeout" })
    #expect(write["milliseconds"] is NSNull)
  }

  @Test("SARIF has the parts that SARIF 2.1.0 requires, findings and mistakes alike") func sarif() throws {
    let refused = LintFixture("entrypiont: {}\n").report()
    for (report, rule) in [(LintFixture(Self.yaml).report(), "SL5002"), (refused, "unknown-key")] {
      let root = try object(SARIFReport(report).text)
      #expect(root["version"] as? String == "2.1.0")
      let run = try #require((root["runs"] as? [[String: Any]])?.first)
      let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
      let rules = try #require(driver["rules"] as? [[String: Any]])
      let results = try #require(run["results"] as? [[String: Any]])
      #expect(results.contains { $0["ruleId"] as? String == rule })
      for result in results {
        let index = try #require(result["ruleIndex"] as? Int)
        #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
        #expect(["error", "warning", "note"].contains(result["level"] as? String))
        #expect((result["message"] as? [String: Any])?["text"] is String)
        let location = try #require(
          (result["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any])
        let region = try #require(location["region"] as? [String: Any])
        #expect((region["startLine"] as? Int ?? 0) >= 1 && (region["startColumn"] as? Int ?? 0) >= 1)
      }
    }
  }

  @Test("paths become URI references")
  func uris() {
    #expect(SARIFReport.uri("a b/ü.yml") == "a%20b/%C3%BC.yml")
    #expect(SARIFReport.uri("/etc/g.yml") == "file:///etc/g.yml")
  }

  @Test("text fits the terminal, whatever its width", arguments: [40, 60, 80, 120]) func text(width: Int) {
    for one in allCases where one.code != .comparisonsEnded {
      let lines = TextReport(
        LintFixture(one.shows, with: one.with).report(timeouts: true), width: width, usesColor: false
      ).lines
      // Mistakes are one line each, for editors; the picture has 78 characters and an indentation.
      for line in lines
      where !line.hasPrefix("g.yml:") && !line.contains("/") && !line.contains("`") && !line.contains("-load-balancer-")
      {
        #expect(line.count <= max(width, 80), "\(line)")
      }
    }
  }

  @Test("colours stand only where they are asked for") func colours() {
    let report = LintFixture(Self.yaml).report(timeouts: true)
    let plain = TextReport(report, width: 80, usesColor: false).lines.joined(separator: "\n")
    let colored = TextReport(report, width: 80, usesColor: true).lines.joined(separator: "\n")
    #expect(!plain.contains("\u{1b}") && colored.contains("\u{1b}[31merror SL5002\u{1b}[0m"))
    #expect(colored.replacing(/\u{1b}\[[0-9]+m/, with: "") == plain)
  }

  @Test("a refused file keeps the form that editors read") func refused() {
    let report = LintFixture("entryPoints: {web: {adress: ':80'}}\n").report()
    let lines = TextReport(report, width: 80, usesColor: false).lines
    #expect(lines.contains { $0.hasPrefix("g.yml:1:21: ") && $0.contains("did you mean \"address\"") })
    #expect(report.hasErrors && lines.last?.hasPrefix("g.yml: refused, ") == true)
  }

  @Test("a file that is refused for what Sluice has not yet names the way out") func unsupported() {
    let report = LintFixture(Around.router(middlewares: "m: {plugin: {}}")).report()
    let lines = TextReport(report, width: 120, usesColor: false).lines
    let hint = "; --allow-unsupported takes what Sluice has not yet as warnings"
    #expect(lines.last?.hasSuffix(hint) == true, "\(lines)")
  }

  @Test("quiet says errors only") func quiet() {
    let lines = TextReport(LintFixture(Self.yaml).report(), width: 80, usesColor: false, least: .error).lines
    #expect(lines.contains { $0.contains("error SL5002") } && !lines.contains { $0.contains("note ") })
    #expect(TextReport(LintFixture(Around.router()).report(), width: 80, usesColor: false, least: .error).lines.isEmpty)
  }

  @Test(
    "durations are spelled",
    arguments: [
      (Duration.zero, "0s"), (.milliseconds(300), "300ms"), (.milliseconds(2500), "2.5s"), (.seconds(90), "90s"),
      (.seconds(600), "10m"), (.seconds(3601), "3601s"), (.seconds(5400), "1h30m"), (.milliseconds(1050), "1.05s"),
      (.seconds(86400), "24h"), (.nanoseconds(5), "5ns"),
    ])
  func spelled(_ duration: Duration, _ text: String) { #expect(duration.spelled == text) }
}
