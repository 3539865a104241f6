@testable import GatewayDataPlane

/// What a client's whole byte stream is read as: requests with their bodies, and how it ended.
///
/// Smuggling is a disagreement about where requests end, so it is tested on whole streams: a parser and a body decoder
/// one after the other, as a connection runs them.
struct RequestStream: Equatable, Sendable {
  struct Message: Equatable, Sendable {
    var method: String
    var target: String
    var body: String
  }

  enum Ending: Equatable, Sendable {
    case clean
    case unfinished
    case refused(Refusal)
  }

  var messages: [Message] = []
  var ending = Ending.clean

  /// Reads `bytes` in pieces that end at `cuts`, keeping what a connection would keep.
  init(reading bytes: [UInt8], cuts: [Int] = [], limits: WireLimits = WireLimits()) {
    var reader = Reader(limits: limits)
    var start = 0
    for end in cuts + [bytes.count] {
      reader.take(Array(bytes[start..<end]))
      start = end
    }
    messages = reader.messages
    ending = reader.ending
  }

  init(_ messages: [Message], _ ending: Ending = .clean) {
    self.messages = messages
    self.ending = ending
  }

  private struct Reader {
    let limits: WireLimits
    var held: [UInt8] = []
    var head = RequestHead()
    var parser: RequestParser
    var body: RequestBodyDecoder?
    var collected: [UInt8] = []
    var messages: [Message] = []
    var refusal: Refusal?

    init(limits: WireLimits) {
      self.limits = limits
      parser = RequestParser(limits: limits)
    }

    var ending: Ending {
      if let refusal { return .refused(refusal) }
      return body == nil && held.isEmpty ? .clean : .unfinished
    }

    mutating func take(_ piece: [UInt8]) {
      held += piece
      while refusal == nil && !held.isEmpty {
        let went = body == nil ? readHead() : readBody()
        if !went { return }
      }
    }

    /// Returns false when more bytes are needed.
    mutating func readHead() -> Bool {
      switch held.withUnsafeBytes({ parser.parse($0, into: head) }) {
      case .incomplete: return false
      case .refused(let found):
        refusal = found
        return false
      case .complete(let count):
        held.removeFirst(count)
        let decoder = RequestBodyDecoder(head.framing, limits: limits)
        if let found = decoder.refusal(for: head.framing) {
          refusal = found
          return false
        }
        body = decoder
        if decoder.isComplete { end() }
        return true
      }
    }

    mutating func readBody() -> Bool {
      guard var decoder = body else { return false }
      var position = 0
      let trailers = RequestHead()
      let step = held.withUnsafeBytes { decoder.next($0, position: &position, trailers: trailers) }
      body = decoder
      switch step {
      case .incomplete:
        held.removeFirst(position)
        return false
      case .refused(let found):
        refusal = found
        return false
      case .data(let at, let count):
        collected += held[at..<(at + count)]
        held.removeFirst(position)
        if decoder.isComplete { end() }
      case .end:
        held.removeFirst(position)
        end()
      }
      return true
    }

    mutating func end() {
      let target = head.string(head.path) + (head.hasQuery ? "?" + head.string(head.query) : "")
      messages.append(
        Message(
          method: head.string(head.methodRange), target: target, body: String(decoding: collected, as: UTF8.self)))
      collected = []
      body = nil
      head = RequestHead()
      parser.reset()
    }
  }
}
