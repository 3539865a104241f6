@testable import GatewayDataPlane

/// How the tests read bytes with the wire's machines: whole, or in pieces as a socket might deliver them.
///
/// A reader gives a value that can be compared, so that one table of cases serves every way of cutting: what a
/// machine says must not depend on where the kernel happened to split the stream.
enum RequestVerdict: Equatable {
  case incomplete
  case refused(Refusal)
  case accepted(ReadRequest)
}

/// A request head as text, with the number of bytes it took.
struct ReadRequest: Equatable, Sendable {
  var method = ""
  var path = ""
  var routingPath = ""
  var query: String?
  var authority = ""
  var host = ""
  var minorVersion: UInt8 = 1
  var framing = BodyFraming.none
  var fields: [String] = []
  var expectsContinue = false
  var upgrades = false
  var closes = false
  var bytes = 0
}

enum ResponseVerdict: Equatable {
  case incomplete
  case refused(Refusal)
  case accepted(ReadResponse)
}

struct ReadResponse: Equatable, Sendable {
  var status: UInt16 = 0
  var reason = ""
  var minorVersion: UInt8 = 1
  var framing = BodyFraming.none
  var fields: [String] = []
  var upgrades = false
  var closes = false
  var bytes = 0
}

/// What became of a chunked body.
struct ReadChunks: Equatable, Sendable {
  enum Ending: Equatable, Sendable {
    case incomplete
    case complete
    case refused(Refusal)
  }

  var body: [UInt8] = []
  var trailers: [String] = []
  var ending = Ending.incomplete
  var bytes = 0
}

func wire(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Calls `body` with the first `count` bytes in memory of their own: a read past them is one past an allocation.
func withPrefix<Result>(_ bytes: [UInt8], _ count: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
  Array(bytes.prefix(count)).withUnsafeBytes(body)
}

extension MessageHead {
  /// `name: value` of each field that is not removed, in order.
  var fieldLines: [String] {
    (0..<fieldCount).compactMap { index in
      let field = fieldBase[index]
      return field.isRemoved ? nil : "\(string(field.name)): \(string(field.value))"
    }
  }
}

/// Reads a request head. `cuts` are the numbers of bytes there after each read but the last, which brings the rest.
func readRequest(_ bytes: [UInt8], limits: WireLimits = WireLimits(), cuts: [Int] = []) -> RequestVerdict {
  let head = RequestHead()
  var parser = RequestParser(limits: limits)
  for count in cuts + [bytes.count] {
    switch withPrefix(bytes, count, { parser.parse($0, into: head) }) {
    case .incomplete: continue
    case .refused(let refusal): return .refused(refusal)
    case .complete(let taken): return .accepted(ReadRequest(head, bytes: taken))
    }
  }
  return .incomplete
}

extension ReadRequest {
  init(_ head: RequestHead, bytes: Int) {
    self.init(
      method: head.string(head.methodRange), path: head.string(head.path),
      routingPath: head.string(head.routingPath), query: head.hasQuery ? head.string(head.query) : nil,
      authority: head.string(head.authority), host: head.string(head.host), minorVersion: head.minorVersion,
      framing: head.framing, fields: head.fieldLines, expectsContinue: head.expectsContinue,
      upgrades: head.connection.upgrade, closes: head.connection.close, bytes: bytes)
  }
}

func readResponse(
  _ bytes: [UInt8], to method: GatewayDataPlane.Method = .get, limits: WireLimits = WireLimits(), cuts: [Int] = []
) -> ResponseVerdict {
  let head = ResponseHead()
  var parser = ResponseParser(limits: limits)
  for count in cuts + [bytes.count] {
    switch withPrefix(bytes, count, { parser.parse($0, into: head, requestMethod: method) }) {
    case .incomplete: continue
    case .refused(let refusal): return .refused(refusal)
    case .complete(let taken):
      return .accepted(
        ReadResponse(
          status: head.status, reason: head.string(head.reason), minorVersion: head.minorVersion,
          framing: head.framing, fields: head.fieldLines, upgrades: head.connection.upgrade,
          closes: head.connection.close, bytes: taken))
    }
  }
  return .incomplete
}

/// Decodes a chunked body that comes in pieces which end at `cuts`. Each piece is a window of its own, and so is the
/// head for the trailers, because nothing but the decoder may carry state from one read to the next.
func readChunks(_ bytes: [UInt8], limits: WireLimits = WireLimits(), cuts: [Int] = []) -> ReadChunks {
  var decoder = ChunkedDecoder(limits: limits)
  var read = ReadChunks()
  var start = 0
  for end in cuts + [bytes.count] {
    let window = Array(bytes[start..<end])
    let trailers = RequestHead()
    var position = 0
    loop: while true {
      let before = position
      let step = window.withUnsafeBytes { decoder.next($0, position: &position, trailers: trailers) }
      precondition(position >= before && position <= window.count, "the decoder moved out of its window")
      switch step {
      case .incomplete:
        precondition(position == window.count, "the decoder wants more and has not used what there is")
        break loop
      case .data(let at, let count):
        precondition(count > 0 && at >= before && at + count == position, "data outside of what was consumed")
        read.body += window[at..<(at + count)]
      case .end:
        read.trailers = trailers.fieldLines
        read.ending = .complete
        read.bytes = start + position
        return read
      case .refused(let refusal):
        read.ending = .refused(refusal)
        return read
      }
    }
    start = end
  }
  return read
}

/// Every way of cutting `count` bytes that the drip feed tries: one byte at a time, and in two at each place.
func everyCut(of count: Int) -> [[Int]] {
  guard count > 1 else { return [] }
  return [Array(1..<count)] + (1..<count).map { [$0] }
}
