import Testing

@testable import GatewayDataPlane

/// The known classes of request smuggling, as whole streams: what is refused, and what the rest is read as.
///
/// Sources: Watchfire, "HTTP Request Smuggling" (2005); Kettle, "HTTP Desync Attacks" (2019), "Browser-Powered Desync
/// Attacks" (2022) and "HTTP/1.1 must die" (2025); Kallus and Smith, "HTTP Garden" (2024); RFC 9112 section 11.2.
struct SmugglingCase: Sendable, CustomTestStringConvertible {
  let says: String
  let bytes: [UInt8]
  let stream: RequestStream
  var testDescription: String { says }

  init(_ says: String, _ text: String, _ ending: RequestStream.Ending, after messages: [RequestStream.Message] = []) {
    self.says = says
    bytes = wire(text)
    stream = RequestStream(messages, ending)
  }

  private static func post(_ fields: String, _ rest: String) -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(rest)"
  }

  private static let hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let root = RequestStream.Message(method: "POST", target: "/", body: "")
  private static func root(_ body: String) -> RequestStream.Message { .init(method: "POST", target: "/", body: body) }

  static let all = lengthAgainstChunks + obfuscation + chunks + ends + targets

  static let lengthAgainstChunks: [SmugglingCase] = [
    .init(
      "CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"),
      .refused(.lengthWithTransferEncoding)),
    .init(
      "TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n\(hidden)0\r\n\r\n"),
      .refused(.lengthWithTransferEncoding)),
    .init("CL.CL", post("Content-Length: 0\r\nContent-Length: 44", hidden), .refused(.repeatedContentLength)),
    .init("CL.CL in a list", post("Content-Length: 0, 44", hidden), .refused(.malformedContentLength)),
    .init(
      "CL.CL behind a name with a space", post("Content-Length: 0\r\nContent-Length : 44", hidden),
      .refused(.spaceBeforeColon)),
    .init(
      "CL with a leading space of another kind", post("Content-Length:\u{a0}5", "hello"),
      .refused(.malformedContentLength)),
    .init(
      "CL beyond 64 bits that wraps to zero", post("Content-Length: 18446744073709551616", hidden),
      .refused(.malformedContentLength)),
    .init(
      "chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      .refused(.transferEncodingInHTTP10)),
    .init(
      "a length that a front end may ignore on GET (CL.0)",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", .clean,
      after: [.init(method: "GET", target: "/", body: "hello")]),
    .init(
      "a length of zero that Expect confuses (0.CL)", post("Content-Length: 0\r\nExpect: 100-continue", hidden), .clean,
      after: [root, .init(method: "GET", target: "/admin", body: "")]),
    .init(
      "an expectation nobody knows (0.CL)", post("Expect: y 100-continue\r\nContent-Length: 5", "hello"),
      .refused(.unsupportedExpectation)),
  ]

  static let obfuscation: [SmugglingCase] =
    [
      "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
      "Transfer-Encoding: chunked;x", "Transfer-Encoding: chunk", "Transfer-Encoding: chunkedx",
      "Transfer-Encoding: 'chunked'", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked,",
      "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    ].map {
      .init("TE.TE: \($0.replacingLineEnds)", post($0, "0\r\n\r\n\(hidden)"), .refused(.unsupportedTransferCoding))
    } + [
      .init(
        "TE.TE: a space before the colon", post("Transfer-Encoding : chunked", "0\r\n\r\n"), .refused(.spaceBeforeColon)
      ),
      .init(
        "TE.TE: a tab before the colon", post("Transfer-Encoding\t: chunked", "0\r\n\r\n"),
        .refused(.spaceBeforeColon)),
      .init(
        "TE.TE: a vertical tab before the value", post("Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"),
        .refused(.controlCharacter)),
      .init(
        "TE.TE: a NUL behind the value", post("Transfer-Encoding: chunked\u{0}", "0\r\n\r\n"),
        .refused(.controlCharacter)),
      .init("TE.TE: folded", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"), .refused(.unsupportedTransferCoding)),
      .init(
        "TE.TE: folded behind another field", post("X: y\r\n Transfer-Encoding: chunked", "0\r\n\r\n"),
        .refused(.obsoleteFolding)),
      .init("TE.TE: behind a bare LF", post("X: y\nTransfer-Encoding: chunked", "0\r\n\r\n"), .refused(.bareLineFeed)),
      .init(
        "TE.TE: behind a bare CR", post("X: y\rTransfer-Encoding: chunked", "0\r\n\r\n"),
        .refused(.bareCarriageReturn)),
      .init(
        "TE.TE: a line before the fields", "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n",
        .refused(.obsoleteFolding)),
      .init("TE.TE: an empty name", post(": x\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), .refused(.emptyFieldName)),
      .init(
        "TE.TE: twice", post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow", "0\r\n\r\n"),
        .refused(.repeatedTransferEncoding)),
      .init(
        "a tab as the space before the value is no obfuscation", post("Transfer-Encoding:\tchunked", "0\r\n\r\n"),
        .clean, after: [root]),
    ]

  private static func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body) }

  static let chunks: [SmugglingCase] = [
    .init(
      "TERM.EXT: LF ends an extension", chunked("2;\nxx\r\n4c\r\n0\r\n\r\n\(hidden)0\r\n\r\n"),
      .refused(.bareLineFeed)),
    .init("EXT.TERM: CR ends an extension", chunked("2;\rxx\r\n0\r\n\r\n"), .refused(.bareCarriageReturn)),
    .init(
      "TERM.SPILL: two bytes of anything behind the data", chunked("5\r\nAAAAAXX2\r\n45\r\n0\r\n\r\n\(hidden)"),
      .refused(.malformedChunk)),
    .init("ONE.TWO: LF alone behind the data", chunked("5\r\nAAAAA\n0\r\n\r\n"), .refused(.bareLineFeed)),
    .init("a size that wraps", chunked("100000000000000000\r\n\(hidden)"), .refused(.chunkSizeTooLarge)),
    .init("a size in other bases", chunked("0x0\r\n\r\n\(hidden)"), .refused(.malformedChunk)),
    .init("a size behind a space", chunked(" 0\r\n\r\n\(hidden)"), .refused(.malformedChunk)),
    .init("a size before a space", chunked("0 \r\n\r\n\(hidden)"), .refused(.malformedChunk)),
    .init("a size before a NUL", chunked("0\u{0}\r\n\r\n"), .refused(.malformedChunk)),
    .init("CR CR LF behind a size", chunked("0\r\r\n\r\n"), .refused(.bareCarriageReturn)),
    .init("a request where trailers may be", chunked("0\r\n\(hidden)"), .refused(.spaceBeforeColon)),
    .init("framing in trailers", chunked("0\r\nContent-Length: 44\r\n\r\n\(hidden)"), .refused(.forbiddenTrailer)),
    .init("LF alone behind trailers", chunked("0\r\nX: y\r\n\n\(hidden)"), .refused(.bareLineFeed)),
    .init(
      "a pipeline behind chunks is a pipeline", chunked("3;a=\"\\\"\"\r\nabc\r\n0\r\nX: y\r\n\r\n\(hidden)"), .clean,
      after: [root("abc"), .init(method: "GET", target: "/admin", body: "")]),
    .init("a request inside data is data", chunked("20\r\n\(hidden)\r\n0\r\n\r\n"), .clean, after: [root(hidden)]),
  ]

  static let ends: [SmugglingCase] = [
    .init("HTTP/0.9", "GET /\r\n", .refused(.malformedRequestLine)),
    .init(
      "HTTP/0.9 behind a request", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /admin\r\n",
      .refused(.malformedRequestLine), after: [root("x")]),
    .init("LF LF ends a head", "GET / HTTP/1.1\nHost: a\n\n\(hidden)", .refused(.bareLineFeed)),
    .init("CR LF LF ends a head", "GET / HTTP/1.1\r\nHost: a\r\n\n\(hidden)", .refused(.bareLineFeed)),
    .init("a line end inside a version", "GET / HTTP/1.1\u{0}\r\nHost: a\r\n\r\n", .refused(.controlCharacter)),
    .init(
      "bytes behind a body are the next request", post("Content-Length: 5", "helloPOST / HTTP/1.1\r\nHost: a\r\n\r\n"),
      .clean, after: [root("hello"), root]),
    .init(
      "one empty line between requests", post("Content-Length: 5", "hello\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n"),
      .clean, after: [root("hello"), root]),
    .init(
      "two empty lines between requests", post("Content-Length: 5", "hello\r\n\r\nPOST / HTTP/1.1\r\n"),
      .refused(.malformedRequestLine), after: [root("hello")]),
    .init("a body cut short", post("Content-Length: 5", "hell"), .unfinished),
    .init("chunks cut short", chunked("5\r\nhello\r\n0\r\n"), .unfinished),
  ]

  static let targets: [SmugglingCase] = [
    .init("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .refused(.repeatedHost)),
    .init("a host that a fold hides", "GET / HTTP/1.1\r\n Host: b\r\nHost: a\r\n\r\n", .refused(.obsoleteFolding)),
    .init("a host against the target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.targetAuthorityMismatch)),
    .init("a target that looks like an authority", "GET @b/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
    .init("a host with a path", "GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n", .refused(.malformedHost)),
    .init(
      "a request line in a host", "GET / HTTP/1.1\r\nHost: a GET /admin HTTP/1.1\r\n\r\n", .refused(.malformedHost)),
    .init("a line end in a target", "GET /%0d%0aHost:b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badPercentEncoding)),
    .init("a path out of its prefix", "GET /public/%2e%2e/admin HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.dotSegment)),
    .init(
      "a path out of its prefix, for Java", "GET /public/..;/admin HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.dotSegment)),
    .init(
      "a path out of its prefix, for Windows", "GET /public\\..\\admin HTTP/1.1\r\nHost: a\r\n\r\n",
      .refused(.dotSegment)),
  ]
}

extension String {
  fileprivate var replacingLineEnds: String { String(map { $0 == "\r\n" ? " " : $0 }) }
}

@Suite struct SmugglingTests {
  @Test("a smuggled request is refused or read as everybody reads it", arguments: SmugglingCase.all)
  func whole(_ given: SmugglingCase) {
    #expect(RequestStream(reading: given.bytes) == given.stream)
  }

  @Test("a smuggled request fares alike however it is cut", arguments: SmugglingCase.all)
  func cut(_ given: SmugglingCase) {
    for cut in everyCut(of: given.bytes.count) {
      #expect(RequestStream(reading: given.bytes, cuts: cut) == given.stream, "cut at \(cut.prefix(3))")
    }
  }
}
