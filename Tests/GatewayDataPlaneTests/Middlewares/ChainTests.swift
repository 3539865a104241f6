import GatewayModel
import Testing

@testable import GatewayDataPlane

/// Middlewares between a real client and a real server.
@Suite("chains")
struct ChainTests {
  @Test("rewritten paths and fields reach the server, changed fields the client")
  func rewriting() async throws {
    let server = try ScriptedServer { peer, _ in
      let head = try peer.readHead()
      let line = head.prefix { $0 != "\r\n" }
      let prefix = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-forwarded-prefix") } ?? "none"
      let body = "\(line)|\(prefix)"
      try peer.send("HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    defer { server.stop() }
    var strip = StripPrefix()
    strip.prefixes = ["/api"]
    var add = AddPrefix()
    add.prefix = "/v1"
    var headers = Headers()
    headers.customResponseHeaders = ["Server": "", "X-New": "1"]
    try await ChainGateway.with(server.port, [.headers(headers), .stripPrefix(strip), .addPrefix(add)]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET /api/a%20b?c HTTP/1.1\r\nHost: a\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.text == "GET /v1/a%20b?c HTTP/1.1|X-Forwarded-Prefix: /api")
      #expect(response.field("Server") == nil)
      #expect(response.field("X-New") == "1")
    }
  }

  @Test("an error page replaces the response and keeps its status, and nothing of the chain is forgotten")
  func errorPage() async throws {
    let server = try ScriptedServer { peer, _ in
      while true {
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 503 Service Unavailable\r\nX-A: server\r\nContent-Length: 3\r\n\r\nbad")
      }
    }
    let pages = try ScriptedServer { peer, _ in
      while true {
        let line = try peer.readHead().prefix { $0 != "\r\n" }
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n\(line)")
      }
    }
    defer {
      server.stop()
      pages.stop()
    }
    var errors = ErrorPages()
    errors.status = StatusRange("500-599").map { [$0] } ?? []
    errors.service = "pages"
    errors.query = "/{status}.html"
    var limit = InFlightReq()
    limit.amount = 1
    try await ChainGateway.with(server.port, pages: pages.port, [.errors(errors), .inFlightReq(limit)]) { port in
      let client = try Peer.connect(to: port)
      for _ in 0..<3 {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 503)
        #expect(response.text == "GET /503.html HTTP/1.1")
        #expect(response.field("X-A") == nil)
      }
    }
  }

  @Test("where the error page cannot be had either, the client gets a problem with the same status")
  func noErrorPage() async throws {
    let server = try ScriptedServer { peer, _ in
      _ = try peer.readHead()
      try peer.send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad")
    }
    defer { server.stop() }
    // A port that nobody listens on.
    let nobody = try ScriptedServer { _, _ in }
    nobody.stop()
    var errors = ErrorPages()
    errors.status = StatusRange("500-599").map { [$0] } ?? []
    errors.service = "pages"
    errors.query = "/{status}.html"
    try await ChainGateway.with(server.port, pages: nobody.port, [.errors(errors)]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.status == 502)
      #expect(response.field("Content-Type") == "application/problem+json")
    }
  }

  @Test("compressed responses keep the connection, and the password is asked for once")
  func compressAndAuthenticate() async throws {
    let server = try ScriptedServer.answering(String(repeating: "a", count: 4000))
    defer { server.stop() }
    var users = BasicAuth()
    users.users = ["test:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="]
    try await ChainGateway.with(server.port, [.basicAuth(users), .compress(Compress())]) { port in
      let client = try Peer.connect(to: port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let refused = try client.readResponse()
      #expect(refused.status == 401)
      #expect(refused.field("WWW-Authenticate") == "Basic realm=\"traefik\"")
      for _ in 0..<3 {
        try client.send(
          "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nAuthorization: Basic dGVzdDpzZWNyZXQ=\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 200)
        #expect(response.field("Content-Encoding") == "gzip")
        #expect(response.body.count < 200)
        #expect(response.body.starts(with: [0x1F, 0x8B]))
      }
    }
  }
}
