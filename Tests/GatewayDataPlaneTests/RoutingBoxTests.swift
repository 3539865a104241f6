import GatewayModel
import Testing

@testable import GatewayDataPlane

@Suite("Boxes and facts of rules")
struct RoutingBoxTests {
  private func cover(_ rule: String) throws -> Set<RouteBox> { Set(RouteBox.cover(try Rule.parse(rule).get())) }

  private func box(_ host: String = "*", prefix: String = "") -> RouteBox {
    RouteBox(host: RouteBox.Host(host), path: .prefix(Array(prefix.utf8)))
  }

  private func box(_ host: String = "*", path: String) -> RouteBox {
    RouteBox(host: RouteBox.Host(host), path: .exact(Array(path.utf8)))
  }

  @Test(
    "hosts intersect the same from both sides",
    arguments: [
      ("a.b.com", "*.b.com", "a.b.com"), ("a.b.com", "*.com", nil), ("a.b.com", "a.b.com", "a.b.com"),
      ("a.b.com", "b.com", nil), ("*.b.com", "*.b.com", "*.b.com"), ("*.b.com", "*.com", nil), ("*", "*.com", "*.com"),
      ("*", "a", "a"), ("*", "*", "*"), ("com", "*.com", nil),
    ] as [(String, String, String?)])
  func hosts(left: String, right: String, expected: String?) {
    let expected = expected.map { box($0) }
    #expect(box(left).intersection(box(right)) == expected)
    #expect(box(right).intersection(box(left)) == expected)
  }

  @Test("paths intersect the same from both sides")
  func paths() {
    let table: [(RouteBox, RouteBox, RouteBox?)] = [
      (box(prefix: "/a"), box(prefix: "/a/b"), box(prefix: "/a/b")), (box(prefix: "/a"), box(prefix: "/b"), nil),
      (box(prefix: ""), box(path: "*"), box(path: "*")), (box(prefix: "/a"), box(path: "/a"), box(path: "/a")),
      (box(prefix: "/a"), box(path: "/"), nil), (box(path: "/a"), box(path: "/a"), box(path: "/a")),
      (box(path: "/a"), box(path: "/b"), nil),
    ]
    for (left, right, expected) in table {
      #expect(left.intersection(right) == expected)
      #expect(right.intersection(left) == expected)
    }
  }

  @Test("a rule is covered by the boxes of its host and path conditions")
  func covers() throws {
    #expect(try cover("Host(`a`) && PathPrefix(`/x`) && Method(`GET`)") == [box("a", prefix: "/x")])
    #expect(try cover("(Host(`a`) || Host(`b`)) && Path(`/x`)") == [box("a", path: "/x"), box("b", path: "/x")])
    #expect(try cover("Host(`*.b`) && Host(`a.b`)") == [box("a.b")])
    #expect(try cover("Host(`a`) && Host(`b`)").isEmpty)
    #expect(try cover("!Host(`a`)") == [.everything])
    #expect(try cover("!(!Host(`a`) || !Path(`/x`))") == [box("a", path: "/x")])
    #expect(try cover("Host(`a`) || Method(`GET`)") == [.everything])
  }

  @Test("a product of covers that is too large leaves the narrower part")
  func largeProducts() throws {
    let hosts = (0..<40).map { "Host(`h\($0)`)" }.joined(separator: " || ")
    let paths = (0..<40).map { "Path(`/\($0)`)" }.joined(separator: " || ")
    #expect(try cover("(\(paths)) && (\(hosts))") == Set((0..<40).map { box("h\($0)") }))
  }

  @Test("facts are what a rule cannot match without")
  func facts() throws {
    let labels: NamedValues<LabelSource> = [
      "tier": LabelSource(origin: .header("X-Tier"), default: "basic"), "env": LabelSource(origin: .value("prod")),
    ]
    func facts(_ rule: String) throws -> Set<RouteFact> {
      Set(RouteFact.facts(of: try Rule.parse(rule).get(), labels: labels))
    }
    let get = RouteFact(source: .method, value: Array("GET".utf8))
    let tier = RouteFact(source: .firstHeader(Array("x-tier".utf8)), value: Array("gold".utf8))
    #expect(try facts("Host(`a`) && Method(`GET`) && tier == `gold`") == [get, tier])
    #expect(try facts("Method(`GET`) && tier == `basic` && env == `prod`") == [get])
    #expect(try facts("Method(`GET`) && Path(`/a`) || Path(`/b`) && Method(`GET`)") == [get])
    #expect(try facts("Method(`GET`) || tier == `gold`").isEmpty)
    #expect(try facts("!Method(`GET`)").isEmpty)
    #expect(try facts("!(!Method(`GET`) || tier != `gold`)") == [get, tier])
  }
}
