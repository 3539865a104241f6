import Foundation
import GatewayModel
import Testing

@testable import GatewayRuntime

@Suite("sluice policy test")
struct PolicyTestRunTests {
  private func run(_ configuration: String, _ table: String) throws -> PolicyTestRun {
    let folder = NSTemporaryDirectory() + "sluice-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try configuration.write(toFile: folder + "/sluice.yml", atomically: true, encoding: .utf8)
    try table.write(toFile: folder + "/tests.yml", atomically: true, encoding: .utf8)
    return PolicyTestRun(path: folder + "/tests.yml")
  }

  private static let configuration = """
    entryPoints: {web: {address: "127.0.0.1:0"}}
    http:
      routers: {all: {rule: PathPrefix(`/`), service: s, middlewares: [who]}}
      services: {s: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}}
      middlewares:
        who:
          policy:
            rules:
              - {name: payments, when: 'PathPrefix(`/pay`) && claim.namespace != "prod"', action: deny}
              - {name: nights, when: 'hour in ["22", "23"]', action: deny}
    """

  @Test("each test passes or says what was said instead")
  func outcomes() throws {
    let run = try run(
      Self.configuration,
      """
      configuration: sluice.yml
      middleware: who
      tests:
        - name: a
          request: {url: "http://x/pay", claims: '{"namespace":"prod"}', time: "2026-11-21T08:00:00Z"}
          expect: allow
          rule: default
        - {name: b, request: {url: "http://x/pay"}, expect: deny, rule: payments}
        - {name: c, request: {url: "http://x/", time: "2026-11-21T22:30:00Z"}, expect: allow}
        - {name: d, request: {url: "http://x/", claims: "{"}, expect: allow}
        - {name: e, request: {url: "http://x/", time: "yesterday"}, expect: allow}
        - {name: f, request: {url: "http://x/", claims: "[1]"}, expect: allow}
      """)
    #expect(run.mistakes == [])
    #expect(run.outcomes.map(\.isPassed) == [true, true, false, false, false, false])
    #expect(run.outcomes[2].said == "deny by nights, expected allow")
    #expect(run.outcomes[3].said == "claims: not JSON at byte 1")
    #expect(run.outcomes[4].said == "time yesterday is not like 2026-11-21T08:00:00Z")
    #expect(run.outcomes[5].said == "claims: not an object")
  }

  @Test("a request has the labels of the router that it names, unless the test gives its own")
  func labels() throws {
    let configuration = Self.configuration
      .replacing("service: s, middlewares", with: "service: s, labels: {team: shop}, middlewares")
      .replacing("claim.namespace != \"prod\"", with: "label.team == \"shop\"")
    let run = try run(
      configuration,
      """
      configuration: sluice.yml
      middleware: who
      tests:
        - {name: a, request: {url: "http://x/pay", router: all}, expect: deny, rule: payments}
        - name: b
          request: {url: "http://x/pay", router: all, labels: {team: other}, time: "2026-11-21T08:00:00Z"}
          expect: allow
        - {name: c, request: {url: "http://x/pay", time: "2026-11-21T08:00:00Z"}, expect: allow}
      """)
    #expect(run.mistakes == [])
    #expect(run.outcomes.map(\.isPassed) == [true, true, true])
    let slip = try self.run(
      configuration.replacing("label.team ==", with: "label.taem =="),
      "configuration: sluice.yml\nmiddleware: who\ntests: []\n")
    let said = slip.mistakes.joined()
    #expect(said.contains("no router has a label \"taem\"") && said.contains("did you mean \"team\""))
  }

  @Test(
    "a value that no request can have is a mistake, and a name that this configuration lacks a warning",
    arguments: [
      (#"weekday == "monday""#, "weekday is never \"monday\""), (#"hour in ["8"]"#, "hour is never \"8\""),
      (#"hour == "24""#, "two digits from 00 to 23"), (#"path == "pay""#, "a path that begins with /"),
      (#"spiffe == "shop.example/pay""#, "spiffe://"), (#"host == "Shop.example""#, "did you mean \"shop.example\""),
      (#"address == "10.1.2""#, "an IP address"), (#"router == "al""#, "there is no router \"al\""),
      (#"entryPoint == "wbe""#, "did you mean \"web\""), (#"service != "t""#, "there is no service \"t\""),
    ])
  func values(_ when: String, _ said: String) throws {
    let configuration = Self.configuration.replacing(
      #"PathPrefix(`/pay`) && claim.namespace != "prod""#, with: when)
    let mistakes = try run(configuration, "configuration: sluice.yml\nmiddleware: who\ntests: []\n").mistakes
    let outcome = ConfigurationOutcome(
      checking: [ConfigurationSource(name: "test.yml", text: configuration, format: .yaml)])
    let all = outcome.mistakes.map(\.description).joined(separator: "\n")
    #expect(all.contains(said), "\(all)")
    // A warning does not keep the tests from running.
    #expect(mistakes.isEmpty == said.contains("there is no ") || said.contains("web"))
  }

  @Test("what cannot be run says why, with its place")
  func mistakes() throws {
    #expect(PolicyTestRun(path: "/nowhere/x").mistakes == ["/nowhere/x: cannot be read"])
    let other = try run(Self.configuration, "configuration: sluice.yml\nmiddleware: whom\ntests: []\n")
    #expect(other.mistakes.first?.hasSuffix("has no policy whom, expected one of who") == true)
    let key = try run(Self.configuration, "configuration: sluice.yml\nmidleware: who\ntests: []\n")
    #expect(key.mistakes.contains { $0.contains("2:1") && $0.contains("did you mean \"middleware\"") })
    let name = try run(
      Self.configuration.replacing("claim.namespace", with: "namespace"),
      "configuration: sluice.yml\nmiddleware: who\ntests: []\n")
    #expect(name.mistakes.contains { $0.contains("there is nothing called") })
  }

  @Test(
    "times are read",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600), ("2026-11-21T08:00:00Z", 1_795_248_000),
      ("2026-13-01T00:00:00Z", nil), ("2026-11-21 08:00:00Z", nil), ("2026-11-21T24:00:00Z", nil),
    ] as [(String, Int64?)])
  func times(_ text: String, _ seconds: Int64?) {
    #expect(InternetTime.seconds(text) == seconds)
  }
}
