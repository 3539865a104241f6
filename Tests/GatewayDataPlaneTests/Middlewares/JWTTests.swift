import Crypto
import Dispatch
import GatewayModel
import Identity
import NIOCore
import NIOPosix
import Testing

@testable import GatewayDataPlane

@Suite("jwt")
struct JWTTests {
  static let secret = Array("a secret of at least thirty-two bytes".utf8)
  private let pool = NIOThreadPool(numberOfThreads: 1)

  /// Base64 for URLs, without padding.
  private static func base64(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let bytes = Array(bytes)
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let word = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
      for digit in 0...part.count { text.append(digits[word >> (18 - 6 * digit) & 63]) }
    }
    return text
  }

  static func token(_ claims: String, key: [UInt8] = secret, header: String = #"{"alg":"HS256"}"#) -> String {
    let signed = base64(header.utf8) + "." + base64(claims.utf8)
    let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: SymmetricKey(data: key))
    return signed + "." + base64(code)
  }

  private func link(_ change: (inout JWT) -> Void = { _ in }, keys: KeySource? = nil) throws -> JWTLink {
    var configuration = JWT()
    configuration.algorithms = ["HS256"]
    configuration.secretFile = "secret"
    change(&configuration)
    let context = MiddlewareCompiler.Context(
      threadPool: pool, service: { _ in nil },
      text: { path in path == "secret" ? String(decoding: Self.secret, as: UTF8.self) + "\n" : nil })
    let source = try keys ?? JWTCompiler.keys(configuration, context)
    return try JWTLink(configuration, keys: source, threadPool: pool, verdicts: nil)
  }

  private static let alice = token(#"{"sub":"alice","exp":4000000000,"roles":["a","b"],"n":7}"#)

  @Test("a request with a good token goes on, and those behind can read its claims")
  func good() throws {
    let link = try link()
    for _ in 0..<2 {
      let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(Self.alice)"])
      #expect(fixture.run(link) == "go")
      let subject = try #require(ClaimPath("sub"))
      #expect(fixture.exchange.identity?.contains(subject, Array("alice".utf8)) == true)
      #expect(fixture.requestField("Authorization") != nil)
    }
  }

  @Test(
    "a request without a good token is refused with a stable code",
    arguments: [
      ([], "401 jwt-missing"), (["Authorization: Basic YTpi"], "401 jwt-missing"),
      (["Authorization: Bearer"], "401 jwt-missing"), (["Authorization: Bearer x"], "401 jwt-malformed"),
      (["Authorization: Bearer \(token(#"{"exp":1}"#))"], "401 jwt-expired"),
      (["Authorization: Bearer \(token("{}"))"], "401 jwt-claim-missing"),
      (["Authorization: Bearer \(token("{}", key: [1]))"], "401 jwt-signature"),
      (["Authorization: Bearer \(token("{}", header: #"{"alg":"none"}"#))"], "401 jwt-algorithm"),
      (["Authorization: Bearer \(alice)", "Authorization: Bearer \(alice)"], "400 jwt-several"),
    ] as [([String], String)])
  func refused(_ fields: [String], _ verdict: String) throws {
    let link = try link()
    for _ in 0..<2 { #expect(try MiddlewareFixture("GET / HTTP/1.1", fields).run(link) == verdict) }
  }

  @Test("a scheme has no case and may be followed by several blanks")
  func scheme() throws {
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: bEARER   \(Self.alice)"])
    #expect(try fixture.run(link()) == "go")
  }

  @Test("challenges say what RFC 6750 has words for, and no more")
  func challenges() {
    func challenge(_ refusal: TokenRefusal) -> String? {
      let realm = Array(#"a "b""#.utf8)
      let rejection = BearerChallenge.rejection(refusal, realm: realm, scopes: ["read", "x\"y", "write"])
      return rejection.challenge.map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(challenge(.missing) == #"Bearer realm="a \"b\"""#)
    #expect(
      challenge(.expired)
        == #"Bearer realm="a \"b\"", error="invalid_token", error_description="The token has expired.""#)
    #expect(challenge(.scope)?.contains(#"error="insufficient_scope""#) == true)
    #expect(challenge(.scope)?.hasSuffix(#"scope="read write""#) == true)
    #expect(challenge(.noKeys) == nil)
  }

  @Test("rights that are missing are 403")
  func rights() throws {
    let fields = ["Authorization: Bearer \(Self.alice)"]
    #expect(try MiddlewareFixture("GET / HTTP/1.1", fields).run(link { $0.scopes = ["read"] }) == "403 jwt-scope")
    #expect(
      try MiddlewareFixture("GET / HTTP/1.1", fields).run(link { $0.claims = ["roles": ["c"]] }) == "403 jwt-rights")
    #expect(try MiddlewareFixture("GET / HTTP/1.1", fields).run(link { $0.claims = ["roles": ["c", "b"]] }) == "go")
  }

  @Test("claims become headers, and the client's own are removed in every spelling")
  func headers() throws {
    let link = try link { $0.claimsToHeaders = ["sub": "X-User", "roles": "X-Roles", "n": "X-N", "none": "X-None"] }
    let fixture = try MiddlewareFixture(
      "GET / HTTP/1.1",
      [
        "Authorization: Bearer \(Self.alice)", "X-User: root", "x_user: root", "X-USER: root", "X-None: me",
        "X_None: me", "X-Users: kept",
      ])
    #expect(fixture.run(link) == "go")
    #expect(fixture.requestField("X-User") == "alice")
    #expect(fixture.requestField("X_User") == nil)
    #expect(fixture.requestField("X-Roles") == "a,b")
    #expect(fixture.requestField("X-N") == "7")
    #expect(fixture.requestField("X-None") == nil && fixture.requestField("X_None") == nil)
    #expect(fixture.requestField("X-Users") == "kept")
  }

  @Test("a claim may take the place of the token it came in")
  func claimInPlaceOfToken() throws {
    let link = try link { $0.claimsToHeaders = ["sub": "Authorization"] }
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(Self.alice)"])
    #expect(fixture.run(link) == "go")
    #expect(fixture.requestField("Authorization") == "alice")
  }

  @Test(
    "a claim that cannot be a header's value refuses the token",
    arguments: [#"{"sub":"a\nX-Admin: 1","exp":4000000000}"#, #"{"sub":["a,b"],"exp":4000000000}"#])
  func unfitClaims(_ claims: String) throws {
    let link = try link { $0.claimsToHeaders = ["sub": "X-User"] }
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(Self.token(claims))"])
    #expect(fixture.run(link) == "401 jwt-claim-type")
    #expect(fixture.requestField("X-User") == nil)
  }

  @Test("a token in a cookie is found, and taken out when that is asked")
  func cookie() throws {
    let link = try link {
      $0.tokenFrom.cookie = "session"
      $0.removeToken = true
    }
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Cookie: a=1; session=\(Self.alice); b=2", "Cookie: c=3"])
    #expect(fixture.run(link) == "go")
    #expect(fixture.requestField("Cookie") == "a=1; b=2 | c=3")
    let only = try MiddlewareFixture("GET / HTTP/1.1", ["Cookie: session=\(Self.alice)"])
    #expect(only.run(link) == "go")
    #expect(only.requestField("Cookie") == nil)
    let twice = try MiddlewareFixture("GET / HTTP/1.1", ["Cookie: session=\(Self.alice); session=\(Self.alice)"])
    #expect(twice.run(link) == "400 jwt-several")
  }

  @Test("a token in the query is found, taken out, and never in the log")
  func query() throws {
    for removes in [true, false] {
      let link = try link {
        $0.tokenFrom.query = "ticket"
        $0.removeToken = removes
      }
      let fixture = try MiddlewareFixture("GET /p?a=1&ticket=\(Self.alice)&b=2 HTTP/1.1")
      #expect(fixture.run(link) == "go")
      #expect(fixture.target == (removes ? "/p?a=1&b=2" : "/p?a=1&ticket=\(Self.alice)&b=2"))
      #expect(fixture.exchange.request.string(fixture.exchange.outcome.target) == "/p?a=1&ticket=REDACTED&b=2")
    }
  }

  @Test("a header of another name is a secret in the log, and removed when that is asked")
  func otherHeader() throws {
    let link = try link {
      $0.tokenFrom.header = "X-Assertion"
      $0.tokenFrom.scheme = ""
    }
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["X-Assertion: \(Self.alice)"])
    #expect(fixture.run(link) == "go")
    let head = fixture.exchange.request
    let index = Array("x-assertion".utf8).withUnsafeBytes { head.index(ofName: $0) }
    #expect(head.fieldBase[index].isSecret)
  }

  @Test("a secret is bytes: random ones are no text, and what they would be as text signs nothing")
  func binarySecret() throws {
    let secret = Array(UInt8(0x80)...0x9F)
    var configuration = JWT()
    configuration.algorithms = ["HS256"]
    configuration.secretFile = "secret"
    var context = MiddlewareCompiler.Context(
      threadPool: pool, service: { _ in nil }, text: { _ in String(decoding: secret, as: UTF8.self) })
    context.bytes = { _ in secret }
    let keys = try JWTCompiler.keys(configuration, context)
    func says(_ key: [UInt8]) throws -> String {
      let link = try JWTLink(configuration, keys: keys, threadPool: pool, verdicts: nil)
      let token = Self.token(#"{"sub":"alice","exp":4000000000}"#, key: key)
      return try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(token)"]).run(link)
    }
    #expect(try says(secret) == "go")
    #expect(try says(Array(String(decoding: secret, as: UTF8.self).utf8)) == "401 jwt-signature")
    context.bytes = { _ in Array(repeating: 0xFF, count: 11) }
    #expect(throws: MiddlewareMistake("secretFile: 11 bytes are too few for HS256")) {
      _ = try JWTCompiler.keys(configuration, context)
    }
  }

  @Test("what cannot work is a mistake with the value")
  func mistakes() throws {
    #expect(throws: MiddlewareMistake("claimsToHeaders: Host is not for claims")) {
      try link { $0.claimsToHeaders = ["sub": "Host"] }
    }
    #expect(throws: MiddlewareMistake("secretFile: 37 bytes are too few for HS512")) {
      try link { $0.algorithms = ["HS512"] }
    }
    #expect(throws: MiddlewareMistake("secretFile: nowhere cannot be read")) { try link { $0.secretFile = "nowhere" } }
  }

  @Test("an unknown key waits for one fetch of the set, and a fetch that never ends for no longer than its time")
  func unknownKey() async throws {
    let registry = KeySetRegistry()
    // Long enough for a busy machine; the fetch ends below.
    let set = registry.set(for: KeySetSource(url: "http://x", refresh: 600, timeout: 60, staleFor: 3600))
    let key = P256.Signing.PrivateKey()
    let raw = Array(key.publicKey.rawRepresentation)
    let (x, y) = (Self.base64(raw.prefix(32)), Self.base64(raw.suffix(32)))
    let text = #"{"keys":[{"kty":"EC","crv":"P-256","kid":"new","x":"\#(x)","y":"\#(y)"}]}"#
    let signed = Self.base64(#"{"alg":"ES256","kid":"new"}"#.utf8) + "." + Self.base64(#"{"exp":4000000000}"#.utf8)
    let signature = try key.signature(for: SHA256.hash(data: Array(signed.utf8)))
    let token = signed + "." + Self.base64(signature.rawRepresentation)
    let link = try link({ $0.algorithms = ["ES256"] }, keys: .remote(set))
    let loop = MultiThreadedEventLoopGroup.singleton.next()

    func begin() async throws -> NIOLoopBound<MiddlewareFixture> {
      try await loop.submit {
        let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(token)"], loop: loop)
        #expect(fixture.run(link) == "wait")
        fixture.exchange.phase = .waiting
        return NIOLoopBound(fixture, eventLoop: loop)
      }.get()
    }
    // The fetch brings the key.
    #expect(set.begins(now: 0))
    let first = try await begin()
    set.ended(.success(Array(text.utf8)), now: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000_000))
    var passed = false
    for _ in 0..<500 where !passed {
      passed = try await loop.scheduleTask(in: .milliseconds(10)) { first.value.exchange.identity != nil }
        .futureResult.get()
    }
    #expect(passed)
    // Another set whose fetch never ends: the client is answered after the timeout.
    let slow = registry.set(for: KeySetSource(url: "http://y", refresh: 600, timeout: 1, staleFor: 3600))
    #expect(slow.begins(now: 0))
    let other = try self.link({ $0.algorithms = ["ES256"] }, keys: .remote(slow))
    let waiting = try await loop.submit {
      let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(token)"], loop: loop)
      #expect(fixture.run(other) == "wait")
      fixture.exchange.phase = .waiting
      return NIOLoopBound(fixture, eventLoop: loop)
    }.get()
    var status: UInt16 = 0
    for _ in 0..<3_000 where status == 0 {
      status = try await loop.scheduleTask(in: .milliseconds(10)) { waiting.value.client.status }.futureResult.get()
    }
    #expect(status == 503)
  }

  @Test("checks that are too many for the loop go to the pool, and beyond its queue the client is asked to come again")
  func flood() async throws {
    var configuration = JWT()
    configuration.algorithms = ["HS256"]
    let key = VerificationKey(
      id: nil, algorithm: nil,
      material: .secret(SymmetricKey(data: Self.secret), byteCount: Self.secret.count))
    let link = try JWTLink(
      configuration, keys: .fixed(KeySet([key])), threadPool: pool, verdicts: nil,
      places: CheckPlaces(hereMax: 0, queuedMax: 2))
    pool.start()
    // The pool's one thread is held until all have asked.
    let held = DispatchSemaphore(value: 0)
    pool.submit { _ in held.wait() }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let asked = try await loop.submit {
      let steps = try (0..<3).map { number in
        let token = Self.token("{\"exp\":4000000000,\"n\":\(number)}")
        let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Authorization: Bearer \(token)"], loop: loop)
        let step = fixture.run(link)
        if step == "wait" { fixture.exchange.phase = .waiting }
        return (fixture, step)
      }
      return NIOLoopBound(steps, eventLoop: loop)
    }.get()
    held.signal()
    // Behind this both checks are done and their answers on the loop.
    try await pool.runIfActive(eventLoop: loop) {}.get()
    let outcomes = try await loop.submit {
      asked.value.map { "\($0.1) \($0.0.exchange.identity != nil)" }
    }.get()
    #expect(outcomes == ["wait true", "wait true", "503 authentication-busy false"])
    try await pool.shutdownGracefully()
  }
}
