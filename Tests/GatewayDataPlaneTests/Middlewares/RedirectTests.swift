import GatewayModel
import Testing

@testable import GatewayDataPlane

struct RedirectCase: CustomTestStringConvertible, Sendable {
  let request: String
  let fields: [String]
  let isTLS: Bool
  let says: String

  init(_ request: String, _ fields: String..., isTLS: Bool = false, says: String) {
    self.request = request
    self.fields = fields
    self.isTLS = isTLS
    self.says = says
  }

  var testDescription: String { "\(request) \(fields) \(isTLS ? "over TLS" : "") gives \(says)" }

  func check(_ middleware: any GatewayDataPlane.Middleware) throws {
    let fixture = try MiddlewareFixture("\(request) HTTP/1.1", fields, isTLS: isTLS)
    #expect(fixture.run(middleware) == says)
  }
}

@Suite("redirectScheme")
struct RedirectSchemeTests {
  @Test(
    "to https",
    arguments: [
      RedirectCase("GET /a?b", says: "302 https://example.com/a?b"),
      RedirectCase("POST /a", says: "307 https://example.com/a"),
      RedirectCase("HEAD /a", says: "307 https://example.com/a"),
      RedirectCase("GET /", "Host: example.com:8080", says: "302 https://example.com/"),
      RedirectCase("GET /", "Host: example.com:80", says: "302 https://example.com/"),
      RedirectCase("GET /", "Host: [::1]:80", says: "302 https://[::1]/"),
      RedirectCase("GET /", isTLS: true, says: "go"),
      RedirectCase("GET /", "Host: example.com:443", isTLS: true, says: "go"),
      RedirectCase("GET /", "Host: example.com:8443", isTLS: true, says: "302 https://example.com/"),
      RedirectCase("GET /", "X-Forwarded-Proto: https", says: "go"),
      RedirectCase("GET /", "X-Forwarded-Proto: WSS", says: "go"),
      RedirectCase("GET /", "X-Forwarded-Proto: http", isTLS: true, says: "302 https://example.com/"),
      RedirectCase("GET /", "X-Forwarded-Proto: ws", isTLS: true, says: "302 https://example.com/"),
      RedirectCase("GET /", "X-Forwarded-Proto: gopher", isTLS: true, says: "go"),
      RedirectCase("GET /a\"<b>", says: "302 https://example.com/a%22%3Cb%3E"),
    ])
  func toHTTPS(_ item: RedirectCase) throws {
    var configuration = RedirectScheme()
    configuration.scheme = "https"
    try item.check(try RedirectSchemeLink(configuration))
  }

  @Test(
    "to https on another port, for good",
    arguments: [
      RedirectCase("GET /", says: "301 https://example.com:8443/"),
      RedirectCase("PUT /", "Host: example.com:8080", says: "308 https://example.com:8443/"),
      RedirectCase("GET /", "Host: example.com:8443", isTLS: true, says: "go"),
      RedirectCase("GET /", isTLS: true, says: "301 https://example.com:8443/"),
    ])
  func toPort(_ item: RedirectCase) throws {
    var configuration = RedirectScheme()
    configuration.scheme = "https"
    configuration.port = 8443
    configuration.permanent = true
    try item.check(try RedirectSchemeLink(configuration))
  }

  @Test("the port of the scheme itself is left out of the location")
  func ownPort() throws {
    var configuration = RedirectScheme()
    configuration.scheme = "http"
    configuration.port = 80
    try RedirectCase("GET /", isTLS: true, says: "302 http://example.com/").check(try RedirectSchemeLink(configuration))
  }

  @Test("what is no scheme is a mistake", arguments: ["", "1http", "ht tp", "http:"])
  func mistakes(_ scheme: String) {
    var configuration = RedirectScheme()
    configuration.scheme = scheme
    #expect(throws: MiddlewareMistake.self) { try RedirectSchemeLink(configuration) }
  }

  @Test("a request without a host is refused, not let through")
  func noHost() throws {
    var configuration = RedirectScheme()
    configuration.scheme = "https"
    let fixture = try MiddlewareFixture("GET / HTTP/1.1")
    fixture.exchange.request.authority = .empty
    #expect(fixture.run(try RedirectSchemeLink(configuration)) == "400 missing-host")
  }
}

@Suite("redirectRegex")
struct RedirectRegexTests {
  private func link(_ regex: String, _ replacement: String, permanent: Bool = false) throws -> RedirectRegexLink {
    var configuration = RedirectRegex()
    configuration.regex = regex
    configuration.replacement = replacement
    configuration.permanent = permanent
    return try RedirectRegexLink(configuration)
  }

  @Test(
    "the expression sees scheme, host, port, path and query",
    arguments: [
      RedirectCase("GET /a?b=c", says: "302 https://www.example.com/a?b=c"),
      RedirectCase("POST /", says: "307 https://www.example.com/"),
      RedirectCase("GET /", isTLS: true, says: "go"),
      RedirectCase("GET /", "X-Forwarded-Proto: https", says: "302 https://www.example.com/"),
      RedirectCase("GET /", "Host: other.com", says: "go"),
    ])
  func redirect(_ item: RedirectCase) throws {
    try item.check(try link("^http://example\\.com/(.*)", "https://www.example.com/${1}"))
  }

  @Test("a replacement that changes nothing lets the request through")
  func unchanged() throws {
    try RedirectCase("GET /a", says: "go").check(try link("^(.*)$", "$1"))
  }

  @Test("line breaks cannot get into the location")
  func injection() throws {
    let item = RedirectCase("GET /", says: "302 http://x/%0D%0ASet-Cookie:%20a=b")
    try item.check(try link("^.*$", "http://x/\r\nSet-Cookie: a=b"))
  }

  @Test("an empty location is refused")
  func empty() throws {
    try RedirectCase("GET /", says: "500 broken-redirect").check(try link("^.*$", ""))
  }

  @Test("a redirect for good is 301, or 308 where the method must stay")
  func permanent() throws {
    let middleware = try link("^http:", "https:", permanent: true)
    try RedirectCase("GET /", says: "301 https://example.com/").check(middleware)
    try RedirectCase("DELETE /", says: "308 https://example.com/").check(middleware)
  }
}
