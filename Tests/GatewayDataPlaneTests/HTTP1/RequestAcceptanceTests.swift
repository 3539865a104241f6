import Testing

@testable import GatewayDataPlane

/// Requests that well-meaning clients send, with what must be read out of them.
enum AcceptedRequests {
  static let all = targets + hosts + fields + framing + bounds

  static let targets: [AcceptedCase<ReadRequest>] = [
    .init(
      "the smallest request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", fields: ["Host: a"], bytes: 27)),
    .init(
      "curl", "GET /a/b?c=d HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
      .init(
        method: "GET", path: "/a/b", routingPath: "/a/b", query: "c=d", authority: "localhost:8080", host: "localhost",
        fields: ["Host: localhost:8080", "User-Agent: curl/8.5.0", "Accept: */*"], bytes: 84)),
    .init(
      "a method nobody registered", "PROPFIND /a HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "PROPFIND", path: "/a", routingPath: "/a", authority: "a", host: "a", fields: ["Host: a"], bytes: 33)),
    .init(
      "an asterisk for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(method: "OPTIONS", path: "*", routingPath: "*", authority: "a", host: "a", fields: ["Host: a"], bytes: 31)),
    .init(
      "an absolute form", "GET http://A:80/b?c HTTP/1.1\r\nHost: a:80\r\n\r\n",
      .init(
        method: "GET", path: "/b", routingPath: "/b", query: "c", authority: "A:80", host: "a", fields: ["Host: a:80"],
        bytes: 44)),
    .init(
      "an absolute form without path", "GET HTTP://a?b HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", query: "b", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 36)),
    .init(
      "an empty query", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", query: "", authority: "a", host: "a", fields: ["Host: a"], bytes: 28
      )),
    .init(
      "a query with dots, slashes, marks and percents", "GET /a?../b?%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/a", routingPath: "/a", query: "../b?%zz", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 37)),
    .init(
      "encoded letters are decoded for rules only", "GET /%61dmin%7e HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/%61dmin%7e", routingPath: "/admin~", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 37)),
    .init(
      "reserved characters stay encoded, in upper case", "GET /a%2fb%3F%25%2b HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/a%2fb%3F%25%2b", routingPath: "/a%2Fb%3F%25%2B", authority: "a", host: "a",
        fields: ["Host: a"], bytes: 41)),
    .init(
      "an encoded percent is not decoded twice", "GET /%252e%252e/a HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/%252e%252e/a", routingPath: "/%252e%252e/a", authority: "a", host: "a",
        fields: ["Host: a"], bytes: 39)),
    .init(
      "UTF-8, encoded as browsers do", "GET /%C3%A9 HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/%C3%A9", routingPath: "/é", authority: "a", host: "a", fields: ["Host: a"], bytes: 33)),
    .init(
      "names that begin with dots", "GET /.well-known/..a/...;b/a.. HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/.well-known/..a/...;b/a..", routingPath: "/.well-known/..a/...;b/a..", authority: "a",
        host: "a", fields: ["Host: a"], bytes: 52)),
    .init(
      "characters that browsers leave as they are", "GET /a|b{c}\"^` HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/a|b{c}\"^`", routingPath: "/a|b{c}\"^`", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 36)),
    .init(
      "empty segments", "GET //a//b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "//a//b/", routingPath: "//a//b/", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 33)),
    .init(
      "one empty line ahead", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", fields: ["Host: a"], bytes: 29)),
  ]

  static let hosts: [AcceptedCase<ReadRequest>] = [
    .init(
      "a host in capitals with a final dot", "GET / HTTP/1.1\r\nHost: Example.ORG.:8443\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "Example.ORG.:8443", host: "example.org",
        fields: ["Host: Example.ORG.:8443"], bytes: 43)),
    .init(
      "an address of IPv6", "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "[2001:DB8::1]:80", host: "[2001:db8::1]",
        fields: ["Host: [2001:DB8::1]:80"], bytes: 42)),
    .init(
      "a port of nothing", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
      .init(method: "GET", path: "/", routingPath: "/", authority: "a:", host: "a", fields: ["Host: a:"], bytes: 28)),
    .init(
      "an underscore in a host", "GET / HTTP/1.1\r\nHost: my_service\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "my_service", host: "my_service",
        fields: ["Host: my_service"], bytes: 36)),
    .init(
      "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
      .init(method: "GET", path: "/", routingPath: "/", minorVersion: 0, bytes: 18)),
    .init(
      "HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", minorVersion: 0,
        fields: ["Host: a", "Connection: Keep-Alive"], bytes: 51)),
  ]

  static let fields: [AcceptedCase<ReadRequest>] = [
    .init(
      "white space around a value is not part of it", "GET / HTTP/1.1\r\nHost:\t a \t\r\nX:\r\nY: a \t b\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", fields: ["Host: a", "X: ", "Y: a \t b"],
        bytes: 44)),
    .init(
      "bytes beyond ASCII in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: Grüße\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", fields: ["Host: a", "X: Grüße"],
        bytes: 39)),
    .init(
      "every character a name may have", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~0aZ: x\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "!#$%&'*+-.^_`|~0aZ: x"], bytes: 50)),
    .init(
      "what Connection names ends here",
      "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: x-a, , close\r\nX-B: 2\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "Connection: x-a, , close", "X-B: 2"], closes: true, bytes: 69)),
    .init(
      "Connection cannot take end-to-end fields away",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nAuthorization: c\r\n"
        + "Connection: host, x-forwarded-for, authorization\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: [
          "Host: a", "X-Forwarded-For: b", "Authorization: c", "Connection: host, x-forwarded-for, authorization",
        ], bytes: 115)),
    .init(
      "a WebSocket handshake",
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\n\r\n",
      .init(
        method: "GET", path: "/ws", routingPath: "/ws", authority: "a", host: "a",
        fields: [
          "Host: a", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        ], upgrades: true, bytes: 109)),
    .init(
      "an upgrade to h2c is not offered to the server",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"], bytes: 98)),
    .init(
      "Upgrade without Connection means nothing", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "Upgrade: websocket"],
        bytes: 47)),
    .init(
      "HTTP/1.0 cannot upgrade", "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", minorVersion: 0,
        fields: ["Host: a", "Connection: Upgrade", "Upgrade: websocket"], bytes: 68)),
  ]

  static let framing: [AcceptedCase<ReadRequest>] = [
    .init(
      "a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
      .init(
        method: "POST", path: "/", routingPath: "/", authority: "a", host: "a", framing: .length(5),
        fields: ["Host: a", "Content-Length: 5"], bytes: 47)),
    .init(
      "a length of zero is no body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      .init(
        method: "POST", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "Content-Length: 0"], bytes: 47)),
    .init(
      "the greatest length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
      .init(
        method: "PUT", path: "/", routingPath: "/", authority: "a", host: "a",
        framing: .length(999_999_999_999_999_999),
        fields: ["Host: a", "Content-Length: 999999999999999999"], bytes: 63)),
    .init(
      "chunks, whatever the case", "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:Chunked \r\n\r\n5\r\n",
      .init(
        method: "POST", path: "/", routingPath: "/", authority: "a", host: "a", framing: .chunked,
        fields: ["Host: a", "transfer-encoding: Chunked"], bytes: 56)),
    .init(
      "GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", framing: .length(1),
        fields: ["Host: a", "Content-Length: 1"], bytes: 46)),
    .init(
      "Expect: 100-continue", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n",
      .init(
        method: "PUT", path: "/", routingPath: "/", authority: "a", host: "a", framing: .length(1),
        fields: ["Host: a", "Content-Length: 1", "Expect: 100-Continue"], expectsContinue: true, bytes: 68)),
    .init(
      "an expectation without a body is not waited for", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "Expect: 100-continue"], bytes: 49)),
    .init(
      "an upgrade with a body is no upgrade",
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx",
      .init(
        method: "POST", path: "/", routingPath: "/", authority: "a", host: "a", framing: .length(1),
        fields: ["Host: a", "Connection: Upgrade", "Upgrade: x", "Content-Length: 1"], bytes: 80)),
  ]

  private static let small = WireLimits(lineBytesMax: 20, headBytesMax: 60, fieldsMax: 3)

  static let bounds: [AcceptedCase<ReadRequest>] = [
    .init(
      "a request line of exactly the limit", "GET /234567 HTTP/1.1\r\nHost: a\r\n\r\n",
      .init(
        method: "GET", path: "/234567", routingPath: "/234567", authority: "a", host: "a", fields: ["Host: a"],
        bytes: 33),
      limits: small),
    .init(
      "a head of exactly the limit", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 28))\r\n\r\nbody",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a",
        fields: ["Host: a", "X: \(String(repeating: "x", count: 28))"], bytes: 60), limits: small),
    .init(
      "as many fields as allowed", "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n",
      .init(
        method: "GET", path: "/", routingPath: "/", authority: "a", host: "a", fields: ["Host: a", "A: ", "B: "],
        bytes: 35),
      limits: small),
  ]
}

@Suite struct RequestAcceptanceTests {
  @Test("a request that keeps the rules is read as it was meant", arguments: AcceptedRequests.all)
  func accepted(_ given: AcceptedCase<ReadRequest>) {
    #expect(readRequest(given.bytes, limits: given.limits) == .accepted(given.read))
  }

  @Test("a request without its last byte is incomplete", arguments: AcceptedRequests.all)
  func incomplete(_ given: AcceptedCase<ReadRequest>) {
    for count in 0..<given.read.bytes {
      #expect(readRequest(Array(given.bytes.prefix(count)), limits: given.limits) == .incomplete)
    }
  }
}
