import Crypto
import GatewayModel
import Identity
import NIOHPACK
import NIOPosix
import Synchronization
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// A client's trailers must not say what the gateway vouches for: some servers read them as if they were headers.
  @Suite(.timeLimit(.minutes(2))) struct TrailerTests {
    private static let token = JWTTests.token(#"{"sub":"alice","exp":4000000000}"#)

    private static func jwt() -> JWT {
      var jwt = JWT()
      jwt.algorithms = ["HS256"]
      jwt.secretFile = "secret"
      jwt.claimsToHeaders = ["sub": "X-User", "tenant": "X-Tenant"]
      return jwt
    }

    private static var chain: [GatewayModel.Middleware] {
      var auth = ForwardAuth()
      auth.address = "http://auth.example/verify"
      auth.authResponseHeaders = ["X-Team"]
      auth.authResponseHeadersRegex = "(?i)^x-group"
      var opa = OPA()
      opa.url = "http://opa.example"
      opa.path = "allow"
      opa.headers = ["X-Asked"]
      var policy = Policy()
      for when in [#"header.X-Zone == "no""#, "Header(`X-Ring`, `no`)"] {
        var rule = Policy.Rule()
        rule.name = when
        rule.when = when
        rule.action = .deny
        policy.rules.append(rule)
      }
      var headers = Headers()
      headers.customRequestHeaders = ["X-Fixed": "gateway", "X-Gone": ""]
      var timeout = Timeout()
      timeout.duration = .seconds(60)
      return [
        .jwt(jwt()), .forwardAuth(auth), .opa(opa), .policy(policy), .headers(headers), .timeout(timeout),
      ]
    }

    /// Every name that a link of the chain vouches for, in spellings that servers take for the same.
    private static let guarded = [
      "X-User", "x_user", "X-Tenant", "X-Team", "x_team", "X-Group-A", "X-Asked", "X-Zone", "X-Ring", "X-Fixed",
      "X-Gone", "X-Request-Timeout-Ms", "x_request_timeout_ms",
    ]

    /// What came behind the bodies of requests.
    private final class Heard: Sendable {
      private let texts = Mutex<[String]>([])
      func add(_ text: String) { texts.withLock { $0.append(text) } }
      var all: [String] { texts.withLock { $0 } }
    }

    /// Answers questions, and notes the trailers of requests in chunks.
    private static func server(_ heard: Heard) throws -> ScriptedServer {
      try ScriptedServer { peer, _ in
        peer.patience = 30_000
        while let head = try? peer.readHead() {
          guard head.lowercased().contains("transfer-encoding: chunked") else {
            if let length = SeenResponse.length(head) { _ = try peer.read(count: length) }
            let json = #"{"result":true}"#
            try peer.send("HTTP/1.1 200 OK\r\nX-Team: blue\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)")
            continue
          }
          while let size = Int(try peer.read(until: "\r\n").dropLast(), radix: 16), size > 0 {
            _ = try peer.read(count: size + 2)
          }
          var trailers = ""
          while true {
            let line = try peer.read(until: "\r\n")
            if line == "\r\n" { break }
            trailers += line
          }
          heard.add(trailers)
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
      }
    }

    @Test("by HTTP/1.1: what any link vouches for is removed, in every spelling, and the rest goes on")
    func http1() async throws {
      let heard = Heard()
      let server = try Self.server(heard)
      defer { server.stop() }
      let secret = String(decoding: JWTTests.secret, as: UTF8.self)
      try await ChainGateway.with(server.port, pages: server.port, text: secret, Self.chain) {
        (port: UInt16) async throws in
        let client = try Peer.connect(to: port)
        let lies = Self.guarded.map { "\($0): root\r\n" }.joined()
        let start = "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Self.token)\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
        for end in ["X-Digest: abc\r\n\(lies)X-Last: 1\r\n", lies, "X-Digest: abc\r\n", ""] {
          try client.send(start + end + "\r\n")
          #expect(try client.readResponse().text == "ok")
        }
      }
      #expect(heard.all == ["X-Digest: abc\r\nX-Last: 1\r\n", "", "X-Digest: abc\r\n", ""])
    }

    @Test("a response's trailers come through buffering and compression, behind a body and behind none")
    func transformed() async throws {
      let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
      let plain: HPACKHeaders = [":status": "200", "content-type": "text/plain"]
      let end: HPACKHeaders = ["grpc-status": "5", "grpc-message": "not there"]
      let server = try await HTTP2Server.start { number, headers in
        switch headers.first(name: ":path") {
        case "/text": .respond(plain, body: String(repeating: "text ", count: 1000), trailers: end)
        case "/bare": .respond(head, trailers: end)
        default: .respond(head, body: "hello", trailers: end)
        }
      }
      let pool = NIOThreadPool(numberOfThreads: 1)
      let chain: [any GatewayDataPlane.Middleware] = [
        try CompressLink(Compress()), BufferingLink(Buffering(), threadPool: pool),
      ]
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], middlewares: chain) { gateway in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          for (path, body) in [("/call", "hello"), ("/bare", ""), ("/text", nil)] {
            let answer = try await client.ask([
              ":method": "GET", ":scheme": "http", ":path": path, ":authority": "a", "accept-encoding": "gzip",
            ])
            #expect(answer.grpcStatus == "5" && answer.trailers?.first(name: "grpc-message") == "not there", "\(path)")
            if let body { #expect(answer.body == body) } else { #expect(answer.head["content-encoding"] == ["gzip"]) }
          }
        }
        let old = try Peer.connect(to: gateway.port)
        try old.send("GET /call HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try old.readResponse()
        old.close()
        #expect(answer.text == "hello" && answer.trailers == "grpc-status: 5\r\ngrpc-message: not there\r\n")
        #expect(try await gateway.settled() == .init())
      }
      await server.stop()
    }

    @Test("by HTTP/2, on both sides: the same, and a section of which nothing is left is not sent")
    func http2() async throws {
      let key = VerificationKey(
        id: nil, algorithm: nil,
        material: .secret(SymmetricKey(data: JWTTests.secret), byteCount: JWTTests.secret.count))
      let link = try JWTLink(
        Self.jwt(), keys: .fixed(KeySet([key])), threadPool: NIOThreadPool(numberOfThreads: 1), verdicts: nil)
      let server = try await HTTP2Server.start { _, _ in .ok() }
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], middlewares: [link]) { gateway in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          let head: HPACKHeaders = [
            ":method": "POST", ":scheme": "http", ":path": "/", ":authority": "a",
            "authorization": "Bearer \(Self.token)",
          ]
          let lies: HPACKHeaders = ["x-user": "root", "x_user": "root", "x-tenant": "root"]
          var mixed = lies
          mixed.add(name: "x-digest", value: "abc")
          for trailers in [mixed, lies] {
            #expect(try await client.ask(head, body: ["abc"], trailers: trailers).body == "ok")
          }
        }
        #expect(server.heads.allSatisfy { $0["x-user"] == ["alice"] })
        #expect(server.trailers == [["x-digest": "abc"]])
        #expect(server.bodies == ["abc", "abc"])
      }
      await server.stop()
    }
  }
}
