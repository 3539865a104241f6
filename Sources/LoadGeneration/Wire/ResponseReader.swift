// A strict reader of HTTP/1.1 answers that keeps nothing: status, framing, and which watched fields were there.
//
// The generator must cost less than what it measures, so an answer that arrives whole is read in place, in one pass
// over its head and one subtraction for its body. Only a head that is cut in two is kept, up to `headBytesMax`.
// What breaks framing is an error of the server and ends the connection: a generator that forgives would count
// answers that a strict client never gets (RFC 9112 sections 2.2, 6 and 7.1).

/// What a piece of an answer led to.
enum ReadProgress: Equatable {
  /// The answer is not whole yet.
  case more
  /// The answer is whole, and nothing is left of the bytes. The connection can be used again, or not.
  case whole(reusable: Bool)
  /// The bytes are no HTTP; the connection is of no use.
  case malformed(MalformedAnswer)
}

/// Why bytes are no answer.
enum MalformedAnswer: Equatable {
  case headTooLarge, statusLine, fieldLine, contentLength, transferEncoding, framingTwice, chunk, trailer, excess,
    upgrade
}

/// Reads one answer at a time. A value of its own for each connection, which allocates only for a head that is cut.
struct ResponseReader {
  static let headBytesMax = 64 * 1024
  /// Digits of a chunk's size and the whole line with its extension.
  static let chunkLineBytesMax = 4096

  private enum State {
    /// The head is not whole; what there is of it is in `kept`.
    case head
    /// So many bytes of the body are left.
    case body(left: Int)
    /// The body goes on until the connection ends.
    case untilClose
    case chunked(ChunkReader)
  }

  private var state = State.head
  private var kept: [UInt8] = []
  private var scanned = 0
  private var reusable = true
  /// The status of the answer that is being read, or was; zero before there is one.
  private(set) var status = 0
  /// A bit for each watched field that this answer carries.
  private(set) var watches: UInt64 = 0

  /// Gets ready for the next answer.
  mutating func reset() {
    state = .head
    kept.removeAll(keepingCapacity: false)
    scanned = 0
    reusable = true
    status = 0
    watches = 0
  }

  /// Reads the next bytes. `bodyless` says that the request was HEAD: its answer has no body whatever its fields say.
  mutating func read(_ bytes: UnsafeRawBufferPointer, bodyless: Bool, watching: [HeaderWatch]) -> ReadProgress {
    if case .head = state, !kept.isEmpty {
      kept.append(contentsOf: bytes)
      let whole = kept
      kept = []
      return whole.withUnsafeBytes { advance($0, 0, bodyless, watching) }
    }
    return advance(bytes, 0, bodyless, watching)
  }

  /// Whether the end of the connection is what ends this answer.
  func end() -> Bool {
    if case .untilClose = state { return true }
    return false
  }

  private mutating func advance(
    _ bytes: UnsafeRawBufferPointer, _ start: Int, _ bodyless: Bool, _ watching: [HeaderWatch]
  ) -> ReadProgress {
    var index = start
    while true {
      switch state {
      case .head:
        guard let end = HeadBytes.end(bytes, from: max(index, index + scanned - 3)) else {
          return keep(bytes, from: index)
        }
        guard end - index <= Self.headBytesMax else { return .malformed(.headTooLarge) }
        scanned = 0
        if let mistake = head(UnsafeRawBufferPointer(rebasing: bytes[index..<end]), bodyless, watching) {
          return .malformed(mistake)
        }
        index = end
      case .body(let left):
        let taken = min(left, bytes.count - index)
        index += taken
        if taken < left {
          state = .body(left: left - taken)
          return .more
        }
        return index == bytes.count ? .whole(reusable: reusable) : .malformed(.excess)
      case .untilClose:
        return .more
      case .chunked(var chunks):
        let outcome = chunks.read(bytes, &index)
        state = .chunked(chunks)
        switch outcome {
        case .more: return .more
        case .malformed(let mistake): return .malformed(mistake)
        case .whole: return index == bytes.count ? .whole(reusable: reusable) : .malformed(.excess)
        }
      }
    }
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer, from index: Int) -> ReadProgress {
    let left = bytes.count - index
    guard left <= Self.headBytesMax else { return .malformed(.headTooLarge) }
    kept = Array(bytes[index...])
    scanned = left
    return .more
  }

  /// Reads a whole head and sets what comes after it.
  private mutating func head(
    _ bytes: UnsafeRawBufferPointer, _ bodyless: Bool, _ watching: [HeaderWatch]
  ) -> MalformedAnswer? {
    var head = ResponseHead()
    if let mistake = head.read(bytes, watching: watching) { return mistake }
    status = head.status
    guard status >= 200 else {
      // 101 answers an Upgrade that nobody sent; the other 1xx are followed by the answer itself.
      status = 0
      return head.status == 101 ? .upgrade : nil
    }
    watches = head.watches
    reusable = head.keepsConnection
    if bodyless || status == 204 || status == 304 {
      state = .body(left: 0)
    } else if head.isChunked {
      state = .chunked(ChunkReader())
    } else if let length = head.contentLength {
      state = .body(left: length)
    } else {
      reusable = false
      state = .untilClose
    }
    return nil
  }
}
