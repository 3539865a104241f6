/// Reads a chunked body and forgets it (RFC 9112 section 7.1): sizes in hexadecimal; extensions and trailers are
/// skipped.
struct ChunkReader {
  private enum State {
    /// In the digits of a size; how many there were.
    case size(digits: Int)
    /// In an extension.
    case extensions
    /// Behind the CR of a size's line.
    case sizeEnd
    case data
    /// Behind the data: its CR, then its LF.
    case dataEnd
    case dataEndFeed
    /// At the start of a trailer's line, inside one, behind its CR, and behind the CR of the last, empty one.
    case trailer
    case trailerLine
    case trailerLineEnd
    case lastEnd
  }

  enum Outcome {
    case more, whole
    case malformed(MalformedAnswer)
  }

  private var state = State.size(digits: 0)
  private var left = 0
  private var lineBytes = 0

  /// Reads from `index` on and moves it. At `whole` it is behind the body.
  mutating func read(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> Outcome {
    while index < bytes.count {
      if case .data = state {
        let taken = min(left, bytes.count - index)
        left -= taken
        index += taken
        if left == 0 { state = .dataEnd }
        continue
      }
      let byte = bytes[index]
      index += 1
      lineBytes += 1
      guard lineBytes <= ResponseReader.chunkLineBytesMax else { return .malformed(.chunk) }
      switch step(byte) {
      case .more: continue
      case let outcome: return outcome
      }
    }
    return .more
  }

  private mutating func step(_ byte: UInt8) -> Outcome {
    switch (state, byte) {
    case (.size(let digits), _) where Self.digit(byte) != nil:
      guard digits < 15 else { return .malformed(.chunk) }
      left = left << 4 | (Self.digit(byte) ?? 0)
      state = .size(digits: digits + 1)
    case (.size(let digits), 0x0d) where digits > 0: state = .sizeEnd
    case (.size(let digits), 0x3b) where digits > 0: state = .extensions
    case (.size, _): return .malformed(.chunk)
    case (.extensions, 0x0d): state = .sizeEnd
    case (.extensions, 0x0a): return .malformed(.chunk)
    case (.extensions, _): break
    case (.sizeEnd, 0x0a):
      lineBytes = 0
      state = left == 0 ? .trailer : .data
    case (.dataEnd, 0x0d): state = .dataEndFeed
    case (.dataEndFeed, 0x0a):
      lineBytes = 0
      state = .size(digits: 0)
    case (.trailer, 0x0d): state = .lastEnd
    case (.trailer, _) where RequestTemplate.isToken(byte): state = .trailerLine
    case (.trailerLine, 0x0d): state = .trailerLineEnd
    case (.trailerLine, 0x0a): return .malformed(.trailer)
    case (.trailerLine, _): break
    case (.trailerLineEnd, 0x0a): state = .trailer
    case (.lastEnd, 0x0a): return .whole
    case (.trailer, _), (.trailerLineEnd, _), (.lastEnd, _): return .malformed(.trailer)
    default: return .malformed(.chunk)
    }
    return .more
  }

  private static func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x37
    case 0x61...0x66: Int(byte) - 0x57
    default: nil
    }
  }
}
