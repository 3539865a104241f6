import GatewayModel
import NIOCore
import NIOHPACK
import Synchronization
import Testing

@testable import GatewayDataPlane

/// Middlewares that ask another service, between a real client, a real server and a real service.
@Suite("asking")
struct AskingTests {
  /// What a scripted service was asked, in order.
  private final class Seen: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
  }

  /// Says back which fields of the request it got, and how often it was reached.
  private func echo(_ seen: Seen = Seen()) throws -> ScriptedServer {
    try ScriptedServer { peer, _ in
      while true {
        let head = try peer.readHead()
        seen.add(head)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(head.utf8.count)\r\nSet-Cookie: sid=server\r\n\r\n\(head)")
      }
    }
  }

  private func service(
    _ seen: Seen = Seen(), _ answer: @escaping @Sendable (String) -> String
  ) throws -> ScriptedServer {
    try ScriptedServer { peer, _ in
      while true {
        var request = try peer.readHead()
        let length = request.split(separator: "\r\n").compactMap { line -> Int? in
          line.lowercased().hasPrefix("content-length: ") ? Int(line.dropFirst(16)) : nil
        }.first
        if let length { request += String(decoding: try peer.read(count: length), as: UTF8.self) }
        seen.add(request)
        try peer.send(answer(request))
      }
    }
  }

  private func auth(_ change: (inout ForwardAuth) -> Void = { _ in }) -> GatewayModel.Middleware {
    var auth = ForwardAuth()
    auth.address = "http://auth.example/verify?realm=a"
    change(&auth)
    return .forwardAuth(auth)
  }

  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-User: alice\r\nX-Group: a\r\nX-Group: b\r\n"
    + "Set-Cookie: sid=auth; Path=/\r\nSet-Cookie: other=1\r\n\r\n"

  @Test("a request that may pass goes on with the headers that were asked for, and not with the client's own")
  func passes() async throws {
    let server = try echo()
    let seen = Seen()
    let service = try service(seen) { _ in Self.ok }
    defer {
      server.stop()
      service.stop()
    }
    let chain = auth {
      $0.authResponseHeaders = ["X-User"]
      $0.authResponseHeadersRegex = "^X-G"
      $0.addAuthCookiesToResponse = ["sid"]
    }
    try await ChainGateway.with(server.port, pages: service.port, [chain]) { port in
      let client = try Peer.connect(to: port)
      for _ in 0..<2 {
        try client.send(
          "POST /a%20b?c=d HTTP/1.1\r\nHost: shop\r\nX_User: root\r\nCookie: k=v\r\nContent-Length: 3\r\n\r\nabc")
        let response = try client.readResponse()
        #expect(response.text.contains("X-User: alice\r\n") && !response.text.contains("root"))
        #expect(response.text.contains("X-Group: a\r\n") && response.text.contains("X-Group: b\r\n"))
        #expect(response.field("Set-Cookie") == "sid=auth; Path=/")
      }
    }
    #expect(seen.all.count == 2)
    let asked = try #require(seen.all.first)
    #expect(asked.hasPrefix("GET /verify?realm=a HTTP/1.1\r\nHost: 127.0.0.1"))
    for field in [
      "X-Forwarded-Method: POST", "X-Forwarded-Uri: /a%20b?c=d", "X-Forwarded-Host: shop", "X-Forwarded-Proto: http",
      "X-Forwarded-For: 127.0.0.1", "Cookie: k=v",
    ] {
      #expect(asked.contains(field + "\r\n"), "\(field)")
    }
    #expect(!asked.lowercased().contains("content-length"))
  }

  @Test("only the headers that are named are sent, and the request's own method where that is asked")
  func narrow() async throws {
    let server = try echo()
    let seen = Seen()
    let service = try service(seen) { _ in Self.ok }
    defer {
      server.stop()
      service.stop()
    }
    let chain = auth {
      $0.authRequestHeaders = ["authorization"]
      $0.preserveRequestMethod = true
    }
    try await ChainGateway.with(server.port, pages: service.port, [chain]) { port in
      let client = try Peer.connect(to: port)
      try client.send("DELETE / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nX-Secret: y\r\n\r\n")
      #expect(try client.readResponse().status == 200)
    }
    let asked = try #require(seen.all.first)
    #expect(asked.hasPrefix("DELETE /verify"))
    #expect(asked.contains("Authorization: x") && !asked.contains("X-Secret"))
  }

  @Test(
    "any other answer is the client's, and a relative Location leads to the service",
    arguments: [(false, "http://auth.example/login"), (true, "/login")])
  func refuses(_ keeps: Bool, _ location: String) async throws {
    let reached = Seen()
    let server = try echo(reached)
    let service = try service { _ in
      "HTTP/1.1 302 Found\r\nLocation: /login\r\nX-Why: no\r\nContent-Length: 4\r\n\r\nlost"
    }
    defer {
      server.stop()
      service.stop()
    }
    let chain = auth { $0.preserveLocationHeader = keeps }
    try await ChainGateway.with(server.port, pages: service.port, [chain]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.status == 302 && response.text == "lost")
      #expect(response.field("Location") == location && response.field("X-Why") == "no")
    }
    #expect(reached.all.isEmpty)
  }

  @Test("a service that cannot be asked shuts the door: away, silent, broken, too talkative")
  func unavailable() async throws {
    let server = try echo()
    let silent = try ScriptedServer { peer, _ in
      _ = try peer.readHead()
      try peer.waitForEnd()
    }
    let broken = try service { _ in "nonsense\r\n\r\n" }
    let talkative = try service { _ in
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + String(repeating: "a", count: 100)
    }
    defer {
      server.stop()
      silent.stop()
      broken.stop()
      talkative.stop()
    }
    let chain = auth {
      $0.timeout = .milliseconds(200)
      $0.maxResponseBodySize = 50
    }
    for port in [ScriptedServer.nobody, silent.port, broken.port, talkative.port] {
      try await ChainGateway.with(server.port, pages: port, [chain]) { gateway in
        let client = try Peer.connect(to: gateway)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 503)
        #expect(response.text.contains("decision-unavailable"))
      }
    }
  }

  @Test("a client that leaves takes the question with it")
  func leaving() async throws {
    let server = try echo()
    let (asked, closed) = (Signal(), Signal())
    let silent = try ScriptedServer { peer, _ in
      peer.patience = 60_000
      _ = try peer.readHead()
      asked.announce()
      try peer.waitForEnd()
      closed.announce()
    }
    defer {
      server.stop()
      silent.stop()
    }
    try await ChainGateway.with(server.port, pages: silent.port, [auth()]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(asked.wait(milliseconds: 30_000))
      client.close()
      #expect(closed.wait(milliseconds: 30_000))
    }
  }

  // MARK: forwardBody

  /// A server or service that reads chunks and lengths, and answers with the body it got.
  private func mirror(_ seen: Seen = Seen(), _ answer: @escaping @Sendable (String, [UInt8]) -> String)
    throws -> ScriptedServer
  {
    try ScriptedServer { peer, _ in
      peer.patience = 30_000
      while let head = try? peer.readHead() {
        let length = head.split(separator: "\r\n").compactMap { line -> Int? in
          line.lowercased().hasPrefix("content-length: ") ? Int(line.dropFirst(16)) : nil
        }.first
        let body = try peer.read(count: length ?? 0)
        let text = String(decoding: body, as: UTF8.self)
        seen.add(head + (body.count > 100 ? "\(body.count) bytes, \(Set(body))" : text))
        try peer.send(answer(head, body))
      }
    }
  }

  private static func plain(_ text: String = "") -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
  }

  @Test("the service gets the body before the server does, and both get the same", arguments: [0, 1, 70_000, 3_000_000])
  func body(_ size: Int) async throws {
    let (asked, reached) = (Seen(), Seen())
    let service = try mirror(asked) { _, _ in Self.plain() }
    let server = try mirror(reached) { _, body in Self.plain("\(body.count)") }
    defer {
      server.stop()
      service.stop()
    }
    let chain = auth { $0.forwardBody = true }
    try await ChainGateway.with(server.port, pages: service.port, [chain]) { (port: UInt16) async throws in
      let client = try Peer.connect(to: port)
      client.patience = 30_000
      let body = String(repeating: "a", count: size)
      for isChunked in [false, true] {
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
        try client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\(framing)\r\n\r\n")
        if isChunked && size > 0 { try client.send("\(String(size, radix: 16))\r\n\(body)\r\n") }
        try client.send(isChunked ? "0\r\n\r\n" : body)
        #expect(try client.readResponse().text == "\(size)")
      }
    }
    for text in asked.all {
      #expect(text.hasPrefix("GET /verify"))
      #expect(text.contains("Content-Type: text/plain\r\n"))
      if size > 100 { #expect(text.hasSuffix("\(size) bytes, [97]")) }
      if size == 1 { #expect(text.hasSuffix("\r\n\r\na")) }
    }
    #expect(asked.all.count == 2 && reached.all.count == 2)
  }

  @Test("a body over maxBodySize is 401 as in Traefik, and neither service nor server hears of it", arguments: [3, 4])
  func bodyTooLarge(_ size: Int) async throws {
    let (asked, reached) = (Seen(), Seen())
    let service = try mirror(asked) { _, _ in Self.plain() }
    let server = try mirror(reached) { _, _ in Self.plain() }
    defer {
      server.stop()
      service.stop()
    }
    let chain = auth {
      $0.forwardBody = true
      $0.maxBodySize = 3
    }
    try await ChainGateway.with(server.port, pages: service.port, [chain]) { (port: UInt16) async throws in
      let body = String(repeating: "a", count: size)
      for framing in [
        "Content-Length: \(size)\r\n\r\n\(body)",
        "Transfer-Encoding: chunked\r\n\r\n\(size)\r\n\(body)\r\n0\r\n\r\n",
      ] {
        let client = try Peer.connect(to: port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)")
        let answer = try client.readResponse()
        #expect(answer.status == (size > 3 ? 401 : 200))
        if size > 3 { #expect(answer.text.contains("body-too-large")) }
      }
    }
    #expect(asked.all.count == (size > 3 ? 0 : 2) && reached.all.count == (size > 3 ? 0 : 2))
  }

  @Test("a body that buffering has taken is sent to the service too, and a refusal ends it there")
  func bufferedBody() async throws {
    let (asked, reached) = (Seen(), Seen())
    let service = try mirror(asked) { _, body in
      body.starts(with: Array("good".utf8)) ? Self.plain() : "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    }
    let server = try mirror(reached) { _, body in Self.plain("\(body.count)") }
    defer {
      server.stop()
      service.stop()
    }
    let chain: [GatewayModel.Middleware] = [.buffering(Buffering()), auth { $0.forwardBody = true }]
    try await ChainGateway.with(server.port, pages: service.port, chain) { (port: UInt16) async throws in
      #expect(try Peer.ask(port, method: "POST", body: "good").text == "4")
      #expect(try Peer.ask(port, method: "POST", body: "evil").status == 403)
      #expect(try Peer.ask(port).status == 403, "no body is none")
    }
    #expect(reached.all.count == 1)
  }

  @Test("a client that expects to be asked for its body is asked, and one that leaves while sending is forgotten")
  func bodyOnTheWay() async throws {
    let asked = Seen()
    let service = try mirror(asked) { _, _ in Self.plain() }
    let server = try mirror { _, body in Self.plain("\(body.count)") }
    defer {
      server.stop()
      service.stop()
    }
    try await ChainGateway.with(server.port, pages: service.port, [auth { $0.forwardBody = true }]) {
      (port: UInt16) async throws in
      let client = try Peer.connect(to: port)
      try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
      #expect(try client.readHead().hasPrefix("HTTP/1.1 100"))
      try client.send("ab")
      #expect(try client.readResponse().text == "2")
      let leaving = try Peer.connect(to: port)
      try leaving.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nabc")
      leaving.close()
      #expect(try Peer.ask(port, method: "POST", body: "abc").text == "3")
    }
    #expect(asked.all.count == 2)
  }

  @Test(
    "a gRPC client hears of a refusal as gRPC has it",
    arguments: [(403, "7"), (401, "16"), (302, "16"), (500, "13")])
  func refusedCall(_ status: Int, _ code: String) async throws {
    let server = try echo()
    let service = try service { _ in
      "HTTP/1.1 \(status) No\r\nLocation: /login\r\nContent-Length: 2\r\n\r\nno"
    }
    defer {
      server.stop()
      service.stop()
    }
    try await ChainGateway.with(server.port, pages: service.port, [auth()]) { (port: UInt16) async throws in
      let answer = try await HTTP2Client.with(port) {
        try await $0.ask(
          [
            ":method": "POST", ":scheme": "http", ":path": "/", ":authority": "a", "content-type": "application/grpc",
          ], body: ["x"])
      }
      #expect(answer.status == "200" && answer.grpcStatus == code && answer.body.isEmpty, "\(answer)")
    }
  }

  @Test("answers that cannot be used do not shut the door for others")
  func unusable() async throws {
    let server = try echo()
    let service = try service { request in
      request.contains("/bad")
        ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + String(repeating: "a", count: 100) : Self.plain()
    }
    let agent = try self.service { request in
      request.contains("/bad")
        ? "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" : Self.result(#"{"result":true}"#)
    }
    defer {
      server.stop()
      service.stop()
      agent.stop()
    }
    for (port, chain) in [(service.port, auth { $0.maxResponseBodySize = 50 }), (agent.port, opa())] {
      try await ChainGateway.with(server.port, pages: port, [chain]) { (gateway: UInt16) async throws in
        for _ in 0..<8 { #expect(try Peer.ask(gateway, "/bad").status == 503) }
        #expect(try Peer.ask(gateway, "/good").status == 200)
      }
    }
  }

  // MARK: opa

  private func opa(_ change: (inout OPA) -> Void = { _ in }) -> GatewayModel.Middleware {
    var opa = OPA()
    opa.url = "http://opa.example/"
    opa.path = "gateway/allow"
    change(&opa)
    return .opa(opa)
  }

  private static func result(_ json: String) -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
  }

  @Test("the agent is asked with the request, and decides")
  func agent() async throws {
    let server = try echo()
    let seen = Seen()
    let agent = try service(seen) { request in
      Self.result(request.contains(#""path":"/yes""#) ? #"{"result":true}"# : #"{"result":{"allow":false}}"#)
    }
    defer {
      server.stop()
      agent.stop()
    }
    let chain = opa { $0.headers = ["X-Team"] }
    try await ChainGateway.with(server.port, pages: agent.port, [chain]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET /yes HTTP/1.1\r\nHost: a\r\nX-Team: \"b\"\r\nAuthorization: secret\r\n\r\n")
      #expect(try client.readResponse().status == 200)
      try client.send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.readResponse().status == 403)
    }
    let asked = try #require(seen.all.first)
    #expect(asked.hasPrefix("POST /v1/data/gateway/allow HTTP/1.1\r\n"))
    #expect(asked.contains(#""segments":["yes"]"#) && asked.contains(#""headers":{"x-team":["\"b\""]}"#))
    #expect(!asked.contains("secret"))
  }

  @Test("a question whose connection died idle is asked again, although it is a POST")
  func askedAgain() async throws {
    let server = try echo()
    let agent = try ScriptedServer { peer, number in
      // The second question of the first connection is read and dropped: the classic race.
      for question in 0... {
        let head = try peer.readHead()
        if let length = SeenResponse.length(head) { _ = try peer.read(count: length) }
        if number == 0 && question == 1 { return }
        try peer.send(Self.result(#"{"result":true}"#))
      }
    }
    defer {
      server.stop()
      agent.stop()
    }
    try await ChainGateway.with(server.port, pages: agent.port, [opa { _ in }]) { port in
      let client = try Peer.connect(to: port)
      for _ in 0..<3 {
        try client.send("GET /yes HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
      }
    }
    #expect(agent.accepted == 2)
  }

  @Test("an answer is remembered for its time, and each other question is asked")
  func remembered() async throws {
    let server = try echo()
    let seen = Seen()
    let agent = try service(seen) { _ in Self.result(#"{"result":true}"#) }
    defer {
      server.stop()
      agent.stop()
    }
    try await ChainGateway.with(server.port, pages: agent.port, [opa { $0.cache = .seconds(60) }]) { port in
      let client = try Peer.connect(to: port)
      for path in ["/a", "/a", "/b", "/a", "/b"] {
        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
      }
    }
    #expect(seen.all.count == 2)
  }

  @Test("without an answer whenDown decides", arguments: [(OPA.WhenDown.deny, 503), (.allow, 200)])
  func down(_ whenDown: OPA.WhenDown, _ status: Int) async throws {
    let server = try echo()
    let agent = try service { _ in "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" }
    defer {
      server.stop()
      agent.stop()
    }
    try await ChainGateway.with(server.port, pages: agent.port, [opa { $0.whenDown = whenDown }]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(Int(try client.readResponse().status) == status)
    }
  }

  @Test(
    "answers of an agent",
    arguments: [
      (#"{"result":true}"#, true), (#"{"result":{"allow":true}}"#, true), (#"{"result":false}"#, false),
      (#"{"result":{"allow":"true"}}"#, false), (#"{"result":1}"#, false), ("{}", false), ("[]", nil), ("", nil),
      (#"{"result":true,"result":false}"#, nil),
    ] as [(String, Bool?)])
  func decisions(_ text: String, _ wanted: Bool?) {
    #expect(OPALink.decision(Array(text.utf8)) == wanted)
  }
}
