import GatewayModel
import Testing

@testable import GatewayDataPlane

private func ranges(_ texts: [String]) throws -> [IPRange] {
  try texts.map { try #require(IPRange($0)) }
}

@Suite("ipAllowList")
struct IPAllowListTests {
  private func says(
    _ allowed: [String], peer: String = "192.0.2.7", forwarded: String? = nil, _ strategy: IPStrategy? = nil
  ) throws -> String {
    var configuration = IPAllowList()
    configuration.sourceRange = try ranges(allowed)
    configuration.ipStrategy = strategy
    let fields = forwarded.map { ["X-Forwarded-For: \($0)"] } ?? []
    return try MiddlewareFixture("GET / HTTP/1.1", fields, peer: peer).run(try IPAllowListLink(configuration))
  }

  @Test(
    "without a strategy the peer counts, whatever it says",
    arguments: [
      (["192.0.2.0/24"], "192.0.2.7", nil, true), (["192.0.2.7"], "192.0.2.7", nil, true),
      (["10.0.0.0/8"], "192.0.2.7", "10.0.0.1", false), (["::/0"], "192.0.2.7", nil, false),
      (["2001:db8::/32"], "2001:db8::1", nil, true),
    ] as [([String], String, String?, Bool)])
  func peer(_ allowed: [String], _ peer: String, _ forwarded: String?, _ passes: Bool) throws {
    #expect(try says(allowed, peer: peer, forwarded: forwarded) == (passes ? "go" : "403 address-not-allowed"))
  }

  @Test(
    "depth counts from the right of what the peer sent",
    arguments: [
      (1, "10.0.0.1", true), (1, "10.0.0.1, 203.0.113.1", false), (2, "10.0.0.1, 203.0.113.1", true),
      (3, "10.0.0.1, 203.0.113.1", false), (1, "10.0.0.1:8080", true), (1, "nonsense", false), (1, "", false),
      (2, "10.0.0.1,", true), (1, "10.0.0.1,", false),
    ])
  func depth(_ depth: Int, _ forwarded: String, _ passes: Bool) throws {
    var strategy = IPStrategy()
    strategy.depth = depth
    #expect(try says(["10.0.0.0/8"], forwarded: forwarded, strategy) == (passes ? "go" : "403 address-not-allowed"))
  }

  @Test("without X-Forwarded-For depth finds nobody")
  func depthOfNothing() throws {
    var strategy = IPStrategy()
    strategy.depth = 1
    #expect(try says(["192.0.2.7"], strategy) == "403 address-not-allowed")
  }

  @Test(
    "excludedIPs skips known proxies from the right",
    arguments: [
      ("10.0.0.1, 203.0.113.1", true), ("10.0.0.1, 203.0.113.1, 203.0.113.2", true), ("10.0.0.1, 198.51.100.1", false),
      ("203.0.113.1", false), ("10.0.0.1, , 203.0.113.1", true), ("10.0.0.1, nonsense, 203.0.113.1", false),
    ])
  func excluded(_ forwarded: String, _ passes: Bool) throws {
    var strategy = IPStrategy()
    strategy.excludedIPs = try ranges(["203.0.113.0/24"])
    #expect(try says(["10.0.0.0/8"], forwarded: forwarded, strategy) == (passes ? "go" : "403 address-not-allowed"))
  }

  @Test("ipv6Subnet makes the first address of the network count")
  func subnet() throws {
    var strategy = IPStrategy()
    strategy.ipv6Subnet = 64
    #expect(try says(["2001:db8::"], peer: "2001:db8::1:2:3:4", strategy) == "go")
    #expect(try says(["2001:db8::"], peer: "2001:db8:0:1::1", strategy) == "403 address-not-allowed")
  }

  @Test("the status of the refusal can be chosen")
  func status() throws {
    var configuration = IPAllowList()
    configuration.sourceRange = try ranges(["10.0.0.1"])
    configuration.rejectStatusCode = 404
    let middleware = try IPAllowListLink(configuration)
    #expect(try MiddlewareFixture().run(middleware) == "404 address-not-allowed")
  }
}

@Suite("inFlightReq")
struct InFlightReqTests {
  private func link(_ amount: Int, _ criterion: (inout SourceCriterion) -> Void = { _ in }) throws -> InFlightReqLink {
    var configuration = InFlightReq()
    configuration.amount = amount
    var source = SourceCriterion()
    criterion(&source)
    configuration.sourceCriterion = source
    return try InFlightReqLink(configuration)
  }

  /// What each of these requests is told while those before it run.
  private func says(_ middleware: InFlightReqLink, _ fixtures: [MiddlewareFixture]) -> [String] {
    withExtendedLifetime(fixtures) { fixtures.map { $0.run(middleware) } }
  }

  @Test("one more than the amount is refused, and a permit that comes back is given again")
  func amount() throws {
    let middleware = try link(2)
    let fixtures = try (0..<3).map { _ in try MiddlewareFixture() }
    #expect(says(middleware, fixtures) == ["go", "go", "429 too-many-in-flight"])
    middleware.ended(fixtures[2].exchange)
    #expect(middleware.table.taken == 2)
    try withExtendedLifetime(fixtures) {
      middleware.ended(fixtures[0].exchange)
      let later = try (0..<2).map { _ in try MiddlewareFixture() }
      #expect(says(middleware, later) == ["go", "429 too-many-in-flight"])
    }
  }

  @Test("an exchange that is forgotten gives its permit back")
  func forgotten() throws {
    let middleware = try link(1)
    #expect(try MiddlewareFixture().run(middleware) == "go")
    #expect(middleware.table.taken == 0)
  }

  @Test("an exchange gives back what it took, even when its host was changed on the way")
  func changedHost() throws {
    let middleware = try link(1)
    let fixture = try MiddlewareFixture()
    fixture.run(middleware)
    fixture.exchange.request.authority = .empty
    middleware.ended(fixture.exchange)
    middleware.ended(fixture.exchange)
    #expect(middleware.table.taken == 0)
  }

  @Test("a chain that names the middleware twice takes two and gives two back")
  func twice() throws {
    let middleware = try link(2)
    let fixture = try MiddlewareFixture()
    #expect([fixture.run(middleware), fixture.run(middleware)] == ["go", "go"])
    #expect(middleware.table.taken == 2)
    middleware.ended(fixture.exchange)
    middleware.ended(fixture.exchange)
    #expect(middleware.table.taken == 0)
  }

  @Test("hosts are counted apart")
  func hosts() throws {
    let middleware = try link(1)
    let fixtures = try ["a.example", "b.example", "a.example"].map {
      try MiddlewareFixture("GET / HTTP/1.1", ["Host: \($0)"])
    }
    #expect(says(middleware, fixtures) == ["go", "go", "429 too-many-in-flight"])
  }

  @Test("addresses are counted apart, and those of one IPv6 network together")
  func addresses() throws {
    let middleware = try link(1) {
      var strategy = IPStrategy()
      strategy.ipv6Subnet = 64
      $0.ipStrategy = strategy
    }
    let fixtures = try ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map { try MiddlewareFixture(peer: $0) }
    #expect(says(middleware, fixtures) == ["go", "go", "go", "429 too-many-in-flight"])
  }

  @Test("values of a field are counted apart, requests without it together")
  func fields() throws {
    let middleware = try link(1) { $0.requestHeaderName = "X-Tenant" }
    let fixtures = try [["x-tenant: a"], ["X-Tenant: b"], ["X-Tenant: a"], [], []].map {
      try MiddlewareFixture("GET / HTTP/1.1", $0)
    }
    #expect(says(middleware, fixtures) == ["go", "go", "429 too-many-in-flight", "go", "429 too-many-in-flight"])
  }

  @Test("two criteria at once are a mistake")
  func mistakes() {
    #expect(throws: MiddlewareMistake.self) {
      try link(1) {
        $0.requestHost = true
        $0.requestHeaderName = "X-Tenant"
      }
    }
  }
}
