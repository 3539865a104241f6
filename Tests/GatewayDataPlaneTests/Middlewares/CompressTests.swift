import CZlib
import GatewayModel
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayDataPlane

/// What zlib makes of a gzip stream; nil when it is none, or not whole.
private func gunzip(_ bytes: [UInt8]) -> [UInt8]? {
  var stream = z_stream()
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
  defer { inflateEnd(&stream) }
  var input = bytes
  var output: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  return input.withUnsafeMutableBufferPointer { source in
    stream.next_in = source.baseAddress
    stream.avail_in = UInt32(source.count)
    while true {
      let status = chunk.withUnsafeMutableBufferPointer { room in
        stream.next_out = room.baseAddress
        stream.avail_out = UInt32(room.count)
        return inflate(&stream, Z_NO_FLUSH)
      }
      output += chunk[..<(chunk.count - Int(stream.avail_out))]
      if status == Z_STREAM_END { return stream.avail_in == 0 ? output : nil }
      if status != Z_OK { return nil }
    }
  }
}

@Suite("compress")
struct CompressTests {
  private static let text = [UInt8](repeating: 0x61, count: 5000)

  private func link(_ change: (inout Compress) -> Void = { _ in }) throws -> CompressLink {
    var configuration = Compress()
    change(&configuration)
    return try CompressLink(configuration)
  }

  /// Sends a response through the middleware as a server's connection would.
  private func send(
    _ middleware: CompressLink, _ pieces: [[UInt8]], request: String = "GET / HTTP/1.1",
    asks: [String] = ["Accept-Encoding: gzip"], status: UInt16 = 200, fields: [(String, String)] = [],
    framing: BodyFraming? = nil, afterPiece: (MiddlewareFixture, EmbeddedEventLoop) -> Void = { _, _ in }
  ) throws -> RecordingClient {
    let loop = EmbeddedEventLoop()
    let fixture = try MiddlewareFixture(request, asks, loop: loop)
    fixture.respond(status, fields)
    let count = pieces.reduce(0) { $0 + $1.count }
    fixture.exchange.response.framing = framing ?? (count > 0 ? .length(UInt64(count)) : .none)
    middleware.response(fixture.exchange)
    fixture.exchange.serverResponded()
    for piece in pieces {
      fixture.exchange.serverBody(ByteBuffer(bytes: piece))
      afterPiece(fixture, loop)
    }
    fixture.exchange.serverEnd(trailers: nil)
    return fixture.client
  }

  @Test("a body is compressed for a client that takes gzip, and the head says so")
  func compresses() throws {
    let client = try send(try link(), [Self.text], fields: [("ETag", "\"a\""), ("Accept-Ranges", "bytes")])
    #expect(gunzip(client.body) == Self.text)
    #expect(client.body.count < 500)
    #expect(client.framing == .chunked)
    #expect(client.fields["content-encoding"] == "gzip")
    #expect(client.fields["vary"] == "Accept-Encoding")
    #expect(client.fields["etag"] == "W/\"a\"")
    #expect(client.fields["accept-ranges"] == nil)
    #expect(client.isEnded)
  }

  @Test(
    "Accept-Encoding decides",
    arguments: [
      ("gzip", true), ("GZIP", true), ("gzip;q=0", false), ("gzip; q=0.001", true), ("br, gzip", true), ("br", false),
      ("*", true), ("*;q=0", false), ("gzip;q=0, *", false), ("identity", false), ("", false), ("gzip;q=x", false),
      ("identity;q=0.5, gzip;q=0.4", false), ("identity;q=0.5, gzip;q=0.5", true), ("gzip;q=1.000", true),
      ("gzip;q=1.0001", false), ("gzip;level=9", true), ("xgzip", false), ("deflate, gzip;q=1.0, *;q=0.5", true),
    ])
  func acceptEncoding(_ value: String, _ compresses: Bool) throws {
    let client = try send(try link(), [Self.text], asks: ["Accept-Encoding: \(value)"])
    #expect((client.fields["content-encoding"] == "gzip") == compresses)
    #expect(client.fields["vary"] == "Accept-Encoding")
    #expect(compresses || client.body == Self.text)
  }

  @Test("a client that says nothing gets gzip only as defaultEncoding")
  func silent() throws {
    let plain = try send(link(), [Self.text], asks: [])
    #expect(plain.fields["content-encoding"] == nil)
    let middleware = try link { $0.defaultEncoding = .gzip }
    #expect(try send(middleware, [Self.text], asks: []).fields["content-encoding"] == "gzip")
  }

  @Test(
    "what must not be compressed is passed on as it is",
    arguments: [
      ("GET", 200, [("Content-Encoding", "br")]), ("GET", 206, [("Content-Range", "bytes 0-1/2")]),
      ("GET", 200, [("Cache-Control", "public, No-Transform")]), ("GET", 200, [("Content-Type", "application/grpc")]),
      ("GET", 200, [("Content-Type", "Image/PNG; a=b")]),
    ] as [(String, UInt16, [(String, String)])])
  func exceptions(_ method: String, _ status: UInt16, _ fields: [(String, String)]) throws {
    let middleware = try link { $0.excludedContentTypes = ["image/png"] }
    let client = try send(middleware, [Self.text], request: "\(method) / HTTP/1.1", status: status, fields: fields)
    #expect(client.body == Self.text)
    #expect(client.framing == .length(5000))
    #expect(client.fields["vary"] == nil)
  }

  @Test("HEAD, 204 and 304 stay as they are")
  func bodiless() throws {
    let cases: [(String, UInt16)] = [("HEAD / HTTP/1.1", 200), ("GET / HTTP/1.1", 204), ("GET / HTTP/1.1", 304)]
    for (request, status) in cases {
      let client = try send(try link(), [], request: request, status: status, fields: [("Content-Type", "text/html")])
      #expect(client.fields["content-encoding"] == nil)
      #expect(client.body.isEmpty)
    }
  }

  @Test("includedContentTypes lets nothing else in")
  func included() throws {
    let middleware = try link { $0.includedContentTypes = ["text/html", "application/json"] }
    let types = [("text/html; charset=utf-8", true), ("text/plain", false), ("APPLICATION/JSON", true)]
    for (type, compresses) in types {
      let client = try send(middleware, [Self.text], fields: [("Content-Type", type)])
      #expect((client.fields["content-encoding"] == "gzip") == compresses)
    }
    #expect(try send(middleware, [Self.text]).fields["content-encoding"] == nil)
  }

  @Test("small bodies stay plain, whether or not their length was said")
  func small() throws {
    let body = [UInt8](repeating: 0x62, count: 1023)
    let known = try send(try link(), [body])
    #expect(known.body == body)
    let unknown = try send(try link(), [Array(body[..<500]), Array(body[500...])], framing: .chunked)
    #expect(unknown.body == body)
    #expect(unknown.framing == .length(1023))
    #expect(unknown.fields["content-encoding"] == nil)
    let empty = try send(try link(), [], framing: .chunked)
    #expect(empty.body.isEmpty)
    #expect(empty.isEnded)
  }

  @Test("a stream is not held back: each piece can be read by the client when its turn of the loop ends")
  func stream() throws {
    var seen: [Int] = []
    let pieces = (0..<4).map { Array("data: \($0)\n\n".utf8) }
    let client = try send(
      try link(), pieces, fields: [("Content-Type", "text/event-stream")], framing: .chunked
    ) { fixture, loop in
      loop.run()
      // Finished by hand, what there is so far must be readable.
      seen.append(fixture.client.body.count)
    }
    #expect(seen[0] > 10)
    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 })
    #expect(gunzip(client.body) == pieces.flatMap { $0 })
    #expect(client.fields["content-encoding"] == "gzip")
  }

  @Test("an exchange that ends early leaves nothing behind")
  func endsEarly() throws {
    let loop = EmbeddedEventLoop()
    let middleware = try link()
    let fixture = try MiddlewareFixture("GET / HTTP/1.1", ["Accept-Encoding: gzip"], loop: loop)
    fixture.respond()
    fixture.exchange.response.framing = .chunked
    middleware.response(fixture.exchange)
    fixture.exchange.serverResponded()
    fixture.exchange.serverBody(ByteBuffer(bytes: [1, 2, 3]))
    fixture.exchange.clientGone()
    loop.run()
    #expect(fixture.client.body.isEmpty)
  }

  @Test("whatever the pieces, what comes out unpacks to what went in", arguments: 0..<60)
  func roundTrip(_ seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let pieces = (0..<Int.random(in: 1...12, using: &random)).map { _ -> [UInt8] in
      let count = Int.random(in: 0...(seed % 3 == 0 ? 200 : 90_000), using: &random)
      let isNoise = Bool.random(using: &random)
      return (0..<count).map {
        isNoise ? UInt8.random(in: 0...255, using: &random) : UInt8(truncatingIfNeeded: $0 / 7 & 15)
      }
    }
    let runs = (0..<pieces.count).map { _ in Bool.random(using: &random) }
    var index = 0
    let client = try send(try link(), pieces, framing: .chunked) { _, loop in
      if runs[index] { loop.run() }
      index += 1
    }
    let whole = pieces.flatMap { $0 }
    let body = client.fields["content-encoding"] == "gzip" ? gunzip(client.body) : client.body
    #expect(body == whole, "seed \(seed)")
  }

  @Test("types on both lists are a mistake")
  func mistakes() {
    #expect(throws: MiddlewareMistake.self) {
      try link {
        $0.includedContentTypes = ["a/b"]
        $0.excludedContentTypes = ["c/d"]
      }
    }
  }
}
