import GatewayModel
import Testing

@testable import GatewayDataPlane

/// The index must be an optimisation and nothing else: whatever the rules and the request, it finds the route that
/// asking every rule in turn finds. Words are few, so that rules overlap, contradict and shadow each other.
@Suite("Routing properties")
struct RoutingPropertyTests {
  @Test("the table finds the route that asking every rule in order of priority finds", arguments: 0..<8)
  func indexAgreesWithPlainSearch(seed: Int) throws {
    var words = RoutingWords(seed: UInt64(seed))
    var found = 0
    for round in 0..<250 {
      let routes = try (0..<(1 + words.below(40))).map { _ in
        Route(rule: try words.rule(depth: 3), priority: words.below(6), order: words.below(10))
      }
      let table = RouteTable(routes, labels: RoutingWords.labels)
      let plain = PlainRouting(routes: routes, labels: RoutingWords.labels)
      for _ in 0..<6 {
        let request = words.request()
        let expected = try plain.match(request)
        let actual = try request.match(table)
        if actual >= 0 { found += 1 }
        #expect(
          actual == expected,
          "seed \(seed), round \(round), \(request)\n\(routes.map { "\($0.priority) \($0.order) \($0.rule)" })")
      }
    }
    // Neither every request nor none finds a route, or the test would prove nothing.
    #expect(found > 500 && found < 1500)
  }

  @Test("many routes on few hosts, as configurations are")
  func manyRoutes() throws {
    var words = RoutingWords(seed: 42)
    let routes = try (0..<3000).map { number in
      Route(rule: try words.usualRule(number), priority: words.below(50), order: number)
    }
    let table = RouteTable(routes, labels: RoutingWords.labels)
    let plain = PlainRouting(routes: routes, labels: RoutingWords.labels)
    for _ in 0..<120 {
      let request = words.usualRequest()
      #expect(try request.match(table) == plain.match(request), "\(request)")
    }
  }
}

/// Makes rules and requests of the same few words.
struct RoutingWords {
  static let labels: NamedValues<LabelSource> = [
    "env": LabelSource(origin: .value("prod")), "tier": LabelSource(origin: .header("X-Tier"), default: "a"),
    "node": LabelSource(origin: .query("n")),
  ]
  private static let hosts = ["a.com", "b.com", "x.a.com", "y.x.a.com", "com", "a.com.x", "[::1]"]
  private static let patterns = ["*", "*.a.com", "*.com", "*.x.a.com"]
  private static let paths = [
    "/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/abc/def", "/a/bcd", "/long/path/of/several/segments/1",
    "/long/path/of/several/segments/2", "/long/path/of",
  ]
  private static let expressions = ["a", "^/a", "b$", "^[ab]", "x.*c", "^$"]

  private var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func below(_ bound: Int) -> Int { random.below(bound) }

  private mutating func one(_ words: [String]) -> String { words[below(words.count)] }

  private mutating func expression() throws -> RegularExpression { try RegularExpression(one(Self.expressions)) }

  mutating func rule(depth: Int) throws -> Rule {
    if depth > 0 {
      switch below(6) {
      case 0: return .all(try (0..<(2 + below(2))).map { _ in try rule(depth: depth - 1) })
      case 1: return .any(try (0..<(2 + below(2))).map { _ in try rule(depth: depth - 1) })
      case 2 where below(2) == 0: return .not(try rule(depth: depth - 1))
      case 3: return .all([.match(.host(one(Self.hosts))), .match(.pathPrefix(one(Self.paths)))])
      default: break
      }
    }
    return .match(try matcher())
  }

  private mutating func matcher() throws -> RuleMatcher {
    switch below(22) {
    case 0...4: return .host(one(Self.hosts))
    case 5, 6: return .host(one(Self.patterns))
    case 7...10: return .pathPrefix(one(Self.paths))
    case 11, 12: return .path(one(Self.paths))
    case 13: return .pathRegexp(try expression())
    case 14: return .hostRegexp(try expression())
    case 15: return .method(one(["GET", "PUT"]))
    case 16: return .header(name: one(["X-Tier", "Accept"]), value: one(["a", "b"]))
    case 17: return .headerRegexp(name: one(["X-Tier", "Accept"]), try expression())
    case 18: return .query(name: one(["n", "m"]), value: one(["", "a", "b c"]))
    case 19: return .queryRegexp(name: one(["n", "m"]), try expression())
    case 20: return .clientIP(try #require(IPRange(one(["10.0.0.0/8", "10.1.0.0/16", "::1"]))))
    default:
      let name = one(["env", "tier", "node", "none"])
      return below(3) == 0
        ? .labelRegexp(name: name, try expression())
        : .label(name: name, values: Array(["a", "b", "prod"].prefix(1 + below(3))))
    }
  }

  mutating func request() -> RoutingRequest {
    var target = one(Self.paths)
    if below(4) == 0 { target += one(["/", "x", "b", "%61"]) }
    if below(2) == 0 { target += one(["?", "?n", "?n=a", "?m=a&n=b+c", "?n=%&n=b%20c", "?m=;n=a", "?n=%61&&m"]) }
    var headers: [(name: String, value: String)] = []
    for _ in 0..<below(4) { headers.append((one(["X-Tier", "x-tier", "ACCEPT"]), one(["a", "b", "abc"]))) }
    return RoutingRequest(
      method: one(["GET", "PUT", "get"]), host: below(12) == 0 ? nil : one(Self.hosts), target: target,
      headers: headers, client: one(["10.1.2.3", "10.2.3.4", "::1", "192.0.2.1"]))
  }

  mutating func usualRule(_ number: Int) throws -> Rule {
    let host = RuleMatcher.host(below(3) == 0 ? "h\(below(40)).com" : "h\(below(5)).com")
    switch below(10) {
    case 0: return .match(host)
    case 1: return .match(.pathPrefix("/p\(below(300))"))
    case 2: return .all([.match(.hostRegexp(try RegularExpression("^h\(below(9))"))), .match(.path("/p\(below(9))"))])
    case 3:
      return .all([
        .match(host), .match(.pathPrefix("/p\(below(300))")),
        .match(.header(name: "X-Tier", value: "t\(below(4))")),
      ])
    case 4: return .all([.match(.host("h1.com")), .match(.header(name: "X-Tier", value: "t\(below(200))"))])
    case 5: return .all([.match(.host("h2.com")), .match(.label(name: "tier", values: ["t\(below(200))"]))])
    case 6:
      return .all([
        .match(.host("h\(below(3)).com")), .match(.query(name: "n", value: "\(below(200))")),
        .match(.method(below(2) == 0 ? "GET" : "PUT")),
      ])
    case 7:
      let label = Rule.match(.label(name: "node", values: ["\(below(200))"]))
      return .all([.match(.host("h\(below(3)).com")), .any([label, .match(.label(name: "tier", values: ["a"]))])])
    default: return .all([.match(host), .match(.pathPrefix("/p\(below(3000))"))])
    }
  }

  mutating func usualRequest() -> RoutingRequest {
    RoutingRequest(
      method: one(["GET", "PUT"]), host: "h\(below(12)).com",
      target: "/p\(below(3000))/x\(below(2) == 0 ? "" : "?n=\(below(200))&n=%3\(below(10))")",
      headers: (0..<below(3)).map { _ in ("X-Tier", "t\(below(200))") })
  }
}
