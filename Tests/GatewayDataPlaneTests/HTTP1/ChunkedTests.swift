import NIOCore
import Testing

@testable import GatewayDataPlane

/// Chunked bodies that must be refused: each is one on which two readers in a chain are known to disagree.
enum RefusedChunks {
  static let all: [RefusedCase] = [
    .init("no size", "\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a size of letters", "xyz\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a negative size", "-5\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a size with a plus", "+5\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a size with an underscore", "1_0\r\n", .malformedChunk),
    .init("a space before the size", " 5\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a space behind the size", "5 \r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a tab before an extension", "5\t;a\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a NUL behind the size", "5\u{0}\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("a comma behind the size", "5,a\r\nhello\r\n0\r\n\r\n", .malformedChunk),
    .init("data longer than its size", "5\r\nhello!\r\n0\r\n\r\n", .malformedChunk),
    .init("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", .bareLineFeed),
    .init("LF alone behind the size", "5\nhello\r\n0\r\n\r\n", .bareLineFeed),
    .init("LF alone as the size", "\n5\r\nhello\r\n0\r\n\r\n", .bareLineFeed),
    .init("LF alone behind the data", "5\r\nhello\n0\r\n\r\n", .bareLineFeed),
    .init("LF alone behind an extension", "5;a\nhello\r\n0\r\n\r\n", .bareLineFeed),
    .init("LF alone behind the last size", "5\r\nhello\r\n0\n\r\n", .bareLineFeed),
    .init("LF alone as the end", "5\r\nhello\r\n0\r\n\n", .bareLineFeed),
    .init("CR alone behind the size", "5\rhello\r\n0\r\n\r\n", .bareCarriageReturn),
    .init("CR alone behind the data", "5\r\nhello\rx0\r\n\r\n", .bareCarriageReturn),
    .init("CR inside an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", .bareCarriageReturn),
    .init("CR alone as the end", "0\r\n\rx", .bareCarriageReturn),
    .init("NUL in an extension", "5;a\u{0}\r\nhello\r\n0\r\n\r\n", .controlCharacter),
    .init("a size of sixteen digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", .chunkSizeTooLarge),
    .init("a size over 64 bits", "FFFFFFFFFFFFFFFFF\r\n", .chunkSizeTooLarge),
    .init("a size that wraps to five", "10000000000000005\r\nhello\r\n0\r\n\r\n", .chunkSizeTooLarge),
    .init("an extension of 300 bytes", "5;\(String(repeating: "a", count: 300))\r\n", .chunkExtensionTooLong),
    .init(
      "extensions of 300 bytes together", String(repeating: "1;aaaaaaaaa\r\nx\r\n", count: 30), .chunkExtensionTooLong),
    .init("Content-Length as trailer", "0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
    .init("Transfer-Encoding as trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n", .forbiddenTrailer),
    .init("Host as trailer", "0\r\nHost: b\r\n\r\n", .forbiddenTrailer),
    .init("Connection as trailer", "0\r\nConnection: close\r\n\r\n", .forbiddenTrailer),
    .init("Authorization as trailer", "0\r\nAuthorization: b\r\n\r\n", .forbiddenTrailer),
    .init("Cookie as trailer", "0\r\nX: 1\r\nCookie: a\r\nY: 2\r\n\r\n", .forbiddenTrailer),
    .init("Set-Cookie as trailer", "0\r\nset-cookie: a\r\n\r\n", .forbiddenTrailer),
    .init("X-Forwarded-For as trailer", "0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", .forbiddenTrailer),
    .init("X-Real-Ip as trailer", "0\r\nX-Real-Ip: 1.2.3.4\r\n\r\n", .forbiddenTrailer),
    .init("Trailer as trailer", "0\r\nTrailer: X\r\n\r\n", .forbiddenTrailer),
    .init("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", .obsoleteFolding),
    .init("a trailer without colon", "0\r\nX\r\n\r\n", .missingColon),
    .init("a request in place of trailers", "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .spaceBeforeColon),
    .init("a space before a trailer's colon", "0\r\nX : a\r\n\r\n", .spaceBeforeColon),
    .init("LF alone behind a trailer", "0\r\nX: a\n\r\n", .bareLineFeed),
    .init("NUL in a trailer", "0\r\nX: \u{0}\r\n\r\n", .controlCharacter),
    .init("trailers of 9 KiB", "0\r\nX: \(String(repeating: "x", count: 9 * 1024))\r\n\r\n", .trailersTooLarge),
    .init("trailers without end", "0\r\n\(String(repeating: "x", count: 9 * 1024))", .trailersTooLarge),
    .init(
      "trailers one byte too long", "0\r\nX: 123456\r\n\r\n", .trailersTooLarge, limits: WireLimits(trailerBytesMax: 12)
    ),
    .init("three trailers of two", "0\r\nA:\r\nB:\r\nC:\r\n\r\n", .trailersTooLarge, limits: WireLimits(fieldsMax: 2)),
  ]
}

enum AcceptedChunks {
  static let all: [AcceptedCase<ReadChunks>] = [
    .init("nothing", "0\r\n\r\n", .init(ending: .complete, bytes: 5)),
    .init("one chunk", "5\r\nhello\r\n0\r\n\r\nGET", .init(body: wire("hello"), ending: .complete, bytes: 15)),
    .init(
      "several chunks", "5\r\nhello\r\n1\r\n,\r\n06\r\n world\r\n0\r\n\r\n",
      .init(body: wire("hello, world"), ending: .complete, bytes: 33)),
    .init(
      "sizes in either case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
      .init(body: wire("01234567890123456789"), ending: .complete, bytes: 35)),
    .init(
      "leading zeros", "000000000000005\r\nhello\r\n000\r\n\r\n",
      .init(body: wire("hello"), ending: .complete, bytes: 31)),
    .init(
      "line ends inside data", "9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
      .init(body: wire("\r\n0\r\n\r\n\r\n"), ending: .complete, bytes: 19)),
    .init(
      "extensions", "5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n",
      .init(body: wire("hello"), ending: .complete, bytes: 32)),
    .init(
      "a trailer", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET",
      .init(body: wire("hello"), trailers: ["X-Sum: 1"], ending: .complete, bytes: 25)),
    .init(
      "trailers", "0\r\nA:  b \r\nEtag: \"c\"\r\nGrpc-Status:0\r\n\r\n",
      .init(trailers: ["A: b", "Etag: \"c\"", "Grpc-Status: 0"], ending: .complete, bytes: 39)),
    .init(
      "trailers of exactly the limit", "0\r\nX: 12345\r\n\r\n",
      .init(trailers: ["X: 12345"], ending: .complete, bytes: 15), limits: WireLimits(trailerBytesMax: 12)),
    .init("a size that has not come", "FFFFFFFFFFFFFFF\r\nabc", .init(body: wire("abc"), ending: .incomplete)),
    .init("an end that has not come", "3\r\nabc\r\n0\r\n\r", .init(body: wire("abc"), ending: .incomplete)),
    .init("trailers that have not come", "3\r\nabc\r\n0\r\nX: a\r\n", .init(body: wire("abc"), ending: .incomplete)),
  ]
}

@Suite struct ChunkedTests {
  @Test("a chunked body that breaks a rule is refused with that rule's code", arguments: RefusedChunks.all)
  func refused(_ given: RefusedCase) {
    #expect(readChunks(given.bytes, limits: given.limits).ending == .refused(given.refusal))
  }

  @Test("a chunked body that keeps the rules gives its data and trailers", arguments: AcceptedChunks.all)
  func accepted(_ given: AcceptedCase<ReadChunks>) {
    #expect(readChunks(given.bytes, limits: given.limits) == given.read)
  }

  @Test("trailers replace what the head for them still held")
  func staleTrailers() {
    let trailers = RequestHead()
    trailers.add(name: wire("X-Old"), value: wire("secret"))
    var decoder = ChunkedDecoder(limits: WireLimits())
    var position = 0
    let step = wire("0\r\nX-New: 1\r\n\r\n").withUnsafeBytes {
      decoder.next($0, position: &position, trailers: trailers)
    }
    #expect(step == .end)
    #expect(trailers.fieldLines == ["X-New: 1"])

    var second = ChunkedDecoder(limits: WireLimits())
    position = 0
    let none = wire("0\r\n\r\n").withUnsafeBytes { second.next($0, position: &position, trailers: trailers) }
    #expect(none == .end)
    #expect(trailers.fieldLines == [])
  }

  @Test("trailers that never end leave nothing behind that points into other bytes")
  func unfinishedTrailers() {
    let trailers = RequestHead()
    var decoder = ChunkedDecoder(limits: WireLimits())
    var position = 0
    let bytes = wire("0\r\nX: \(String(repeating: "x", count: 4000))\r\nY: y")
    let step = bytes.withUnsafeBytes { decoder.next($0, position: &position, trailers: trailers) }
    #expect(step == .incomplete)
    for index in 0..<trailers.fieldCount {
      #expect(trailers.fieldBase[index].value.end <= trailers.byteCount)
    }
  }

  @Test(
    "what is written as chunks is read as the same bytes", arguments: [1, 9, 10, 15, 16, 17, 255, 256, 4095, 65_536])
  func roundTrip(_ count: Int) {
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let trailers = RequestHead()
    trailers.add(name: wire("X-Sum"), value: wire("1"))
    var buffer = ByteBuffer()
    buffer.writeChunkHeader(count)
    buffer.writeBytes(body)
    buffer.writeStaticString("\r\n")
    buffer.writeLastChunk(trailers)
    let read = readChunks(Array(buffer.readableBytesView))
    #expect(read.body == body)
    #expect(read.trailers == ["X-Sum: 1"])
    #expect(read.ending == .complete)
    #expect(read.bytes == buffer.readableBytes)
  }
}

@Suite struct RequestBodyDecoderTests {
  private func next(_ decoder: inout RequestBodyDecoder, _ text: String) -> RequestBodyDecoder.Step {
    var position = 0
    return wire(text).withUnsafeBytes { decoder.next($0, position: &position, trailers: RequestHead()) }
  }

  @Test("a declared length over the limit is refused before a byte is read")
  func declaredLength() {
    let limits = WireLimits(bodyBytesMax: 4)
    let decoder = RequestBodyDecoder(.length(5), limits: limits)
    #expect(decoder.refusal(for: .length(5)) == .bodyTooLarge)
    #expect(RequestBodyDecoder(.length(4), limits: limits).refusal(for: .length(4)) == nil)
    #expect(RequestBodyDecoder(.chunked, limits: limits).refusal(for: .chunked) == nil)
  }

  @Test("chunks are refused when together they pass the limit")
  func chunksOverLimit() {
    var decoder = RequestBodyDecoder(.chunked, limits: WireLimits(bodyBytesMax: 4))
    guard case .data = next(&decoder, "4\r\nabcd") else {
      Issue.record("four bytes of four were not data")
      return
    }
    guard case .refused(.bodyTooLarge) = next(&decoder, "\r\n1\r\ne") else {
      Issue.record("the fifth byte of four was not refused")
      return
    }
    #expect(!decoder.isComplete)
  }

  @Test("a refused body is never complete, so that the connection lingers and the answer arrives")
  func refusedIsNotComplete() {
    var decoder = RequestBodyDecoder(.chunked, limits: WireLimits())
    guard case .refused(.malformedChunk) = next(&decoder, "x") else {
      Issue.record("a malformed chunk was not refused")
      return
    }
    #expect(!decoder.isComplete)
  }

  @Test("a length is complete with its last byte and takes no byte more")
  func lengthEnds() {
    var decoder = RequestBodyDecoder(.length(3), limits: WireLimits())
    guard case .data(at: 0, count: 2) = next(&decoder, "ab") else {
      Issue.record("the first two bytes were not data")
      return
    }
    #expect(!decoder.isComplete)
    guard case .data(at: 0, count: 1) = next(&decoder, "cGET") else {
      Issue.record("the last byte was not data, or not alone")
      return
    }
    #expect(decoder.isComplete)
  }
}
