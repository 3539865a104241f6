import GatewayModel
import Testing

@testable import ConfigurationLint

@Suite("protections")
struct ProtectionTests {
  private func message(_ code: FindingCode, _ yaml: String, with texts: [String] = []) throws -> String {
    try #require(LintFixture(yaml, with: texts).findings().first { $0.code == code }).message
  }

  private func one(_ code: FindingCode) throws -> LintCase { try #require(allCases.first { $0.code == code }) }

  @Test("the sum of tries and pauses stands in the message, with how many fit") func tries() throws {
    let text = try message(.triesLongerThanWhole, one(.triesLongerThanWhole).shows)
    // Pauses of 100 ms and, in equal factors, 141 ms.
    #expect(
      text.contains("3 tries × (1s dialTimeout + 3s responseHeaderTimeout) + 241ms back-off = 12.241s"), "\(text)")
    #expect(text.contains("the whole exchange only 10s (whole)") && text.contains("2 of 3 tries are made"))
  }

  @Test("a try without a bound eats the deadline alone") func unbounded() throws {
    let yaml = Around.router(
      ", middlewares: [whole, again]", middlewares: "whole: {timeout: {duration: 10s}}, again: {retry: {attempts: 2}}")
    #expect(try message(.triesLongerThanWhole, yaml).contains("the first that hangs uses up the 10s of whole"))
  }

  @Test("retry.timeout bounds the sum") func retryTimeout() throws {
    let yaml = Around.router(
      ", middlewares: [again]", service: ", serversTransport: t",
      transport: Around.timeouts("dialTimeout: 1s, responseHeaderTimeout: 9s"),
      middlewares: "again: {retry: {attempts: 5, timeout: 12s}}")
    let table = try #require(LintFixture(yaml).lint()?.timeouts().first)
    #expect(table.worstCase.value == .seconds(82))
    #expect(table.worstCase.text.contains("12s retry.timeout + (1s dialTimeout + 9s responseHeaderTimeout) = 22s"))
    #expect(table.timeouts.contains { $0.hop == .exchange && $0.subject == "again" && $0.name == "retry.timeout" })
  }

  @Test("retries of a mesh multiply with those of the gateway") func mesh() throws {
    let mesh = """
      kind: VirtualService
      metadata: {name: api}
      spec: {hosts: [api], http: [{retries: {attempts: 2}}]}
      """
    let yaml = Around.router(
      ", middlewares: [a]", middlewares: "a: {retry: {attempts: 3}}", url: "http://api.default.svc")
    #expect(
      try message(.retriesMultiply, yaml, with: [mesh]).contains(
        "3 (a) × 3 (VirtualService api) times: it arrives 9 times"))
    #expect(
      !LintFixture(yaml.replacing("api.default", with: "b.default"), with: [mesh]).codes().contains(.retriesMultiply))
  }

  @Test("the textbook case in a file: when traffic stops, when the pod restarts, how long the hole is") func textbook()
    throws
  {
    let one = try one(.probesStacked)
    let finding = try #require(LintFixture(one.shows, with: one.with).findings().first { $0.code == .probesStacked })
    #expect(finding.message.contains("no traffic after 12s to 17s") && finding.message.contains("after 22s to 32s"))
    #expect(finding.message.contains("serves nothing for 5s to 55s"))
    #expect(finding.picture.contains("gateway        x-   x-   x-R                                                 B"))
    #expect("\(finding.location)".hasPrefix("with-0.yml:"))
  }

  @Test("the breaker's sum") func breaker() throws {
    let text = try message(.breakerShorterThanDetection, one(.breakerShorterThanDetection).shows)
    #expect(text.contains("3 × 5s + 2s = 17s"), "\(text)")
  }

  @Test("probes are in the table of the routers that lead to them") func table() throws {
    let yaml = Around.router(service: ", healthCheck: {interval: 5s, timeouts: {connect: 1s}}")
    let table = try #require(LintFixture(yaml).lint()?.timeouts().first)
    let rows = table.timeouts.filter { $0.hop == .probe }
    #expect(
      table.removals == [
        Removal(service: "api", span: Span(best: .seconds(5), worst: .seconds(10)), sum: "1 × 5s + 5s")
      ])
    #expect(
      rows.map(\.name) == [
        "healthCheck.interval", "healthCheck.unhealthyInterval", "healthCheck.timeout", "healthCheck.timeouts.connect",
      ])
    #expect(rows.map(\.value) == [.seconds(5), .seconds(5), .seconds(5), .seconds(1)])
    guard case .written("service", "http.services.api.loadBalancer.healthCheck.interval", _) = rows[0].origin else {
      return #expect(Bool(false), "\(rows[0].origin)")
    }
  }

  @Test("the time that a request waits for a shared limit is in the table") func shared() throws {
    let yaml = Around.router(
      ", middlewares: [l]", middlewares: "l: {rateLimit: {average: 10, redis: {endpoints: ['r:6379'], timeout: 50ms}}}")
    let table = try #require(LintFixture(yaml).lint()?.timeouts().first)
    let row = try #require(table.timeouts.first { $0.name == "rateLimit.redis.timeout" })
    #expect(row.value == .milliseconds(50))
    guard case .written("middleware", "http.middlewares.l.rateLimit.redis.timeout", _) = row.origin else {
      return #expect(Bool(false), "\(row.origin)")
    }
  }
}
