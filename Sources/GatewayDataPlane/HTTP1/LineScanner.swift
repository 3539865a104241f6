/// Finds where a line ends and refuses what may not be in one, in the same pass.
///
/// A head may hold no control character but HTAB (RFC 9110 section 5.5), and a line ends with CR LF and
/// nothing else (RFC 9112 section 2.2 lets a recipient accept a bare LF; accepting it is how two parsers come
/// to disagree, so it is refused). So the first control character found is either the end of the line or the
/// reason to refuse. Eight bytes are looked at in one step.
enum LineEnd {
  /// Index of the CR; the line's content ends before it and the next line begins two bytes on.
  case at(Int)
  /// The end is not in these bytes yet.
  case notYet
  /// The line has more bytes than it may have.
  case tooLong
  case refused(Refusal)
}

enum LineScanner {
  /// Looks from `start` for the end of the line.
  @inline(__always)
  static func end(in bytes: UnsafeRawBufferPointer, from start: Int) -> LineEnd {
    var index = start
    let count = bytes.count
    guard let base = bytes.baseAddress else { return .notYet }
    while true {
      index = firstControl(base, index, count)
      if index >= count { return .notYet }
      switch base.load(fromByteOffset: index, as: UInt8.self) {
      case 0x09:
        index += 1
      case 0x0D:
        if index + 1 >= count { return .notYet }
        if base.load(fromByteOffset: index + 1, as: UInt8.self) == 0x0A { return .at(index) }
        return .refused(.bareCarriageReturn)
      case 0x0A:
        return .refused(.bareLineFeed)
      default:
        return .refused(.controlCharacter)
      }
    }
  }

  /// The same for a line of at most `lineBytesMax` bytes. It looks at those and the two of the line's end, so that the
  /// answer does not depend on how much came with them.
  static func end(in bytes: UnsafeRawBufferPointer, from start: Int, lineBytesMax: Int) -> LineEnd {
    let room = bytes.count - start - 2
    guard room >= lineBytesMax else { return end(in: bytes, from: start) }
    let found = end(in: UnsafeRawBufferPointer(rebasing: bytes[..<(start + lineBytesMax + 2)]), from: start)
    if case .notYet = found { return .tooLong }
    return found
  }

  /// Index of the first byte below 0x20 or equal to 0x7F, or `count`.
  @inline(__always)
  private static func firstControl(_ base: UnsafeRawPointer, _ start: Int, _ count: Int) -> Int {
    var index = start
    while index + 8 <= count {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      // Classic zero-in-word tricks. Borrows reach only bytes above the first hit, so the lowest hit is exact.
      let below20 = (word &- 0x2020_2020_2020_2020) & ~word
      let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
      let equal7F = (delete &- 0x0101_0101_0101_0101) & ~delete
      let hits = (below20 | equal7F) & 0x8080_8080_8080_8080
      if hits != 0 { return index + hits.trailingZeroBitCount >> 3 }
      index += 8
    }
    while index < count {
      let byte = base.load(fromByteOffset: index, as: UInt8.self)
      if byte < 0x20 || byte == 0x7F { return index }
      index += 1
    }
    return count
  }
}
