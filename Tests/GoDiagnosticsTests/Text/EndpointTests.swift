import Foundation
import Testing

@testable import GoDiagnostics

@Suite("Requests to endpoints")
struct EndpointTests {
  static let addresses: [(url: String, isSecure: Bool, host: String, port: Int, line: String)] = [
    ("http://a", false, "a", 80, "GET / HTTP/1.1"),
    ("https://a/debug/pprof?debug=2", true, "a", 443, "GET /debug/pprof?debug=2 HTTP/1.1"),
    ("HTTPS://a:6060/", true, "a", 6060, "GET / HTTP/1.1"),
    ("http://[::1]:6060/x%20y", false, "::1", 6060, "GET /x%20y HTTP/1.1"),
  ]

  @Test("an address is taken apart", arguments: addresses)
  func address(expected: (url: String, isSecure: Bool, host: String, port: Int, line: String)) throws {
    let request = try EndpointRequest(expected.url)
    #expect(request.isSecure == expected.isSecure)
    #expect(request.host == expected.host)
    #expect(request.port == expected.port)
    let text = String(decoding: request.bytes, as: UTF8.self)
    #expect(text.hasPrefix(expected.line + "\r\nHost: "))
    #expect(text.hasSuffix("\r\n\r\n"))
  }

  @Test(
    "what is no address of an endpoint is refused",
    arguments: ["", "a", "ftp://a/", "http:///x", "http://a:0/", "http://a:65536/", "http://u:p@a/", "http://a b/"])
  func noAddress(url: String) {
    #expect(throws: HTTPGet.Failure.self) { try EndpointRequest(url) }
  }

  @Test(
    "no address puts a second line into the request",
    arguments: ["http://a/\r\nX: 1", "http://a\r\nX: 1/", "http://a/?\n"])
  func oneLine(url: String) throws {
    guard let request = try? EndpointRequest(url) else { return }
    let text = String(decoding: request.bytes, as: UTF8.self)
    #expect(!text.contains("\r\nX: 1"))
    #expect(text.components(separatedBy: "\r\n").allSatisfy { !$0.contains("\n") })
  }

  @Test("https is not read without TLS")
  func plain() {
    #expect(throws: HTTPGet.Failure.self) { try HTTPGet.body("https://localhost:1/") }
  }

  @Test("an answer that ends early is no answer, and a user's password is not repeated")
  func early() throws {
    var answer = EndpointAnswer(url: "x")
    #expect(try answer.take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".utf8) == nil)
    #expect(throws: HTTPGet.Failure.self) { try answer.end() }
    do {
      _ = try EndpointRequest("http://user:secret@host/")
    } catch {
      #expect(!error.description.contains("secret"))
    }
  }
}
