import GatewayModel
import Testing

@testable import GatewayDataPlane

@Suite("policy")
struct PolicyTests {
  private func policy(_ rules: [(String, Policy.Action)], _ change: (inout Policy) -> Void = { _ in }) -> Policy {
    var policy = Policy()
    for (index, (when, action)) in rules.enumerated() {
      var rule = Policy.Rule()
      rule.name = "r\(index)"
      rule.when = when
      rule.action = action
      policy.rules.append(rule)
    }
    change(&policy)
    return policy
  }

  private func request(_ change: (inout PolicyTestFile.Request) -> Void = { _ in }) -> PolicyTestFile.Request {
    var request = PolicyTestFile.Request()
    request.url = "https://shop.example/pay/1?env=prod"
    request.claims = #"{"sub":"alice","roles":["a","b"],"realm_access":{"roles":["admin"]},"x.y":"dotted"}"#
    request.headers = ["X-Team": "blue"]
    request.address = "10.1.2.3"
    request.spiffe = "spiffe://shop.example/ns/prod/sa/pay"
    request.router = "payments"
    change(&request)
    return request
  }

  private func said(
    _ policy: Policy, _ request: PolicyTestFile.Request, labels: NamedValues<LabelSource> = [:], now: Int64 = 0
  ) throws -> String {
    let decided = try PolicyTrial(policy, labels: labels).decide(request, now: now)
    return "\(decided.action.rawValue) \(decided.rule)"
  }

  @Test(
    "each question has its answer",
    arguments: [
      (#"method == "GET""#, true), (#"method == "POST""#, false), ("PathPrefix(`/pay`)", true),
      (#"path =~ "^/pay/[0-9]+$""#, true), (#"host == "shop.example""#, true), (#"claim.sub == "alice""#, true),
      (#"claim.sub != "alice""#, false), (#"claim.none == "x""#, false), (#"claim.none != "x""#, true),
      (#"claim.roles == "b""#, true), (#"claim.roles == "c""#, false), (#"claim.realm_access.roles == "admin""#, true),
      (#"claim.x.y == "dotted""#, true), (#"claim.sub in ["bob", "alice"]"#, true), (#"claim.sub =~ "^al""#, true),
      (#"header.x-team == "blue""#, true), (#"header.x-none == "blue""#, false), (#"query.env == "prod""#, true),
      (#"address == "10.1.2.3""#, true), ("ClientIP(`10.0.0.0/8`)", true), ("ClientIP(`192.0.2.0/24`)", false),
      (#"spiffe =~ "^spiffe://shop[.]example/ns/prod/""#, true), (#"router == "payments""#, true),
      (#"router == "payments@file""#, true), (#"router == "other""#, false), (#"hour == "00""#, true),
      (#"weekday == "thu""#, true), (#"weekday in ["sat", "sun"]"#, false), (#"team == "blue""#, true),
      (#"(method == "GET" && !(claim.sub == "bob")) || PathPrefix(`/x`)"#, true),
    ])
  func questions(_ when: String, _ isTrue: Bool) throws {
    let policy = policy([(when, .deny)]) {
      var team = Policy.Attribute()
      team.header = "X-Team"
      $0.attributes = ["team": team]
    }
    #expect(try said(policy, request()) == (isTrue ? "deny r0" : "allow default"))
  }

  @Test("the first rule that matches decides, and whoever allows anything denies the rest")
  func order() throws {
    let policy = policy([(#"claim.sub == "alice""#, .allow), ("PathPrefix(`/`)", .deny)])
    #expect(try said(policy, request()) == "allow r0")
    #expect(try said(policy, request { $0.claims = nil }) == "deny r1")
    let strict = self.policy([(#"method == "POST""#, .allow)])
    #expect(try said(strict, request()) == "deny default")
    #expect(try said(self.policy([(#"method == "POST""#, .deny)]), request()) == "allow default")
    let open = self.policy([(#"method == "POST""#, .allow)]) { $0.default = .allow }
    #expect(try said(open, request()) == "allow default")
  }

  @Test(
    "a header or parameter with several values decides nothing, and nothing is decided without it",
    arguments: [
      "?env=prod&env=x", "?env=x&env=prod", "?env=x;env=prod", "?e%6Ev=x&env=prod", "X_Team: red", "x_team: red",
    ])
  func several(_ more: String) throws {
    let asked = request {
      if more.hasPrefix("?") { $0.url = "https://shop.example/\(more)" } else {
        let field = more.split(separator: ": ").map(String.init)
        $0.headers[field[0]] = field[1]
      }
    }
    let question = more.hasPrefix("?") ? #"query.env == "prod""# : #"header.x-team == "blue""#
    #expect(try said(policy([(question, .deny)]), asked) == "deny ambiguous")
    #expect(try said(policy([(question, .allow)]), asked) == "deny ambiguous")
    #expect(try said(policy([("!(\(question))", .deny)]), asked) == "deny ambiguous")
    #expect(try said(policy([(#"method == "GET""#, .allow), (question, .deny)]), asked) == "allow r0")
    #expect(try said(policy([(#"method == "POST" && \#(question)"#, .deny)]), asked) == "allow default")
  }

  @Test("the same value twice is one")
  func twice() throws {
    let asked = request {
      $0.url = "https://shop.example/?env=prod&env=prod"
      $0.headers["X_Team"] = "blue"
    }
    #expect(try said(policy([(#"query.env == "prod" && header.x-team == "blue""#, .allow)]), asked) == "allow r0")
  }

  @Test("labels of the configuration are known, with their defaults")
  func labels() throws {
    let labels: NamedValues<LabelSource> = [
      "env": LabelSource(origin: .query("env")), "tier": LabelSource(origin: .header("X-Tier"), default: "free"),
    ]
    let policy = policy([(#"env == "prod" && tier == "free""#, .deny)])
    #expect(try said(policy, request(), labels: labels) == "deny r0")
    #expect(try said(policy, request { $0.headers = ["X-Tier": "gold"] }, labels: labels) == "allow default")
  }

  @Test("labels of the router are known by name, and one that it lacks equals nothing")
  func routerLabels() throws {
    let labelled = request { $0.labels = ["team": "shop", "tier": "gold"] }
    for (when, isTrue) in [
      (#"label.team == "shop""#, true), (#"label.tier in ["gold", "silver"]"#, true), (#"label.team =~ "^sh""#, true),
      (#"label.team != "shop""#, false), (#"label.none == "shop""#, false), (#"label.none != "shop""#, true),
    ] {
      #expect(try said(policy([(when, .deny)]), labelled) == (isTrue ? "deny r0" : "allow default"), "\(when)")
      #expect(try said(policy([(when, .deny)]), request()).hasPrefix("deny") == when.contains("!="), "\(when)")
    }
  }

  @Test("days and hours are those of UTC", arguments: [(1_763_712_000, "fri", "08"), (1_767_225_599, "wed", "23")])
  func times(_ now: Int64, _ day: String, _ hour: String) throws {
    let policy = policy([("weekday == \"\(day)\" && hour == \"\(hour)\"", .deny)])
    #expect(try said(policy, request(), now: now) == "deny r0")
  }

  @Test("rules agree with what they mean, for random rules and requests")
  func meaning() throws {
    var random = SeededRandom(seed: TestSeed.value)
    for _ in 0..<2000 {
      let (text, isTrue) = Self.randomRule(&random, depth: 3)
      #expect(try said(policy([(text, .deny)]), request()) == (isTrue ? "deny r0" : "allow default"), "\(text)")
    }
  }

  /// A rule over questions whose answers are known, with its own.
  private static func randomRule(_ random: inout SeededRandom, depth: Int) -> (String, Bool) {
    let known = [
      (#"claim.sub == "alice""#, true), (#"claim.sub == "bob""#, false), ("PathPrefix(`/pay`)", true),
      ("Method(`POST`)", false), (#"header.x-team =~ "^b""#, true), (#"claim.none in ["a"]"#, false),
    ]
    guard depth > 0, Int.random(in: 0..<4, using: &random) > 0 else { return random.pick(known) }
    let (left, a) = randomRule(&random, depth: depth - 1)
    let (right, b) = randomRule(&random, depth: depth - 1)
    switch Int.random(in: 0..<3, using: &random) {
    case 0: return ("(\(left) && \(right))", a && b)
    case 1: return ("(\(left) || \(right))", a || b)
    default: return ("!(\(left))", !a)
    }
  }

  @Test("refusals are problem details, and status 7 for gRPC")
  func refusals() throws {
    let link = try PolicyLink(policy([("PathPrefix(`/`)", .deny)]), labels: [:], series: nil)
    #expect(try MiddlewareFixture().run(link) == "403 policy-denied")
    // The exchange makes PERMISSION_DENIED of it for a gRPC client.
    #expect(GRPCAnswer.status(Rejection.policyDenied.status) == 7)
    let shadow = try PolicyLink(policy([("PathPrefix(`/`)", .deny)]) { $0.shadow = true }, labels: [:], series: nil)
    #expect(try MiddlewareFixture().run(shadow) == "go")
  }
}
