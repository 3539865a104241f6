import GatewayModel
import Testing

@testable import GatewayDataPlane

@Suite("Routing")
struct RoutingTests {
  /// A table of rules in order of priority as Traefik gives it by default: the longer rule first.
  private func table(_ rules: [String], labels: NamedValues<LabelSource> = [:]) throws -> RouteTable {
    RouteTable(
      try rules.enumerated().map { number, text in
        Route(rule: try Rule.parse(text).get(), priority: Rule.defaultPriority(of: text), order: number)
      }, labels: labels)
  }

  private func matches(
    _ rule: String, _ request: RoutingRequest, labels: NamedValues<LabelSource> = [:]
  ) throws -> Bool {
    try request.match(try table([rule], labels: labels)) == 0
  }

  @Test(
    "Host means what it means in Traefik",
    arguments: [
      // Traefik's own table (pkg/muxer/http/matcher_test.go).
      ("Host(`example.com`)", "example.com", true), ("Host(`example.com`)", "example.com:8080", true),
      ("Host(`example.com`)", "EXAMPLE.COM", true), ("Host(`example.com`)", "example.org", false),
      ("Host(`example.com.`)", "example.com", true), ("Host(`example.com.`)", "example.com.", true),
      ("Host(`example.com.`)", "example.org.", false), ("Host(`example.com`)", "example.com.", true),
      ("Host(`EXAMPLE.COM`)", "example.com", true), ("Host(`xn--9t9h.com`)", "xn--9t9h.com", true),
      ("Host(`*.example.com`)", "test.example.com", true), ("Host(`*.example.com`)", "example.com", false),
      ("Host(`*.example.com`)", "test.otherexample.com", false), ("Host(`*.example.com`)", "a.b.example.com", false),
      ("Host(`*`)", "localhost", true), ("Host(`::1`)", "[::1]:8080", true),
      ("HostRegexp(`^[a-z]+\\.example\\.com$`)", "foo.Example.com", true),
      ("HostRegexp(`^[a-z]+\\.example\\.com$`)", "foo.bar.example.com", false), ("HostRegexp(`^::1$`)", "[::1]", true),
      ("!Host(`*.example.com`)", "a.example.com", false), ("!Host(`*.example.com`)", "example.com", true),
    ])
  func hosts(rule: String, host: String, expected: Bool) throws {
    #expect(try matches(rule, RoutingRequest(host: host)) == expected)
  }

  @Test("a request without a host matches rules that name none, and the bare wildcard")
  func noHost() throws {
    #expect(try !matches("Host(`example.com`)", RoutingRequest(host: nil)))
    #expect(try !matches("Host(`*.example.com`)", RoutingRequest(host: nil)))
    #expect(try matches("Host(`*`)", RoutingRequest(host: nil)))
    #expect(try matches("PathPrefix(`/`)", RoutingRequest(host: nil)))
  }

  @Test(
    "paths mean what they mean in Traefik",
    arguments: [
      ("Path(`/products`)", "/products", true), ("Path(`/products`)", "/products/", false),
      ("Path(`/products`)", "/products?a=b", true), ("PathPrefix(`/products`)", "/products-for-sale", true),
      ("PathPrefix(`/products`)", "/product", false), ("PathPrefix(`/`)", "/", true),
      ("PathRegexp(`\\.(jpeg|png)$`)", "/a.png", true), ("PathRegexp(`\\.(jpeg|png)$`)", "/a.pngx", false),
      ("PathPrefix(`/foo bar`)", "/foo%20bar", true), ("PathPrefix(`/admin`)", "/%61dmin", true),
      ("Path(`/a%2fb`)", "/a%2Fb", true), ("Path(`/a/b`)", "/a%2Fb", false), ("Path(`/é`)", "/%C3%A9", true),
      ("Path(`/A`)", "/a", false), ("!Path(`/a`)", "/b", true), ("!Path(`/a`)", "/a", false),
    ])
  func paths(rule: String, target: String, expected: Bool) throws {
    #expect(try matches(rule, RoutingRequest(target: target)) == expected)
  }

  @Test("OPTIONS * is no path")
  func asterisk() throws {
    let request = RoutingRequest(method: "OPTIONS", target: "*")
    #expect(try !matches("PathPrefix(`/`)", request))
    #expect(try matches("Method(`OPTIONS`)", request))
  }

  @Test(
    "queries are compared decoded, and wrong ones are not there",
    arguments: [
      ("Query(`q`, `a b`)", "/?q=a+b", true), ("Query(`q`, `a b`)", "/?q=a%20b", true),
      ("Query(`q`)", "/?q", true), ("Query(`q`)", "/?q=", true), ("Query(`q`)", "/?q=1", false),
      ("Query(`q`)", "/", false), ("Query(`q`, `2`)", "/?q=1&q=2", true), ("Query(`q`, `2`)", "/?x=1;q=2", true),
      ("Query(`q`, `=`)", "/?q==", true), ("Query(`a&b`, `1`)", "/?a%26b=1", true),
      ("Query(`q`, `%`)", "/?q=%", false), ("Query(`q`, `%`)", "/?q=%25", true), ("Query(`q`, `1`)", "/?q%=1", false),
      ("QueryRegexp(`q`, `^.*$`)", "/?q", true), ("QueryRegexp(`q`, `^(true|yes)$`)", "/?q=%79es", true),
      ("QueryRegexp(`q`, `.`)", "/?q=%zz", false), ("Query(`q`, `1`)", "/?&&q=1&", true),
      ("Query(`qq`, `1`)", "/?q=1", false), ("Query(`q`, `12`)", "/?q=1", false),
    ])
  func queries(rule: String, target: String, expected: Bool) throws {
    #expect(try matches(rule, RoutingRequest(target: target)) == expected)
  }

  @Test(
    "methods, headers and addresses are compared",
    arguments: [
      ("Method(`get`)", true), ("Method(`POST`)", false), ("Header(`x-a`, `1`)", true), ("Header(`X-A`, `2`)", true),
      ("Header(`X-A`, `3`)", false), ("Header(`X-B`, `1`)", false), ("HeaderRegexp(`X-A`, `^[2-9]$`)", true),
      ("HeaderRegexp(`X-A`, `^[3-9]$`)", false), ("Header(`User-Agent`, `curl`)", true),
      ("ClientIP(`192.0.2.0/24`)", true), ("ClientIP(`192.0.2.2`)", false), ("ClientIP(`::/0`)", false),
      ("Header(`X-A`, `1`) && Header(`X-A`, `2`)", true), ("!Header(`X-A`, `1`)", false),
    ])
  func others(rule: String, expected: Bool) throws {
    let request = RoutingRequest(headers: [("X-A", "1"), ("User-Agent", "curl"), ("x-a", "2")])
    #expect(try matches(rule, request) == expected)
  }

  @Test(
    "labels come from where the configuration says",
    arguments: [
      ("env == \"prod\"", true), ("env != \"prod\"", false), ("tier == \"premium\"", true), ("tier == `basic`", false),
      ("tier in [`gold`, `premium`]", true), ("tier =~ `^p`", true), ("tier =~ `^q`", false),
      ("node == \"n 1\"", true), ("absent == \"\"", false), ("absent != \"x\"", true), ("absent =~ `.*`", false),
      ("unknown == `x`", false), ("fallback == \"none\"", true), ("fallback =~ `^no`", true),
      ("fallback in [`a`, `none`]", true), ("fallback != \"none\"", false), ("missing == \"d\"", true),
      ("env == \"prod\" && tier == \"premium\"", true), ("Label(`tier`, `premium`) && env in [`a`, `b`]", false),
      ("env =~ `^prod$` || tier == `x`", true),
    ])
  func labels(rule: String, expected: Bool) throws {
    let labels: NamedValues<LabelSource> = [
      "env": LabelSource(origin: .value("prod")), "tier": LabelSource(origin: .header("X-Tier")),
      "node": LabelSource(origin: .query("node")), "absent": LabelSource(origin: .header("X-Absent")),
      "fallback": LabelSource(origin: .header("X-Absent"), default: "none"),
      "missing": LabelSource(origin: .query("absent"), default: "d"),
    ]
    let request = RoutingRequest(target: "/?node=n+1&node=2", headers: [("x-tier", "premium"), ("x-tier", "gold")])
    #expect(try matches(rule, request, labels: labels) == expected)
  }

  @Test("the higher priority wins, then the lower order, wherever the routes are found")
  func priorities() throws {
    let rule = { (text: String) in try Rule.parse(text).get() }
    let rules = [
      "Host(`example.com`)", "Host(`example.com`) && Path(`/a/b`)", "PathPrefix(`/a`)", "HostRegexp(`.`)",
      "Host(`*.com`)", "PathPrefix(`/a/`)", "Path(`/a/b`)", "Method(`GET`)", "Host(`*`)",
    ]
    let request = RoutingRequest(target: "/a/b")
    for winner in rules.indices {
      let byPriority = try rules.enumerated().map {
        Route(rule: try rule($1), priority: $0 == winner ? 9 : -$0, order: $0)
      }
      #expect(try request.match(RouteTable(byPriority)) == winner)
      let byOrder = try rules.enumerated().map { Route(rule: try rule($1), priority: 5, order: $0 == winner ? -1 : $0) }
      #expect(try request.match(RouteTable(byOrder)) == winner)
    }
  }

  @Test("an empty table matches nothing")
  func empty() throws {
    #expect(try RoutingRequest().match(RouteTable([])) == -1)
  }

  @Test("a rule of very many hosts and paths matches as it says")
  func manyBoxes() throws {
    let hosts = (0..<600).map { "Host(`h\($0).com`)" }.joined(separator: " || ")
    let paths = (0..<100).map { "PathPrefix(`/p\($0)/`)" }.joined(separator: " || ")
    let table = try table(["(\(hosts)) && (\(paths))", "Host(`h1.com`)", hosts])
    #expect(try RoutingRequest(host: "h1.com", target: "/p7/x").match(table) == 0)
    #expect(try RoutingRequest(host: "h599.com", target: "/p99/").match(table) == 0)
    #expect(try RoutingRequest(host: "h1.com", target: "/p7").match(table) == 2)
    #expect(try RoutingRequest(host: "h600.com", target: "/p7/x").match(table) == -1)
  }

  @Test("very long and deeply shared paths are built without recursion")
  func longPaths() throws {
    let routes = (1...2000).map { length in
      Route(rule: .match(.pathPrefix("/" + String(repeating: "a", count: length))), priority: length, order: 0)
    }
    let table = RouteTable(routes)
    #expect(try RoutingRequest(target: "/" + String(repeating: "a", count: 1234) + "b").match(table) == 1233)
    #expect(try RoutingRequest(target: "/b").match(table) == -1)
  }
}
