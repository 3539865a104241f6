/// Takes a chunked body apart, strictly (RFC 9112 section 7.1).
///
/// Chunk sizes, extensions and line ends are where parsers disagree most, so nothing is tolerated: CR LF only, at
/// most fifteen hexadecimal digits, no white space but inside an extension, extensions counted over the whole body,
/// trailers held to the field grammar and to the names that may come after a body. The decoder consumes bytes from
/// a window and says which part of it is data, so data is never copied; bytes of an unfinished trailer section are
/// the only ones the caller has to keep.
public struct ChunkedDecoder {
  /// What the next bytes are.
  public enum Step: Equatable {
    /// Everything was consumed; more bytes are needed.
    case incomplete
    /// This many bytes are data, beginning at the position given.
    case data(at: Int, count: Int)
    /// The body ended here; trailers, if any, are in the `trailers` given to `next`.
    case end
    case refused(Refusal)
  }

  private enum State: Equatable {
    /// Before the first digit of a size.
    case size(digits: Int)
    case `extension`
    /// CR of the size line was seen.
    case sizeLineFeed
    case data
    case dataCarriageReturn
    case dataLineFeed
    /// The last chunk was seen; `trailerBytes` has what came of the section. Can move to `done`.
    case trailers
    case done
  }

  public let limits: WireLimits
  private var state = State.size(digits: 0)
  private var remaining: UInt64 = 0
  private var extensionBytes = 0
  private var trailerBytes: [UInt8] = []

  public init(limits: WireLimits) {
    self.limits = limits
  }

  /// Goes on at `position` in `window` and moves it past what was consumed.
  public mutating func next(
    _ window: UnsafeRawBufferPointer, position: inout Int, trailers: MessageHead
  ) -> Step {
    while position < window.count {
      switch state {
      case .data:
        let available = UInt64(window.count - position)
        let count = Int(min(available, remaining))
        let start = position
        position += count
        remaining -= UInt64(count)
        if remaining == 0 { state = .dataCarriageReturn }
        return .data(at: start, count: count)
      case .trailers:
        return readTrailers(window, &position, trailers)
      case .done:
        return .end
      default:
        let byte = window[position]
        position += 1
        if let refusal = readFraming(byte) { return .refused(refusal) }
      }
    }
    return state == .done ? .end : .incomplete
  }

  private mutating func readFraming(_ byte: UInt8) -> Refusal? {
    switch state {
    case .size(let digits):
      let digit = hexadecimal(byte)
      if digit != 0xFF {
        guard digits < 15 else { return .chunkSizeTooLarge }
        remaining = remaining << 4 | UInt64(digit)
        state = .size(digits: digits + 1)
        return nil
      }
      guard digits > 0 else { return byte == 0x0A ? .bareLineFeed : .malformedChunk }
      if byte == 0x0D {
        state = .sizeLineFeed
        return nil
      }
      guard byte == 0x3B else { return byte == 0x0A ? .bareLineFeed : .malformedChunk }
      state = .extension
      return countExtension()
    case .extension:
      if byte == 0x0D {
        state = .sizeLineFeed
        return nil
      }
      if byte == 0x0A { return .bareLineFeed }
      guard byte == 0x09 || (byte >= 0x20 && byte != 0x7F) else { return .controlCharacter }
      return countExtension()
    case .sizeLineFeed:
      guard byte == 0x0A else { return .bareCarriageReturn }
      state = remaining == 0 ? .trailers : .data
      return nil
    case .dataCarriageReturn:
      guard byte == 0x0D else { return byte == 0x0A ? .bareLineFeed : .malformedChunk }
      state = .dataLineFeed
      return nil
    case .dataLineFeed:
      guard byte == 0x0A else { return .bareCarriageReturn }
      state = .size(digits: 0)
      return nil
    case .data, .trailers, .done:
      return nil
    }
  }

  private mutating func countExtension() -> Refusal? {
    extensionBytes += 1
    return extensionBytes > limits.chunkExtensionBytesMax ? .chunkExtensionTooLong : nil
  }

  private mutating func readTrailers(
    _ window: UnsafeRawBufferPointer, _ position: inout Int, _ trailers: MessageHead
  ) -> Step {
    // What an earlier message left here, or an earlier read of this section, points into bytes that are not there.
    if trailers.byteCount > 0 || trailers.fieldCount > 0 { trailers.reset() }
    // Nearly always there are none, and the section is one empty line that came with the last chunk.
    let isAtEmptyLine = position + 2 <= window.count && window[position] == 0x0D && window[position + 1] == 0x0A
    if trailerBytes.isEmpty && isAtEmptyLine {
      position += 2
      state = .done
      return .end
    }
    let before = trailerBytes.count
    let taken = min(window.count - position, limits.trailerBytesMax + 2 - before)
    trailerBytes.append(contentsOf: window[position..<(position + taken)])
    // Parsed from its beginning each time: the bound is kilobytes, and no range is kept between two reads.
    var section = FieldSectionParser(position: 0)
    let progress = trailerBytes.withUnsafeBytes {
      section.parse($0, into: trailers, bytesMax: limits.trailerBytesMax, fieldsMax: limits.fieldsMax)
    }
    switch progress {
    case .incomplete:
      position += taken
      trailers.reset()
      return trailerBytes.count >= limits.trailerBytesMax + 2 ? .refused(.trailersTooLarge) : .incomplete
    case .refused(let refusal):
      trailers.reset()
      return .refused(refusal == .headTooLarge || refusal == .tooManyFields ? .trailersTooLarge : refusal)
    case .complete(let end):
      position += end - before
      trailerBytes.withUnsafeBytes { _ = trailers.append(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
      state = .done
      for index in 0..<trailers.fieldCount where trailers.fieldBase[index].id.isForbiddenInTrailers {
        return .refused(.forbiddenTrailer)
      }
      return .end
    }
  }
}
