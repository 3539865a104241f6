import GatewayModel
import NIOHPACK
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// What a client spells in another way must not be another thing to the server than to the gateway.
  @Suite(.timeLimit(.minutes(2))) struct SpellingTests {
    /// Says back the head it got.
    private static func echo() throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        while let head = try? peer.readHead() {
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(head.utf8.count)\r\n\r\n\(head)")
        }
      }
    }

    private static func http(_ port: UInt16, _ middlewares: String = "", chain: String = "") -> String {
      """
        routers:
          all: {rule: PathPrefix(`/`), service: app, middlewares: [\(chain)]}
          admin: {rule: PathPrefix(`/admin`), service: app, middlewares: [shut]}
        middlewares:
          shut: {ipAllowList: {sourceRange: [192.0.2.1]}}
          \(middlewares)
        services:
          app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(port)'}]}}
      """
    }

    @Test(
      "what the gateway vouches for does not come from a client, with underscores or alone",
      arguments: [
        "X_Forwarded_Proto: https", "x-forwarded_for: 192.0.2.1", "X_Real_Ip: 192.0.2.1", "X_FORWARDED_NEW: 1",
        "X-Forwarded-Scheme: https", "X-Scheme: https", "x_scheme: https",
        "X-Forwarded-Tls-Client-Cert-Info: Subject=CN=admin", "X_Forwarded_Tls_Client_Cert: MII",
      ])
    func forwarded(_ field: String) async throws {
      let server = try Self.echo()
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        let seen = try Peer.ask(gateway.port, fields: field + "\r\nX-Mine_Own: kept\r\nX_Forward: kept\r\n").text
        #expect(!seen.contains(field), "\(seen)")
        #expect(seen.contains("X-Real-Ip: 127.0.0.1\r\n") && seen.contains("X-Forwarded-Proto: http\r\n"))
        #expect(seen.contains("X-Mine_Own: kept\r\n") && seen.contains("X_Forward: kept\r\n"))
      }
    }

    @Test("a field that a middleware sets or removes is not there in another spelling")
    func custom() async throws {
      let server = try Self.echo()
      let own = "own: {headers: {customRequestHeaders: {X-Role: guest, X-Gone: ''}}}"
      try await BuiltGateway.with(Self.http(server.port, own, chain: "own")) { (gateway: BuiltGateway) async throws in
        let fields = "X_Role: admin\r\nx-role: admin\r\nX_GONE: 1\r\nX-Gone: 1\r\n"
        let seen = try Peer.ask(gateway.port, fields: fields).text
        #expect(seen.contains("X-Role: guest\r\n"))
        #expect(!seen.contains("admin") && !seen.lowercased().contains("gone"), "\(seen)")
      }
    }

    @Test(
      "slashes next to each other are one, to rules and to the server",
      arguments: [
        ("//admin", nil), ("/admin//x", nil), ("///admin", nil), ("//%61dmin", nil), ("//a//b/?q=//c", "/a/b/?q=//c"),
        ("/a%2F%2Fb", "/a%2F%2Fb"), ("//", "/"), ("//a%20b", "/a%20b"),
      ] as [(String, String?)])
    func slashes(_ path: String, _ forwarded: String?) async throws {
      let server = try Self.echo()
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        let answer = try Peer.ask(gateway.port, path)
        if let forwarded {
          #expect(answer.text.hasPrefix("GET \(forwarded) HTTP/1.1\r\n"), "\(answer.text)")
        } else {
          #expect(answer.status == 403)
        }
      }
    }

    @Test("sanitizePath switched off leaves slashes alone, and encodeQuerySemicolons changes the query")
    func cleaning() {
      func cleaned(_ target: String, _ change: (inout EntryPointHTTP) -> Void) -> String {
        let head = RequestHead()
        var parser = RequestParser(limits: WireLimits())
        let parsed = Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n".utf8).withUnsafeBytes {
          parser.parse($0, into: head)
        }
        guard case .complete = parsed else { return "\(parsed)" }
        var http = EntryPointHTTP()
        change(&http)
        TargetCleaning(http).apply(to: head)
        return head.string(head.path) + " " + head.string(head.routingPath) + " " + head.string(head.query)
      }
      #expect(cleaned("//%61//b?a=1;b=//2") { _ in } == "/%61/b /a/b a=1&b=//2")
      #expect(cleaned("//%61//b?a=1;b=//2") { $0.sanitizePath = false } == "//%61//b //a//b a=1&b=//2")
      #expect(cleaned("/a?a=1;b=2;") { $0.encodeQuerySemicolons = true } == "/a /a a=1%3Bb=2%3B")
    }

    @Test(
      "a semicolon in a query is the same thing to rules, policies and servers",
      arguments: [
        // By default it separates, as in Go; what a server then reads as the last value, the policy has read too.
        (false, "/?x=1;role=user", 200, "/?x=1&role=user"), (false, "/?x=;role=user&role=admin", 403, ""),
        (false, "/?role=user;x=1", 200, "/?role=user&x=1"), (false, "/rule?a;by=rule", 200, "/rule?a&by=rule"),
        // Encoded it is part of a value, for everybody.
        (true, "/?x=1;role=user", 403, ""), (true, "/?x=;role=admin&role=user", 200, "/?x=%3Brole=admin&role=user"),
        (true, "/?role=user;x=1", 403, ""), (true, "/rule?a;by=rule", 403, ""),
      ] as [(Bool, String, Int, String)])
    func semicolons(_ encodes: Bool, _ target: String, _ status: Int, _ forwarded: String) async throws {
      let server = try Self.echo()
      let http = """
          routers:
            all: {rule: PathPrefix(`/`), service: app, middlewares: [users]}
            ruled: {rule: "Query(`by`, `rule`)", service: app, priority: 1000}
          middlewares:
            users: {policy: {rules: [{name: users, when: 'query.role == "user"', action: allow}]}}
          services:
            app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:\(server.port)'}]}}
        """
      try await BuiltGateway.with(http, entryPoint: "encodeQuerySemicolons: \(encodes)") {
        (gateway: BuiltGateway) async throws in
        let answer = try Peer.ask(gateway.port, target)
        #expect(answer.status == status)
        if status == 200 { #expect(answer.text.hasPrefix("GET \(forwarded) HTTP/1.1\r\n"), "\(answer.text)") }
      }
    }

    @Test(
      "a path of HTTP/2 has no scheme but those of HTTP",
      arguments: [("ftp", "400"), ("https", "200"), ("HTTP", "200")])
    func scheme(_ scheme: String, _ status: String) async throws {
      let server = try Self.echo()
      try await BuiltGateway.with(Self.http(server.port)) { (gateway: BuiltGateway) async throws in
        let answer = try await HTTP2Client.with(gateway.port) {
          try await $0.ask([":method": "GET", ":scheme": scheme, ":path": "/", ":authority": "a"])
        }
        #expect(answer.status == status)
      }
    }
  }
}
