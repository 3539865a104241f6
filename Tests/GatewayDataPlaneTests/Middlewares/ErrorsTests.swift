import GatewayModel
import Testing

@testable import GatewayDataPlane

@Suite("errors")
struct ErrorsTests {
  private func page(
    _ status: UInt16, caught: [String] = ["500-599", "404"], query: String = "/{status}.html",
    rewrites: [(String, UInt16)] = [], request: String = "GET /a%20b?c=d HTTP/1.1", isTLS: Bool = false
  ) throws -> String? {
    var configuration = ErrorPages()
    configuration.status = try caught.map { try #require(StatusRange($0)) }
    configuration.query = query
    configuration.statusRewrites = try rewrites.map { StatusRewrite(from: try #require(StatusRange($0.0)), to: $0.1) }
    let middleware = try ErrorsLink(configuration, service: MiddlewareFixture.service())
    let fixture = try MiddlewareFixture(request, ["Content-Length: 3", "X-A: b"], isTLS: isTLS)
    fixture.exchange.route = MiddlewareFixture.router([middleware])
    fixture.respond(status)
    middleware.response(fixture.exchange)
    guard let page = fixture.exchange.errorPage else { return nil }
    #expect(page.link == 0)
    #expect(page.request.method == .get)
    #expect(page.request.text("X-A") == "b")
    #expect(page.request.text("Content-Length") == nil)
    let head = page.request
    return "\(page.status) " + head.string(head.path) + (head.hasQuery ? "?" + head.string(head.query) : "")
  }

  @Test(
    "only statuses that are listed are caught",
    arguments: [(500, true), (599, true), (404, true), (200, false), (403, false), (101, false)] as [(UInt16, Bool)])
  func statuses(_ status: UInt16, _ isCaught: Bool) throws {
    #expect((try page(status) != nil) == isCaught)
  }

  @Test(
    "the query says which page",
    arguments: [
      ("/{status}.html", "503 /503.html"), ("{status}", "503 /503"), ("//a", "503 /a"), ("", "503 /"),
      ("/a?s={status}&u={url}", "503 /a?s=503&u=http%3A%2F%2Fexample.com%2Fa%2520b%3Fc%3Dd"),
      ("/{originalStatus}/{status}/{other}/{", "503 /503/503/{other}/{"), ("/a b#c", "503 /a%20b%23c"),
    ])
  func query(_ query: String, _ asked: String) throws {
    #expect(try page(503, query: query) == asked)
  }

  @Test("the first rewrite that fits decides the status")
  func rewrites() throws {
    let rewrites: [(String, UInt16)] = [("500-502", 404), ("500-599", 400)]
    #expect(try page(502, query: "/{status}-{originalStatus}", rewrites: rewrites) == "404 /404-502")
    #expect(try page(503, query: "/{status}-{originalStatus}", rewrites: rewrites) == "400 /400-503")
    #expect(try page(404, query: "/{status}-{originalStatus}", rewrites: rewrites) == "404 /404-404")
  }

  @Test("the URL is the client's, over TLS too")
  func secure() throws {
    #expect(try page(500, query: "/?u={url}", isTLS: true) == "500 /?u=https%3A%2F%2Fexample.com%2Fa%2520b%3Fc%3Dd")
  }

  @Test("a service that is not there is a mistake")
  func mistakes() {
    var configuration = ErrorPages()
    configuration.status = StatusRange("500").map { [$0] } ?? []
    #expect(throws: MiddlewareMistake.self) { try ErrorsLink(configuration, service: nil) }
  }
}
