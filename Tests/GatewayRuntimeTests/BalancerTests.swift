import Testing

@testable import GatewayRuntime

extension OverServices {
  @Suite struct BalancerTests {
    private static func balancer(_ servers: [NamedServer], _ rest: String, weights: [Int] = []) -> String {
      let list = servers.enumerated().map { index, server in
        "{ url: \"\(server.url)\", weight: \(index < weights.count ? weights[index] : 1) }"
      }
      return "main: { loadBalancer: { servers: [ \(list.joined(separator: ", ")) ], \(rest) } }"
    }

    @Test("every strategy reaches servers, and weights count", arguments: ["wrr", "p2c", "leasttime", "leastrequest"])
    func strategies(strategy: String) async throws {
      try await ServiceGateway.with(["a", "b", "c"]) {
        Self.balancer($0, "strategy: \(strategy)", weights: [1, 1, 0])
      } _: { (gateway: ServiceGateway) async throws in
        let shares = try gateway.shares(60)
        #expect(shares["c"] == nil)
        #expect((shares["a"] ?? 0) + (shares["b"] ?? 0) == 60)
        if strategy == "wrr" || strategy == "leastrequest" { #expect(shares == ["a": 30, "b": 30]) }
      }
    }

    @Test("p2c and leasttime keep away from the server that fails fast", arguments: ["p2c", "leasttime"])
    func avoidsFailing(strategy: String) async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.balancer($0, "strategy: \(strategy)")
      } _: { (gateway: ServiceGateway) async throws in
        gateway.servers[0].change { $0.status = 500 }
        gateway.servers[1].change { $0.delay = 2 }
        let shares = try gateway.shares(60)
        // One failure costs five seconds of round trip; what b takes does not come near it.
        #expect((shares["500"] ?? 0) <= 2)
      }
    }

    @Test("hrw keeps a client at one server, by header, cookie or address, and moves it only when that one is gone")
    func hashing() async throws {
      for key in ["header: X-User", "cookie: sid"] {
        try await ServiceGateway.with(["a", "b", "c"]) {
          Self.balancer($0, "strategy: hrw, hashBy: { \(key) }, passiveHealthCheck: { failureWindow: 60s }")
        } _: { (gateway: ServiceGateway) async throws in
          func field(_ number: Int) -> String {
            key.hasPrefix("header") ? "X-User: u\(number)\r\n" : "Cookie: x=1; sid=u\(number)\r\n"
          }
          var homes: [String] = []
          for number in 0..<30 { homes.append(try gateway.ask(fields: field(number)).body) }
          #expect(Set(homes).count == 3)
          for number in 0..<30 { #expect(try gateway.ask(fields: field(number)).body == homes[number]) }
          // Without the key it is the address, which is the same for all.
          #expect(try gateway.shares(10).count == 1)
          gateway.servers[1].change { $0.status = 500 }
          if let lost = homes.firstIndex(of: "b") { #expect(try gateway.ask(fields: field(lost)).status == 500) }
          for number in 0..<30 {
            let now = try gateway.ask(fields: field(number)).body
            if homes[number] == "b" { #expect(now != "b") } else { #expect(now == homes[number]) }
          }
        }
      }
    }

    @Test("a sticky cookie has all of Traefik's attributes and keeps the client with any strategy")
    func sticky() async throws {
      try await ServiceGateway.with(["a", "b"]) {
        Self.balancer(
          $0,
          """
          strategy: p2c, sticky: { cookie: { name: s, secure: true, httpOnly: true, sameSite: strict, maxAge: 60,
            path: /p, domain: example.com } }
          """.replacing("\n", with: " "))
      } _: { (gateway: ServiceGateway) async throws in
        let first = try gateway.ask()
        let line = first.head.split(separator: "\r\n").first { $0.hasPrefix("Set-Cookie: s=") } ?? ""
        let attributes = line.split(separator: ";").dropFirst().map { $0.drop { $0 == " " } }
        #expect(
          Set(attributes) == ["Path=/p", "Domain=example.com", "Max-Age=60", "HttpOnly", "Secure", "SameSite=Strict"])
        let token = line.dropFirst("Set-Cookie: s=".count).prefix { $0 != ";" }
        let shares = try gateway.shares(20) { _ in "Cookie: s=\(token)\r\n" }
        #expect(shares == [first.body: 20])
      }
    }

    @Test("services by hash: a client stays at one service, and goes to another while that one has no usable server")
    func hashedServices() async throws {
      try await ServiceGateway.with(["a", "b"]) { servers in
        let each = servers.map {
          "\($0.name): { loadBalancer: { servers: [ { url: \"\($0.url)\" } ], "
            + "passiveHealthCheck: { failureWindow: 60s } } }"
        }
        return (each + ["main: { highestRandomWeight: { services: [ { name: a }, { name: b } ], healthCheck: {} } }"])
          .joined(separator: "\n")
      } _: { (gateway: ServiceGateway) async throws in
        let home = try gateway.ask().body
        #expect(try gateway.shares(10) == [home: 10])
        let server = home == "a" ? gateway.servers[0] : gateway.servers[1]
        server.change { $0.status = 502 }
        #expect(try gateway.ask().status == 502)
        #expect(try gateway.shares(10) == [home == "a" ? "b" : "a": 10])
      }
    }
  }
}
