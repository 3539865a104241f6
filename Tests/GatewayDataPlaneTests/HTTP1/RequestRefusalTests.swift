import Testing

@testable import GatewayDataPlane

/// Requests that must be refused, each with the code that says why.
enum RefusedRequests {
  static let all = requestLines + targets + fieldLines + hosts + framing + bounds

  static let requestLines: [RefusedCase] = [
    .init("HTTP/0.9 has no version", "GET /\r\n", .malformedRequestLine),
    .init("a request line of one word", "GET\r\n\r\n", .malformedRequestLine),
    .init("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a tab between method and target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a tab between target and version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a space inside the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a version with a plus", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a version without its minor half", "GET / HTTP/1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("another protocol", "GET / HTTPS/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("two empty lines ahead", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    .init("a status line", "HTTP/1.1 200 OK\r\n\r\n", .badMethod),
    .init("a TLS handshake", "\u{16}\u{03}\u{01}\u{02}\r\n", .controlCharacter),
    .init("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
    .init("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
    .init("HTTP/0.9 spelled out", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
    .init("HTTP/9.1", "GET / HTTP/9.1\r\nHost: a\r\n\r\n", .unsupportedVersion),
    .init("a method with a bracket", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    .init("a method with a colon", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    .init("a method beyond ASCII", "GÉT / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    .init("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .connectRefused),
    .init("CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .connectRefused),
  ]

  static let targets: [RefusedCase] = [
    .init("a target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("an asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("an asterisk with more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("a query alone", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("a scheme without authority", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("an authority of nothing", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", .targetAuthorityMismatch),
    .init("a path beyond ASCII", "GET /é HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("a query beyond ASCII", "GET /?é HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    .init("a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .targetFragment),
    .init("a fragment behind a query", "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", .targetFragment),
    .init("a fragment behind an authority", "GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n", .targetFragment),
    .init("an absolute form for another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .targetAuthorityMismatch),
    .init(
      "an absolute form for another port", "GET http://a:1/ HTTP/1.1\r\nHost: a:2\r\n\r\n", .targetAuthorityMismatch),
    .init("user information in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .targetAuthorityMismatch),
    .init("user information twice", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
    .init("the path .", "GET /. HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("the path ..", "GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("a dot segment inside", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("a single dot segment inside", "GET /a/./b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("encoded dots", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots half encoded", "GET /a/.%2E HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots behind an encoded slash", "GET /a%2f..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots before an encoded slash", "GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots behind a backslash", "GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots behind an encoded backslash", "GET /a%5c..%5cb HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots with a path parameter", "GET /a/..;/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots with a named path parameter", "GET /a/..;x=1/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots with an encoded path parameter", "GET /a/%2e%2e%3b/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("a dot with a path parameter at the end", "GET /a/.;x HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots before a query", "GET /a/..?b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("dots in absolute form", "GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
    .init("a percent at the end", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
    .init("a percent with one digit", "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
    .init("a percent with other letters", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
    .init("an encoded NUL", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
    .init("an encoded line end", "GET /a%0d%0aX:1 HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
    .init("an encoded DEL", "GET /a%7F HTTP/1.1\r\nHost: a\r\n\r\n", .badPercentEncoding),
  ]

  static let fieldLines: [RefusedCase] = [
    .init("LF alone behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
    .init("LF alone behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
    .init("LF alone as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
    .init("LF inside a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", .bareLineFeed),
    .init("LF inside a name", "GET / HTTP/1.1\r\nHost: a\r\nX\nY: b\r\n\r\n", .bareLineFeed),
    .init("CR inside the request line", "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
    .init("CR inside a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", .bareCarriageReturn),
    .init("CR at the beginning of a line", "GET / HTTP/1.1\r\nHost: a\r\n\rX: a\r\n\r\n", .bareCarriageReturn),
    .init("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .bareCarriageReturn),
    .init("CR ahead of the request line", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
    .init("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", .controlCharacter),
    .init("NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\u{0}: a\r\n\r\n", .controlCharacter),
    .init("NUL in the target", "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter),
    .init("vertical tab in a value", "GET / HTTP/1.1\r\nHost: a\r\nX:\u{b}a\r\n\r\n", .controlCharacter),
    .init("DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7f}\r\n\r\n", .controlCharacter),
    .init(
      "escape in a long value", "GET / HTTP/1.1\r\nHost: a\r\nX: abcdefghijklmnop\u{1b}\r\n\r\n", .controlCharacter),
    .init("a folded value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", .obsoleteFolding),
    .init("a value folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", .obsoleteFolding),
    .init("white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteFolding),
    .init(
      "a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", .spaceBeforeColon),
    .init(
      "a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n", .spaceBeforeColon),
    .init("a space inside a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n", .spaceBeforeColon),
    .init("a bracket in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(: a\r\n\r\n", .badFieldName),
    .init("a name beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\né: a\r\n\r\n", .badFieldName),
    .init("a quoted name", "GET / HTTP/1.1\r\nHost: a\r\n\"X\": a\r\n\r\n", .badFieldName),
    .init("a name with a slash", "GET / HTTP/1.1\r\nHost: a\r\nX/Y: a\r\n\r\n", .badFieldName),
    .init("an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", .emptyFieldName),
    .init("a line without colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .missingColon),
  ]

  static let hosts: [RefusedCase] = [
    .init("no Host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    .init("no Host with an absolute form", "GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
    .init("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
    .init("two Hosts that agree", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost),
    .init("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .malformedHost),
    .init("a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .malformedHost),
    .init("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .malformedHost),
    .init("a host with a scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", .malformedHost),
    .init("a host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
    .init("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .malformedHost),
    .init("a percent-encoded host", "GET / HTTP/1.1\r\nHost: %61\r\n\r\n", .malformedHost),
    .init("a host beyond ASCII", "GET / HTTP/1.1\r\nHost: é\r\n\r\n", .malformedHost),
    .init("a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .malformedHost),
    .init("a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .malformedHost),
    .init("a port too great", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .malformedHost),
    .init("a port of six digits", "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", .malformedHost),
    .init("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", .malformedHost),
    .init("a bracket left open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .malformedHost),
    .init("brackets around nothing", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", .malformedHost),
    .init("a zone in brackets", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", .malformedHost),
    .init("letters behind brackets", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", .malformedHost),
    .init(
      "a host of 300 bytes", "GET / HTTP/1.1\r\nHost: \(String(repeating: "a", count: 300))\r\n\r\n", .malformedHost),
    .init("HTTP/1.0 with a bad Host", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", .malformedHost),
  ]

  private static func post(_ fields: String, _ version: String = "1.1") -> String {
    "POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n"
  }

  static let framing: [RefusedCase] = [
    .init("a length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked"), .lengthWithTransferEncoding),
    .init("chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5"), .lengthWithTransferEncoding),
    .init(
      "a length of zero and chunks", post("Content-Length: 0\r\nTransfer-Encoding: chunked"),
      .lengthWithTransferEncoding),
    .init("two lengths", post("Content-Length: 5\r\nContent-Length: 6"), .repeatedContentLength),
    .init("two lengths that agree", post("Content-Length: 5\r\nContent-Length: 5"), .repeatedContentLength),
    .init("a list of lengths", post("Content-Length: 5, 5"), .malformedContentLength),
    .init("a length with a plus", post("Content-Length: +5"), .malformedContentLength),
    .init("a negative length", post("Content-Length: -5"), .malformedContentLength),
    .init("a length in hexadecimal", post("Content-Length: 0x5"), .malformedContentLength),
    .init("a length with a point", post("Content-Length: 5.0"), .malformedContentLength),
    .init("a length with a leading zero", post("Content-Length: 05"), .malformedContentLength),
    .init("a quoted length", post("Content-Length: \"5\""), .malformedContentLength),
    .init("a length of nothing", post("Content-Length:"), .malformedContentLength),
    .init("a length with a space inside", post("Content-Length: 1 0"), .malformedContentLength),
    .init("a length with an underscore", post("Content-Length: 1_0"), .malformedContentLength),
    .init("a length over 64 bits", post("Content-Length: 18446744073709551616"), .malformedContentLength),
    .init("a length in other digits", post("Content-Length: ５"), .malformedContentLength),
    .init("gzip ahead of chunked", post("Transfer-Encoding: gzip, chunked"), .unsupportedTransferCoding),
    .init("chunked ahead of gzip", post("Transfer-Encoding: chunked, gzip"), .unsupportedTransferCoding),
    .init("chunked twice in a list", post("Transfer-Encoding: chunked, chunked"), .unsupportedTransferCoding),
    .init("chunked with an empty element", post("Transfer-Encoding: ,chunked"), .unsupportedTransferCoding),
    .init("identity", post("Transfer-Encoding: identity"), .unsupportedTransferCoding),
    .init("xchunked", post("Transfer-Encoding: xchunked"), .unsupportedTransferCoding),
    .init("chunked with a parameter", post("Transfer-Encoding: chunked;q=1"), .unsupportedTransferCoding),
    .init("quoted chunked", post("Transfer-Encoding: \"chunked\""), .unsupportedTransferCoding),
    .init("chunked with a no-break space", post("Transfer-Encoding: \u{a0}chunked"), .unsupportedTransferCoding),
    .init("chunked with a Kelvin sign", post("Transfer-Encoding: chun\u{212a}ed"), .unsupportedTransferCoding),
    .init("no coding", post("Transfer-Encoding:"), .unsupportedTransferCoding),
    .init(
      "identity and a length", post("Content-Length: 5\r\nTransfer-Encoding: identity"), .unsupportedTransferCoding),
    .init(
      "chunked in two fields", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
      .repeatedTransferEncoding),
    .init(
      "chunked, then identity", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
      .repeatedTransferEncoding),
    .init("HTTP/1.0 with chunks", post("Transfer-Encoding: chunked", "1.0"), .transferEncodingInHTTP10),
    .init("TRACE with a length", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", .bodyNotAllowed),
    .init("TRACE with chunks", "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyNotAllowed),
    .init("another expectation", post("Expect: 200-ok"), .unsupportedExpectation),
    .init("a list of expectations", post("Expect: 100-continue, x"), .unsupportedExpectation),
    .init("two Upgrades", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n", .malformedUpgrade),
    .init("an empty Upgrade", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade:\r\n\r\n", .malformedUpgrade),
    .init(
      "a Connection option with a space", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", .malformedConnection),
    .init(
      "a Connection option with a colon", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a:b\r\n\r\n", .malformedConnection),
    .init(
      "a Connection option with quotes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, \"x\"\r\n\r\n",
      .malformedConnection),
  ]

  private static let small = WireLimits(lineBytesMax: 20, headBytesMax: 60, fieldsMax: 3)

  static let bounds: [RefusedCase] = [
    .init("a request line of 21 bytes of 20", "GET /2345678 HTTP/1.1\r\n\r\n", .requestLineTooLong, limits: small),
    .init("a request line without end", String(repeating: "A", count: 23), .requestLineTooLong, limits: small),
    .init(
      "a long line with a control behind the limit", String(repeating: "A", count: 24) + "\u{0}", .requestLineTooLong,
      limits: small),
    .init(
      "a head one byte too long", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 29))\r\n\r\n",
      .headTooLarge, limits: small),
    .init(
      "a field without end", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 50))", .headTooLarge,
      limits: small),
    .init(
      "a field name without end", "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "x", count: 50))", .headTooLarge,
      limits: small),
    .init(
      "a bad length behind the limit",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 20))\r\nContent-Length: x\r\n\r\n",
      .headTooLarge, limits: small),
    .init(
      "a control behind the limit", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 40))\u{0}\r\n\r\n",
      .headTooLarge, limits: small),
    .init("four fields of three", "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\nC:\r\n\r\n", .tooManyFields, limits: small),
    .init(
      "101 fields", "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: y\r\n", count: 100))\r\n", .tooManyFields),
    .init(
      "a head of 33 KiB", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 33 * 1024))\r\n\r\n",
      .headTooLarge),
    .init(
      "a request line of 9 KiB", "GET /\(String(repeating: "x", count: 9 * 1024)) HTTP/1.1\r\nHost: a\r\n\r\n",
      .requestLineTooLong),
  ]
}

@Suite struct RequestRefusalTests {
  @Test("a request that breaks a rule is refused with that rule's code", arguments: RefusedRequests.all)
  func refused(_ given: RefusedCase) {
    #expect(readRequest(given.bytes, limits: given.limits) == .refused(given.refusal))
  }
}
