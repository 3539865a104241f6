import GatewayModel
import NIOCore
import NIOEmbedded
import Observability
import ResiliencePolicies
import Testing

@testable import GatewayDataPlane

@Suite("rateLimit")
struct RateLimitTests {
  private func link(
    _ average: Int, burst: Int = 1, period: Duration = .seconds(3600), name: String = "limit",
    series: PolicySeries? = nil, _ change: (inout RateLimit) -> Void = { _ in }
  ) throws -> RateLimitLink {
    var configuration = RateLimit()
    configuration.average = average
    configuration.burst = burst
    configuration.period = period
    change(&configuration)
    return try RateLimitLink(configuration, name: name, series: series, stores: nil)
  }

  private func says(_ link: RateLimitLink, _ fixtures: [MiddlewareFixture]) -> [String] {
    withExtendedLifetime(fixtures) { fixtures.map { $0.run(link) } }
  }

  @Test("the burst passes, the next one is refused, and another address is another source")
  func burst() throws {
    let link = try link(10, burst: 2)
    let fixtures = try ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map { try MiddlewareFixture(peer: $0) }
    #expect(says(link, fixtures) == ["go", "go", "429 rate-limited", "go"])
  }

  @Test("an average of zero limits nothing and tells nothing")
  func unlimited() throws {
    let link = try link(0)
    let fixtures = try (0..<100).map { _ in try MiddlewareFixture() }
    #expect(Set(says(link, fixtures)) == ["go"])
    fixtures[0].respond()
    link.response(fixtures[0].exchange)
    #expect(fixtures[0].responseField("RateLimit") == nil)
  }

  @Test("an answer that passed tells how the source stands")
  func fields() throws {
    let link = try link(100, burst: 50, period: .seconds(60), name: "api\"é")
    let fixture = try MiddlewareFixture()
    fixture.run(link)
    fixture.respond()
    link.response(fixture.exchange)
    #expect(fixture.responseField("RateLimit-Policy") == #""api\"__";q=100;w=60"#)
    #expect(fixture.responseField("RateLimit") == #""api\"__";r=49;t=1"#)
  }

  @Test("a refusal says when to come again, in whole seconds rounded up")
  func refusal() throws {
    let link = try link(1, period: .milliseconds(2500))
    let fixtures = try (0..<2).map { _ in try MiddlewareFixture() }
    _ = fixtures[0].run(link)
    guard case .reject(let rejection) = link.request(fixtures[1].exchange) else {
      Issue.record("the second request passed")
      return
    }
    #expect(rejection.retryAfterSeconds == 3)
    let fields = rejection.fields.map { String(decoding: $0.name + Array(": ".utf8) + $0.value, as: UTF8.self) }
    #expect(fields == [#"RateLimit-Policy: "limit";q=1;w=3"#, #"RateLimit: "limit";r=0;t=3"#])
  }

  @Test("two limits on one route each tell of their own")
  func twoLimits() throws {
    let links = [try link(10, burst: 10, name: "wide"), try link(5, burst: 5, name: "narrow")]
    let fixture = try MiddlewareFixture()
    for link in links { fixture.run(link) }
    fixture.respond()
    for link in links.reversed() { link.response(fixture.exchange) }
    #expect(fixture.responseField("RateLimit-Policy") == #""narrow";q=5;w=3600 | "wide";q=10;w=3600"#)
  }

  @Test("a shadow refuses nothing, says nothing, and counts what it would have refused")
  func shadow() throws {
    let metrics = GatewayMetrics(version: "test")
    let shard = metrics.registry.makeShard()
    let series = metrics.policy("rateLimit", middleware: "limit")
    let link = try link(1, series: series) { $0.shadow = true }
    let fixtures = try (0..<3).map { _ in try MiddlewareFixture() }
    #expect(says(link, fixtures) == ["go", "go", "go"])
    #expect(!link.actsOnResponse)
    // The fixtures have registries of their own: what they would count is counted here.
    series.considered(shard)
    series.wouldReject(shard)
    let text = String(decoding: metrics.registry.text(.prometheus), as: UTF8.self)
    #expect(text.contains(#"sluice_policy_considered_total{policy="rateLimit",middleware="limit"} 1"#))
    #expect(text.contains(#"sluice_policy_would_reject_total{policy="rateLimit",middleware="limit"} 1"#))
    #expect(text.contains(#"sluice_policy_rejected_total{policy="rateLimit",middleware="limit"} 0"#))
  }

  @Test("requests of a leaky bucket go on when their turn comes, in order")
  func leaky() throws {
    let loop = EmbeddedEventLoop()
    let link = try link(10, burst: 2, period: .seconds(1)) { $0.algorithm = .leakyBucket }
    let fixtures = try (0..<4).map { _ in try MiddlewareFixture(loop: loop) }
    #expect(says(link, fixtures) == ["go", "wait", "wait", "429 rate-limited"])
    for fixture in fixtures[1...2] { fixture.exchange.phase = .waiting }
    func waiting() -> [Bool] { fixtures[1...2].map { $0.exchange.phase == .waiting && $0.exchange.entered == 1 } }
    loop.advanceTime(by: .milliseconds(80))
    #expect(waiting() == [true, true])
    loop.advanceTime(by: .milliseconds(25))
    #expect(waiting() == [false, true])
    loop.advanceTime(by: .milliseconds(100))
    #expect(waiting() == [false, false])
  }

  @Test("a client that goes while it waits takes its timer along")
  func cancelled() throws {
    let loop = EmbeddedEventLoop()
    let link = try link(10, burst: 2, period: .seconds(1)) { $0.algorithm = .leakyBucket }
    let fixtures = try (0..<2).map { _ in try MiddlewareFixture(loop: loop) }
    #expect(says(link, fixtures) == ["go", "wait"])
    let exchange = fixtures[1].exchange
    let timer = try #require(exchange.notes[ObjectIdentifier(link)] as? Scheduled<Void>)
    link.ended(exchange)
    #expect(exchange.notes.isEmpty)
    var isCancelled = false
    timer.futureResult.assumeIsolated().whenFailure { _ in isCancelled = true }
    loop.advanceTime(by: .seconds(1))
    #expect(isCancelled)
  }

  @Test("a token bucket makes who is a little early wait, as Traefik does")
  func smoothing() throws {
    let quota = try LimitQuota(.tokenBucket, average: 10, periodNanoseconds: 1_000_000_000, burst: 1)
    let table = LimitTable(quota, sourcesMax: 1)
    let key = SourceKey(high: 1, low: 1)
    #expect(table.decide(key, now: 5_000_000_000).verdict == .pass)
    let early = table.decide(key, now: 5_060_000_000)
    #expect(early.verdict == .wait)
    #expect(early.waitNanoseconds == 40_000_000)
    #expect(table.decide(key, now: 5_110_000_000).verdict == .refuse)
  }

  @Test(
    "sources are told apart by the criterion",
    arguments: [
      ("requestHeaderName", ["go", "429 rate-limited", "go"]), ("requestHost", ["go", "go", "429 rate-limited"]),
      ("route", ["go", "429 rate-limited", "429 rate-limited"]),
    ])
  func criteria(_ criterion: String, _ expected: [String]) throws {
    let link = try link(1) {
      var source = SourceCriterion()
      switch criterion {
      case "requestHeaderName": source.requestHeaderName = "X-Tenant"
      case "requestHost": source.requestHost = true
      default: source.route = true
      }
      $0.sourceCriterion = source
    }
    let fixtures = try [("a", "1"), ("b", "1"), ("a", "2")].map { host, tenant in
      try MiddlewareFixture("GET / HTTP/1.1", ["Host: \(host)", "X-Tenant: \(tenant)"])
    }
    #expect(says(link, fixtures) == expected)
  }

  @Test("a host is one source however it is spelled")
  func spelledHosts() throws {
    let link = try link(1) {
      var source = SourceCriterion()
      source.requestHost = true
      $0.sourceCriterion = source
    }
    let fixtures = try ["shop.example", "SHOP.example", "shop.example.", "shop.example:81"].map {
      try MiddlewareFixture("GET / HTTP/1.1", ["Host: \($0)"])
    }
    #expect(says(link, fixtures) == ["go"] + Array(repeating: "429 rate-limited", count: 3))
  }

  @Test("depth and ipv6Subnet choose the address")
  func addresses() throws {
    let link = try link(1) {
      var strategy = IPStrategy()
      strategy.depth = 1
      strategy.ipv6Subnet = 64
      $0.sourceCriterion = SourceCriterion()
      $0.sourceCriterion?.ipStrategy = strategy
    }
    let fixtures = try ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map {
      try MiddlewareFixture("GET / HTTP/1.1", ["X-Forwarded-For: 10.0.0.1, \($0)"])
    }
    #expect(says(link, fixtures) == ["go", "429 rate-limited", "go"])
  }

  @Test("what cannot work is refused with its reason")
  func mistakes() {
    #expect(throws: MiddlewareMistake.self) {
      try link(7, burst: 1_000_000, period: .seconds(366 * 86_400))
    }
    #expect(throws: MiddlewareMistake.self) {
      try link(7) {
        $0.sourceCriterion = SourceCriterion()
        $0.sourceCriterion?.jwtClaim = "/a~"
      }
    }
  }
}
