import ConfigurationLint
import GatewayModel
import Testing

@Suite("findings")
struct FindingTests {
  @Test("the smallest file shows the code, the mended one does not", arguments: allCases)
  func shows(_ one: LintCase) {
    let shown = LintFixture(one.shows, with: one.with).findings()
    #expect(shown.map(\.code).contains(one.code), "\(one.shows)\n\(one.with)")
    let mended = LintFixture(one.mended, with: one.mendedWith ?? one.with).codes()
    #expect(!mended.contains(one.code), "\(one.mended)\n\(one.mendedWith ?? one.with)")
    // A sentence for a terminal, with a place that is one.
    for finding in shown where finding.code == one.code {
      #expect(!finding.message.hasSuffix(".") && !finding.message.contains("\n") && !finding.advice.isEmpty)
      #expect(finding.location.position.line >= 1)
    }
  }

  @Test("every code has a case") func everyCode() {
    let missing = Set(FindingCode.allCases).subtracting(allCases.map(\.code))
    #expect(missing.isEmpty, "\(missing.map(\.rawValue).sorted())")
  }

  @Test("codes are SL and four digits, titles differ") func codes() {
    for code in FindingCode.allCases {
      #expect(code.rawValue.count == 6 && code.rawValue.hasPrefix("SL") && Int(code.rawValue.dropFirst(2)) != nil)
    }
    #expect(Set(FindingCode.allCases.map(\.title)).count == FindingCode.allCases.count)
  }

  @Test("a configuration without a fault has no finding but notes") func quiet() {
    let codes = LintFixture(Around.router()).codes()
    #expect(codes == [.responseUnbounded, .serverIdleUnknown])
  }

  @Test("a comment on the line or above it ignores a code, and only that one") func ignored() {
    let yaml = """
      entryPoints:
        web:
          address: ':80'
          # behind a firewall. sluice-check: ignore SL5005, SL5006
          forwardedHeaders: {insecure: true}
      admin: {address: ':9180'} # sluice-check: ignore SL5005
      """
    #expect(LintFixture(yaml).codes().contains(.adminOpen))
    #expect(!LintFixture(yaml).codes().contains(.forwardedFromAnybody))
    #expect(LintFixture(yaml.replacing("SL5005, SL5006", with: "SL5006")).codes().contains(.forwardedFromAnybody))
    let lint = LintFixture(yaml).lint()
    #expect(lint?.findings(ignoring: [.adminOpen]).contains { $0.code == .adminOpen } == false)
  }

  @Test("findings stand at the key they are about") func places() throws {
    let yaml = """
      entryPoints:
        web: {address: ':80'}
      http:
        routers:
          api: {rule: 'Host(`a`)', service: api}
        services:
          api:
            loadBalancer:
              serversTransport: t
              servers: [{url: 'https://a'}]
        serversTransports:
          t:
            forwardingTimeouts: {dialTimeout: 1s,
              responseHeaderTimeout: 60s}
            insecureSkipVerify: true
      """
    let findings = LintFixture(yaml).findings()
    let unverified = try #require(findings.first { $0.code == .serverUnverified })
    #expect("\(unverified.location)" == "g.yml:15:7")
    #expect(unverified.path == "http.serversTransports.t.insecureSkipVerify")
    let drain = try #require(findings.first { $0.code == .drainShorterThanExchange })
    #expect(drain.message.contains("1s dialTimeout + 1s TLS handshake + 60s responseHeaderTimeout = 62s"))
    #expect("\(drain.location)" == "g.yml:2:3")
  }

  @Test("ten thousand routers are checked in bounded time", .timeLimit(.minutes(1))) func many() {
    var yaml = Around.web + "http:\n  services: {s: {loadBalancer: {servers: [{url: 'http://s'}]}}}\n  routers:\n"
    for number in 0..<10_000 { yaml += "    r\(number): {rule: 'PathPrefix(`/p\(number)/`)', service: s}\n" }
    #expect(!LintFixture(yaml).findings().contains { $0.code == .routerUnreachable })
  }
}
