import GatewayModel
import Testing

@testable import GatewayDataPlane

@Suite("headers")
struct HeadersTests {
  private func link(_ change: (inout Headers) -> Void) throws -> HeadersLink {
    var configuration = Headers()
    change(&configuration)
    return try HeadersLink(configuration)
  }

  @Test("custom request fields are set, replaced and removed")
  func requestFields() throws {
    let middleware = try link {
      $0.customRequestHeaders = ["X-New": "1", "X-Old": "2", "X-Gone": "", "X-Forwarded-For": ""]
    }
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["x-old: a", "X-OLD: b", "x-gone: c"])
    #expect(fixture.run(middleware) == "go")
    #expect(fixture.requestField("X-New") == "1")
    #expect(fixture.requestField("X-Old") == "2")
    #expect(fixture.requestField("X-Gone") == nil)
    #expect(fixture.requestField("X-Forwarded-For") == nil)
  }

  @Test("a custom Host is the authority that the server sees")
  func customHost() throws {
    let fixture = try MiddlewareFixture()
    fixture.run(try link { $0.customRequestHeaders = ["host": "Inner.example:81"] })
    #expect(fixture.exchange.request.string(fixture.exchange.request.authority) == "Inner.example:81")
    #expect(fixture.exchange.request.string(fixture.exchange.request.host) == "inner.example")
  }

  @Test("custom response fields win over the server's and over security fields")
  func responseFields() throws {
    let middleware = try link {
      $0.customResponseHeaders = ["X-Frame-Options": "SAMEORIGIN", "Server": "", "X-New": "1"]
      $0.frameDeny = true
    }
    let fixture = try MiddlewareFixture()
    fixture.run(middleware)
    fixture.respond(200, [("server", "secret"), ("x-frame-options", "ALLOW")])
    middleware.response(fixture.exchange)
    #expect(fixture.responseField("X-Frame-Options") == "SAMEORIGIN")
    #expect(fixture.responseField("Server") == nil)
    #expect(fixture.responseField("X-New") == "1")
  }

  @Test("the head of a switch of protocols stays as it is")
  func upgrade() throws {
    let middleware = try link { $0.frameDeny = true }
    let fixture = try MiddlewareFixture()
    fixture.respond(101)
    middleware.response(fixture.exchange)
    #expect(fixture.responseField("X-Frame-Options") == nil)
  }

  @Test(
    "fields that cannot be sent are mistakes",
    arguments: [("a b", "c"), ("", "c"), ("X-A", "b\r\nX-C: d"), ("Host", "a b")])
  func mistakes(_ name: String, _ value: String) {
    var values = NamedValues<String>()
    values[name] = value
    #expect(throws: MiddlewareMistake.self) { try link { $0.customRequestHeaders = values } }
  }

  @Test("a configuration that changes nothing is a mistake")
  func nothing() {
    #expect(throws: MiddlewareMistake.self) { try link { _ in } }
  }
}

@Suite("headers: security")
struct SecurityFieldsTests {
  private func respond(
    isTLS: Bool = false, _ fields: [String] = [], _ change: (inout Headers) -> Void
  ) throws -> MiddlewareFixture {
    var configuration = Headers()
    change(&configuration)
    let middleware = try HeadersLink(configuration)
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", fields, isTLS: isTLS)
    #expect(fixture.run(middleware) == "go")
    fixture.respond()
    middleware.response(fixture.exchange)
    return fixture
  }

  @Test("each switch has its field")
  func fields() throws {
    let fixture = try respond {
      $0.frameDeny = true
      $0.contentTypeNosniff = true
      $0.browserXssFilter = true
      $0.contentSecurityPolicy = "default-src 'self'"
      $0.contentSecurityPolicyReportOnly = "default-src *"
      $0.referrerPolicy = "no-referrer"
      $0.permissionsPolicy = "camera=()"
    }
    #expect(fixture.responseField("X-Frame-Options") == "DENY")
    #expect(fixture.responseField("X-Content-Type-Options") == "nosniff")
    #expect(fixture.responseField("X-XSS-Protection") == "1; mode=block")
    #expect(fixture.responseField("Content-Security-Policy") == "default-src 'self'")
    #expect(fixture.responseField("Content-Security-Policy-Report-Only") == "default-src *")
    #expect(fixture.responseField("Referrer-Policy") == "no-referrer")
    #expect(fixture.responseField("Permissions-Policy") == "camera=()")
  }

  @Test("custom values win over switches")
  func custom() throws {
    let fixture = try respond {
      $0.frameDeny = true
      $0.customFrameOptionsValue = "SAMEORIGIN"
      $0.browserXssFilter = true
      $0.customBrowserXSSValue = "0"
    }
    #expect(fixture.responseField("X-Frame-Options") == "SAMEORIGIN")
    #expect(fixture.responseField("X-XSS-Protection") == "0")
  }

  private func strict(_ headers: inout Headers) {
    headers.stsSeconds = 60
    headers.stsIncludeSubdomains = true
    headers.stsPreload = true
    headers.publicKey = "pin"
  }

  @Test("STS and pins are for secure requests only")
  func secureOnly() throws {
    let plain = try respond { strict(&$0) }
    #expect(plain.responseField("Strict-Transport-Security") == nil)
    #expect(plain.responseField("Public-Key-Pins") == nil)
    let secure = try respond(isTLS: true) { strict(&$0) }
    #expect(secure.responseField("Strict-Transport-Security") == "max-age=60; includeSubDomains; preload")
    #expect(secure.responseField("Public-Key-Pins") == "pin")
  }

  @Test("sslProxyHeaders make a request secure, forceSTSHeader does without, isDevelopment switches STS off")
  func otherWays() throws {
    let proxied = try respond(["X-Scheme: https"]) {
      strict(&$0)
      $0.sslProxyHeaders = ["X-Scheme": "https"]
    }
    #expect(proxied.responseField("Strict-Transport-Security") != nil)
    let forced = try respond {
      strict(&$0)
      $0.forceSTSHeader = true
    }
    #expect(forced.responseField("Strict-Transport-Security") != nil)
    let developed = try respond(isTLS: true) {
      strict(&$0)
      $0.isDevelopment = true
      $0.frameDeny = true
    }
    #expect(developed.responseField("Strict-Transport-Security") == nil)
  }

  @Test(
    "only allowed hosts pass, as the client or a proxy names them",
    arguments: [
      (["Host: a.example"], "go"), (["Host: A.EXAMPLE"], "go"), (["Host: a.example:80"], "500 host-not-allowed"),
      (["Host: b.example"], "500 host-not-allowed"), (["Host: b.example", "X-Host: a.example"], "go"),
      (["Host: a.example", "X-Host: b.example"], "500 host-not-allowed"),
    ])
  func allowedHosts(_ fields: [String], _ says: String) throws {
    var configuration = Headers()
    configuration.allowedHosts = ["a.example"]
    configuration.hostsProxyHeaders = ["X-Host"]
    let middleware = try HeadersLink(configuration)
    #expect(try MiddlewareFixture("GET / HTTP/1.1", fields).run(middleware) == says)
  }
}

@Suite("headers: CORS")
struct CrossOriginTests {
  private func preflight(_ fields: [String], _ change: (inout Headers) -> Void) throws -> [String: String] {
    var configuration = Headers()
    change(&configuration)
    let fixture = try MiddlewareFixture("OPTIONS / HTTP/1.1", fields)
    guard case .answer(let answer) = try HeadersLink(configuration).request(fixture.exchange) else { return [:] }
    #expect(answer.status == 200)
    #expect(answer.body.isEmpty)
    return Dictionary(
      uniqueKeysWithValues: answer.fields.map { field in
        (String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self))
      })
  }

  private static let asked = [
    "Origin: https://a.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: X-A",
  ]

  @Test("a preflight is answered with what is configured")
  func fixed() throws {
    let answer = try preflight(Self.asked) {
      $0.accessControlAllowMethods = ["GET", "PUT"]
      $0.accessControlAllowHeaders = ["X-A", "X-B"]
      $0.accessControlAllowOriginList = ["https://a.example"]
      $0.accessControlMaxAge = 60
      $0.accessControlExposeHeaders = ["X-C"]
    }
    #expect(
      answer == [
        "Access-Control-Allow-Methods": "GET,PUT", "Access-Control-Allow-Headers": "X-A,X-B",
        "Access-Control-Allow-Origin": "https://a.example", "Access-Control-Max-Age": "60",
        "Access-Control-Expose-Headers": "X-C",
      ])
  }

  @Test("with credentials, * becomes what the client asked for")
  func credentials() throws {
    let answer = try preflight(Self.asked) {
      $0.accessControlAllowCredentials = true
      $0.accessControlAllowMethods = ["*"]
      $0.accessControlAllowHeaders = ["*"]
      $0.accessControlAllowOriginList = ["*"]
      $0.accessControlExposeHeaders = ["*"]
    }
    #expect(
      answer == [
        "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "X-A", "Access-Control-Allow-Origin": "https://a.example",
      ])
  }

  @Test("an origin that is not allowed is not named")
  func otherOrigin() throws {
    let answer = try preflight(Self.asked) {
      $0.accessControlAllowMethods = ["PUT"]
      $0.accessControlAllowOriginList = ["https://b.example"]
    }
    #expect(answer == ["Access-Control-Allow-Methods": "PUT"])
  }

  @Test(
    "only OPTIONS with an origin and a method asked for is a preflight",
    arguments: [["Origin: https://a.example"], ["Access-Control-Request-Method: PUT"], []])
  func noPreflight(_ fields: [String]) throws {
    var configuration = Headers()
    configuration.accessControlAllowMethods = ["PUT"]
    let middleware = try HeadersLink(configuration)
    #expect(try MiddlewareFixture("OPTIONS / HTTP/1.1", fields).run(middleware) == "go")
  }

  @Test(
    "responses name the origin that is allowed",
    arguments: [
      (["https://a.example"], "", false, "https://a.example", "https://a.example"),
      (["https://b.example"], "", false, "https://a.example", nil),
      (["*"], "", false, "https://a.example", "*"),
      (["*"], "", false, nil, "*"),
      (["*"], "", true, "https://a.example", "https://a.example"),
      (["*"], "", true, nil, nil),
      ([], "^https://[a-z]\\.example$", false, "https://a.example", "https://a.example"),
      ([], "^https://[a-z]\\.example$", false, "https://a.example.evil", nil),
      ([], ".*", false, nil, nil),
    ] as [([String], String, Bool, String?, String?)])
  func origins(_ list: [String], _ regex: String, _ credentials: Bool, _ origin: String?, _ named: String?) throws {
    var configuration = Headers()
    configuration.accessControlAllowOriginList = list
    configuration.accessControlAllowOriginListRegex = regex.isEmpty ? [] : [regex]
    configuration.accessControlAllowCredentials = credentials
    let middleware = try HeadersLink(configuration)
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", origin.map { ["Origin: \($0)"] } ?? [])
    fixture.run(middleware)
    fixture.respond(200, [("access-control-allow-origin", "https://server.example")])
    middleware.response(fixture.exchange)
    #expect(fixture.responseField("Access-Control-Allow-Origin") == named ?? "https://server.example")
    #expect(fixture.responseField("Access-Control-Allow-Credentials") == (credentials ? "true" : nil))
  }

  @Test(
    "Vary names Origin once",
    arguments: [
      ([], "Origin"), (["Accept-Encoding"], "Accept-Encoding,Origin"), (["origin"], "origin"), (["*"], "*"),
      (["A", "B"], "A,B,Origin"), (["A, Origin"], "A, Origin"),
    ])
  func vary(_ values: [String], _ becomes: String) throws {
    var configuration = Headers()
    configuration.addVaryHeader = true
    let middleware = try HeadersLink(configuration)
    let fixture = try MiddlewareFixture()
    fixture.respond(200, values.map { ("Vary", $0) })
    middleware.response(fixture.exchange)
    #expect(fixture.responseField("Vary") == becomes)
  }
}
