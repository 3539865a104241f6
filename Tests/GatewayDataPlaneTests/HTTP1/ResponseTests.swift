import Testing

@testable import GatewayDataPlane

/// Responses that must be refused. A server is believed as little as a client: whoever can make two readers disagree
/// about where a response ends can give one client another client's answer.
enum RefusedResponses {
  static let all = statusLines + fields + framing + bounds

  static let statusLines: [RefusedCase] = [
    .init("HTTP/0.9 has no head", "<html>\r\n", .malformedStatusLine),
    .init("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine),
    .init("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
    .init("a status of letters", "HTTP/1.1 2x0 OK\r\n\r\n", .malformedStatusLine),
    .init("a status below 100", "HTTP/1.1 099 OK\r\n\r\n", .malformedStatusLine),
    .init("a status above 599", "HTTP/1.1 600 OK\r\n\r\n", .malformedStatusLine),
    .init("two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
    .init("a tab before the reason", "HTTP/1.1 200\tOK\r\n\r\n", .malformedStatusLine),
    .init("a space ahead", " HTTP/1.1 200 OK\r\n\r\n", .malformedStatusLine),
    .init("an empty line ahead", "\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStatusLine),
    .init("a protocol in lower case", "http/1.1 200 OK\r\n\r\n", .malformedStatusLine),
    .init("ICY", "ICY 200 OK\r\n\r\n", .malformedStatusLine),
    .init("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    .init("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", .unsupportedVersion),
    .init("LF alone behind the status line", "HTTP/1.1 200 OK\n\r\n", .bareLineFeed),
    .init("CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn),
    .init("NUL in the reason", "HTTP/1.1 200 O\u{0}K\r\n\r\n", .controlCharacter),
  ]

  private static func ok(_ fields: String, _ status: String = "1.1 200") -> String {
    "HTTP/\(status) OK\r\n\(fields)\r\n\r\n"
  }

  static let fields: [RefusedCase] = [
    .init("LF alone behind a field", ok("X: a\nY: b"), .bareLineFeed),
    .init("CR inside a value", ok("X: a\rb"), .bareCarriageReturn),
    .init("NUL in a value", ok("X: a\u{0}"), .controlCharacter),
    .init("a folded value", ok("X: a\r\n b"), .obsoleteFolding),
    .init("a space before the colon", ok("Content-Length : 5"), .spaceBeforeColon),
    .init("a bracket in a name", ok("X(: a"), .badFieldName),
    .init("an empty name", ok(": a"), .emptyFieldName),
    .init("a line without colon", ok("X"), .missingColon),
    .init("a Connection option with a space", ok("Connection: a b"), .malformedConnection),
    .init("two Upgrades", ok("Upgrade: a\r\nUpgrade: b"), .malformedUpgrade),
  ]

  static let framing: [RefusedCase] = [
    .init("a length and chunks", ok("Content-Length: 5\r\nTransfer-Encoding: chunked"), .lengthWithTransferEncoding),
    .init(
      "a length and chunks for HEAD", ok("Content-Length: 5\r\nTransfer-Encoding: chunked"),
      .lengthWithTransferEncoding, to: .head),
    .init("two lengths", ok("Content-Length: 5\r\nContent-Length: 5"), .repeatedContentLength),
    .init("a list of lengths", ok("Content-Length: 5, 5"), .malformedContentLength),
    .init("a negative length", ok("Content-Length: -1"), .malformedContentLength),
    .init("a bad length for HEAD", ok("Content-Length: x"), .malformedContentLength, to: .head),
    .init("gzip as transfer coding", ok("Transfer-Encoding: gzip, chunked"), .unsupportedTransferCoding),
    .init("identity", ok("Transfer-Encoding: identity"), .unsupportedTransferCoding),
    .init(
      "chunked in two fields", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .repeatedTransferEncoding
    ),
    .init("HTTP/1.0 with chunks", ok("Transfer-Encoding: chunked", "1.0 200"), .transferEncodingInHTTP10),
    .init("204 with a length", ok("Content-Length: 5", "1.1 204"), .bodyNotAllowed),
    .init("204 with chunks", ok("Transfer-Encoding: chunked", "1.1 204"), .bodyNotAllowed),
    .init("100 with a length", ok("Content-Length: 5", "1.1 100"), .bodyNotAllowed),
    .init("103 with chunks", ok("Transfer-Encoding: chunked", "1.1 103"), .bodyNotAllowed),
    .init("101 without Upgrade", ok("Connection: upgrade", "1.1 101"), .malformedUpgrade),
    .init("101 without Connection", ok("Upgrade: websocket", "1.1 101"), .malformedUpgrade),
    .init(
      "101 with a length", ok("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 5", "1.1 101"), .bodyNotAllowed),
  ]

  private static let small = WireLimits(lineBytesMax: 20, headBytesMax: 60, fieldsMax: 3)

  static let bounds: [RefusedCase] = [
    .init("a status line of 21 bytes of 20", "HTTP/1.1 200 Good, ok\r\n\r\n", .headTooLarge, limits: small),
    .init("a status line without end", String(repeating: "A", count: 30), .headTooLarge, limits: small),
    .init("a head one byte too long", ok("X: \(String(repeating: "x", count: 38))"), .headTooLarge, limits: small),
    .init("four fields of three", ok("A:\r\nB:\r\nC:\r\nD:"), .tooManyFields, limits: small),
  ]
}

enum AcceptedResponses {
  static let all: [AcceptedCase<ReadResponse>] = [
    .init(
      "a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      .init(status: 200, reason: "OK", framing: .length(5), fields: ["Content-Length: 5"], bytes: 38)),
    .init(
      "a length of zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      .init(status: 200, reason: "OK", fields: ["Content-Length: 0"], bytes: 38)),
    .init(
      "chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      .init(status: 200, reason: "OK", framing: .chunked, fields: ["Transfer-Encoding: chunked"], bytes: 47)),
    .init(
      "until the connection closes", "HTTP/1.1 200 OK\r\n\r\n",
      .init(status: 200, reason: "OK", framing: .untilClose, bytes: 19)),
    .init(
      "HTTP/1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
      .init(
        status: 200, reason: "OK", minorVersion: 0, framing: .length(1),
        fields: ["Connection: keep-alive", "Content-Length: 1"], bytes: 62)),
    .init(
      "no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
      .init(status: 200, fields: ["Content-Length: 0"], bytes: 36)),
    .init(
      "no reason and no space", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
      .init(status: 404, fields: ["Content-Length: 0"], bytes: 35)),
    .init(
      "a reason of many words", "HTTP/1.1 500 Größter  Fehler\r\nContent-Length: 0\r\n\r\n",
      .init(status: 500, reason: "Größter  Fehler", fields: ["Content-Length: 0"], bytes: 53)),
    .init(
      "HEAD has no body, whatever the length says", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      .init(status: 200, reason: "OK", fields: ["Content-Length: 5"], bytes: 38), to: .head),
    .init(
      "HEAD has no chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      .init(status: 200, reason: "OK", fields: ["Transfer-Encoding: chunked"], bytes: 47), to: .head),
    .init(
      "304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      .init(status: 304, reason: "Not Modified", fields: ["Content-Length: 5"], bytes: 48)),
    .init("204", "HTTP/1.1 204 No Content\r\n\r\n", .init(status: 204, reason: "No Content", bytes: 27)),
    .init(
      "204 with a length of zero, which is dropped", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
      .init(status: 204, reason: "No Content", bytes: 46)),
    .init("100 Continue", "HTTP/1.1 100 Continue\r\n\r\n", .init(status: 100, reason: "Continue", bytes: 25)),
    .init(
      "103 Early Hints", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      .init(status: 103, reason: "Early Hints", fields: ["Link: </a>"], bytes: 40)),
    .init(
      "101 Switching Protocols",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      .init(
        status: 101, reason: "Switching Protocols", fields: ["Connection: Upgrade", "Upgrade: websocket"],
        upgrades: true,
        bytes: 77)),
    .init(
      "what Connection names ends here", "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: X-A, close\r\n\r\n",
      .init(
        status: 200, reason: "OK", framing: .untilClose, fields: ["Connection: X-A, close"], closes: true, bytes: 51)),
    .init(
      "Connection cannot take cookies away", "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nConnection: Set-Cookie\r\n\r\n",
      .init(
        status: 200, reason: "OK", framing: .untilClose, fields: ["Set-Cookie: a", "Connection: Set-Cookie"], bytes: 58)
    ),
    .init(
      "a status line of exactly the limit", "HTTP/1.1 200 Good ok\r\n\r\n",
      .init(status: 200, reason: "Good ok", framing: .untilClose, bytes: 24),
      limits: WireLimits(lineBytesMax: 20, headBytesMax: 60, fieldsMax: 3)),
  ]
}

@Suite struct ResponseTests {
  @Test("a response that breaks a rule is refused with that rule's code", arguments: RefusedResponses.all)
  func refused(_ given: RefusedCase) {
    #expect(readResponse(given.bytes, to: given.method, limits: given.limits) == .refused(given.refusal))
  }

  @Test("a response that keeps the rules is read as it was meant", arguments: AcceptedResponses.all)
  func accepted(_ given: AcceptedCase<ReadResponse>) {
    #expect(readResponse(given.bytes, to: given.method, limits: given.limits) == .accepted(given.read))
  }

  @Test("a response head without its last byte is incomplete", arguments: AcceptedResponses.all)
  func incomplete(_ given: AcceptedCase<ReadResponse>) {
    for count in 0..<given.read.bytes {
      #expect(readResponse(Array(given.bytes.prefix(count)), to: given.method, limits: given.limits) == .incomplete)
    }
  }
}
