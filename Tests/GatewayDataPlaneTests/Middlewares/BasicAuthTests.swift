import GatewayModel
import NIOCore
import NIOPosix
import Testing

@testable import GatewayDataPlane

@Suite("password hashes")
struct PasswordHashTests {
  @Test(
    "each kind that htpasswd writes takes the right password and no other",
    arguments: [
      ("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "secret"), ("$apr1$ab$S8K6Sgp3W8c9Jb6LxgywZ.", ""),
      ("$1$abcdefgh$xYohNJ.PKOzgm/iIHM9jd/", "a long password of more than sixteen bytes"),
      ("$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"),
      ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"),
    ])
  func kinds(_ text: String, _ password: String) throws {
    let hash = try PasswordHash(text)
    #expect(hash.accepts(Array(password.utf8)))
    #expect(!hash.accepts(Array((password + "x").utf8)))
    #expect(!hash.accepts(Array(password.utf8.dropLast())) || password.isEmpty)
  }

  @Test("a password with a NUL, or a very long one, is never right")
  func oddPasswords() throws {
    let hash = try PasswordHash("$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW")
    #expect(!hash.accepts(Array("secret\0x".utf8)))
    #expect(!hash.accepts([UInt8](repeating: 0x61, count: 4096)))
  }

  @Test(
    "what is no hash of a known kind is a mistake",
    arguments: ["", "secret", "$2y$04$short", "$apr1$abc", "$apr1$abc$short", "{SHA}AAAA", "{SHA}***", "$5$salt$hash"])
  func mistakes(_ text: String) {
    #expect(throws: MiddlewareMistake.self) { try PasswordHash(text) }
  }
}

@Suite("base64")
struct Base64Tests {
  @Test(
    "canonical text is read, anything else refused",
    arguments: [
      ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9=", nil), ("Zh==", nil),
      ("Zg=", nil), ("Zg", nil), ("Z===", nil), ("Zg==Zg==", nil), ("Z m9", nil), ("Zm9v\n", nil), ("====", nil),
    ] as [(String, String?)])
  func decode(_ text: String, _ becomes: String?) {
    let bytes = Array(text.utf8).withUnsafeBytes { Base64.decode($0) }
    #expect(bytes.map { String(decoding: $0, as: UTF8.self) } == becomes)
  }
}

@Suite("verified credentials")
struct VerifiedCredentialsTests {
  private func digest(_ memory: VerifiedCredentials, _ text: String) -> VerifiedCredentials.Digest {
    Array(text.utf8).withUnsafeBytes { memory.digest($0) }
  }

  @Test("what was remembered is found, what was not is not")
  func remember() {
    let memory = VerifiedCredentials()
    memory.remember(digest(memory, "a"), user: 3)
    #expect(memory.user(digest(memory, "a")) == 3)
    #expect(memory.user(digest(memory, "b")) == nil)
  }

  @Test("two processes, or two lists of users, do not share digests")
  func keyed() {
    let (one, other) = (VerifiedCredentials(), VerifiedCredentials())
    #expect(digest(one, "a") != digest(other, "a"))
  }

  @Test("the memory has a bound, and what is used stays")
  func bound() {
    let memory = VerifiedCredentials(countMax: 10)
    memory.remember(digest(memory, "used"), user: 1)
    for number in 0..<100 {
      memory.remember(digest(memory, "\(number)"), user: 0)
      #expect(memory.user(digest(memory, "used")) == 1)
      #expect(memory.count <= 20)
    }
    #expect(memory.user(digest(memory, "0")) == nil)
  }
}

@Suite("basicAuth")
struct BasicAuthTests {
  private static let bcrypt = "test:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
  private static let right = "Authorization: Basic dGVzdDpzZWNyZXQ="

  private func link(
    _ pool: NIOThreadPool, users: [String] = [Self.bcrypt], file: String? = nil,
    _ change: (inout BasicAuth) -> Void = { _ in }
  ) throws -> BasicAuthLink {
    var configuration = BasicAuth()
    configuration.users = users
    change(&configuration)
    return try BasicAuthLink(configuration, fileText: file, threadPool: pool)
  }

  /// What the middleware says at once, what came of it, and what the server would see.
  private struct Verdict: Equatable, Sendable {
    var atOnce: String
    var status: UInt16
    var authorization: String?
    var user: String?

    var isThrough: Bool { status == 0 }
  }

  private func ask(_ middleware: BasicAuthLink, _ pool: NIOThreadPool, _ fields: [String]) async throws -> Verdict {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let asked = try await loop.submit {
      let fixture = try MiddlewareFixture("GET / HTTP/1.1", fields, loop: loop)
      let step = fixture.run(middleware)
      if step == "wait" { fixture.exchange.phase = .waiting }
      return NIOLoopBound((fixture, step), eventLoop: loop)
    }.get()
    // The pool has one thread: behind this the check is done and its answer is on the loop.
    try await pool.runIfActive(eventLoop: loop) {}.get()
    return try await loop.submit {
      let (fixture, step) = asked.value
      return Verdict(
        atOnce: step, status: fixture.client.status, authorization: fixture.requestField("Authorization"),
        user: fixture.requestField("X-User"))
    }.get()
  }

  private func withPool(_ body: (NIOThreadPool) async throws -> Void) async throws {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    do {
      try await body(pool)
    } catch {
      try await pool.shutdownGracefully()
      throw error
    }
    try await pool.shutdownGracefully()
  }

  @Test("the right password is hashed once and remembered")
  func remembered() async throws {
    try await withPool { pool in
      let middleware = try link(pool)
      let first = try await ask(middleware, pool, [Self.right])
      #expect(first == Verdict(atOnce: "wait", status: 0, authorization: "Basic dGVzdDpzZWNyZXQ="))
      let second = try await ask(middleware, pool, [Self.right])
      #expect(second.atOnce == "go")
    }
  }

  @Test(
    "wrong ones are refused after a hash, and hashed again",
    arguments: ["dGVzdDp3cm9uZw==", "b3RoZXI6c2VjcmV0", "dGVzdDpzZWMAcmV0"])
  func wrong(_ credentials: String) async throws {
    try await withPool { pool in
      let middleware = try link(pool)
      for _ in 0..<2 {
        let verdict = try await ask(middleware, pool, ["Authorization: Basic \(credentials)"])
        #expect(verdict.atOnce == "wait")
        #expect(verdict.status == 401)
      }
    }
  }

  @Test(
    "what is no Basic is refused without a hash",
    arguments: [
      [], ["Authorization: Bearer abc"], ["Authorization: Basic"], ["Authorization: Basic bm9uZQ=="],
      ["Authorization: Basic !!!"], ["Authorization: Basic " + String(repeating: "a", count: 4096)],
    ])
  func malformed(_ fields: [String]) async throws {
    try await withPool { pool in
      let verdict = try await ask(link(pool), pool, fields)
      #expect(verdict.atOnce == "401 unauthorized")
    }
  }

  @Test("the scheme's case does not matter")
  func scheme() async throws {
    try await withPool { pool in
      let verdict = try await ask(link(pool), pool, ["Authorization: bAsIc dGVzdDpzZWNyZXQ="])
      #expect(verdict.isThrough)
    }
  }

  @Test("headerField tells the server the user, removeHeader keeps the password from it")
  func fields() async throws {
    try await withPool { pool in
      let middleware = try link(pool) {
        $0.headerField = "X-User"
        $0.removeHeader = true
      }
      for _ in 0..<2 {
        let verdict = try await ask(middleware, pool, [Self.right, "x-user: admin"])
        #expect(verdict.user == "test")
        #expect(verdict.authorization == nil)
      }
    }
  }

  @Test("a file's lines count too, comments and blank lines do not")
  func file() async throws {
    try await withPool { pool in
      let middleware = try link(pool, users: [], file: "# users\n\n  \(Self.bcrypt)  \r\n")
      let verdict = try await ask(middleware, pool, [Self.right])
      #expect(verdict.isThrough)
    }
  }

  @Test("the challenge names the realm")
  func realm() throws {
    let pool = NIOThreadPool(numberOfThreads: 1)
    let middleware = try link(pool) { $0.realm = "a \"b\"" }
    guard case .reject(let rejection) = middleware.request(try MiddlewareFixture().exchange) else {
      Issue.record("a request without credentials was let through")
      return
    }
    #expect(rejection.challenge == Array(#"Basic realm="a \"b\"""#.utf8))
  }

  @Test("more checks than may wait are refused for now")
  func flood() throws {
    var configuration = BasicAuth()
    configuration.users = [Self.bcrypt]
    let pool = NIOThreadPool(numberOfThreads: 1)
    let middleware = try BasicAuthLink(configuration, fileText: nil, threadPool: pool, queuedMax: 0)
    #expect(try MiddlewareFixture("GET / HTTP/1.1", [Self.right]).run(middleware) == "503 authentication-busy")
  }

  @Test("lists that cannot be read are mistakes", arguments: [[], ["test"], [":hash"], ["a:b:c"], ["test:plain"]])
  func mistakes(_ users: [String]) {
    #expect(throws: MiddlewareMistake.self) { try link(NIOThreadPool(numberOfThreads: 1), users: users) }
  }
}
