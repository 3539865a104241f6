/// The bytes of a text with the starts of its lines: turns offsets into places, and says what no reader says well.
///
/// libYAML and TOML readers report an unusual byte order mark, a NUL or a broken encoding in their own words and
/// sometimes at no place. These checks come first, so that both formats say the same.
struct SourceText: Sendable {
  let name: String
  let bytes: [UInt8]
  private let lineStarts: [Int]

  init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    var starts = [0]
    bytes.withUnsafeBufferPointer { bytes in
      for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") { starts.append(index + 1) }
    }
    self.lineStarts = starts
  }

  var lineCount: Int { lineStarts.count }

  /// The place of a byte. An offset behind the end is the end.
  func position(of offset: Int) -> SourcePosition {
    let offset = min(max(offset, 0), bytes.count)
    var low = 0
    var high = lineStarts.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle - 1 }
    }
    return SourcePosition(line: low + 1, column: Self.scalarCount(bytes[lineStarts[low]..<offset]) + 1)
  }

  /// Remembers the last place, so that asking for every place of a very long line costs the line once.
  struct Cursor {
    private var offset = 0
    private var position = SourcePosition.start

    mutating func position(of next: Int, in text: SourceText) -> SourcePosition {
      if next >= offset, text.start(ofLine: position.line + 1) > next || position.line == text.lineCount {
        position.column += SourceText.scalarCount(text.bytes[offset..<min(next, text.bytes.count)])
      } else {
        position = text.position(of: next)
      }
      offset = min(next, text.bytes.count)
      return position
    }
  }

  /// The bytes of a line without its end. Empty for a line that is not there.
  func line(_ number: Int) -> ArraySlice<UInt8> {
    guard number >= 1, number <= lineStarts.count else { return [] }
    let start = lineStarts[number - 1]
    var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return bytes[start..<end]
  }

  /// The offset at which a line begins.
  func start(ofLine number: Int) -> Int { lineStarts[min(max(number, 1), lineStarts.count) - 1] }

  /// The place of a byte inside a scalar, when the scalar stands in the file letter by letter; else its own place.
  func position(inside node: ConfigurationNode, offset: Int) -> SourcePosition {
    guard case .scalar(let scalar) = node.content, scalar.style != .block, offset >= 0 else { return node.position }
    let quote = scalar.style == .quoted ? 1 : 0
    guard let start = byteOffset(of: node.position).map({ $0 + quote }) else { return node.position }
    let text = Array(scalar.text.utf8.prefix(offset))
    guard text.count == min(offset, scalar.text.utf8.count), start + text.count <= bytes.count,
      bytes[start..<(start + text.count)].elementsEqual(text), !text.contains(UInt8(ascii: "\n"))
    else { return node.position }
    return SourcePosition(
      line: node.position.line, column: node.position.column + quote + Self.scalarCount(text[...]))
  }

  /// The first thing that makes the bytes no text: a broken encoding, a control character, a foreign byte order mark.
  func encodingMistake() -> Mistake? {
    func mistake(_ offset: Int, _ what: String) -> Mistake {
      Mistake(
        .error, .encoding, at: SourceLocation(file: name, position: position(of: offset)), what: what,
        expected: "UTF-8 text")
    }
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return mistake(0, "the file is UTF-16")
    }
    if let offset = firstInvalidOffset() { return mistake(offset, "the file is not UTF-8 here") }
    for index in bytes.indices {
      let byte = bytes[index]
      let isControl = byte < 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d || byte == 0x7f
      // C1 controls but NEL, which YAML forbids: C2 80 to C2 9F.
      let isC1 = byte == 0xc2 && index + 1 < bytes.count && bytes[index + 1] < 0xa0 && bytes[index + 1] != 0x85
      if isControl || isC1 { return mistake(index, "the file holds a control character") }
    }
    return nil
  }

  /// Whether the first line that says something is a table of TOML, `[entryPoints.web]`.
  var beginsLikeTOML: Bool {
    for number in 1...lineCount {
      let line = line(number).drop { $0 == 0x20 || $0 == 0x09 }
      if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
      let name = line.dropFirst().prefix { $0 != UInt8(ascii: "]") && $0 != UInt8(ascii: ",") }
      return line.first == UInt8(ascii: "[") && !name.isEmpty && line.dropFirst(name.count + 1).elementsEqual("]".utf8)
    }
    return false
  }

  /// Whether the text begins with UTF-8's byte order mark, which is not part of the configuration.
  var hasByteOrderMark: Bool { bytes.starts(with: [0xef, 0xbb, 0xbf]) }

  /// A mistake at a place in this text.
  func mistake(
    _ code: Mistake.Code, kind: Mistake.Kind = .error, at position: SourcePosition, _ what: String,
    expected: String? = nil
  ) -> Mistake {
    Mistake(kind, code, at: SourceLocation(file: name, position: position), what: what, expected: expected)
  }

  private func byteOffset(of position: SourcePosition) -> Int? {
    guard position.line >= 1, position.line <= lineStarts.count else { return nil }
    var offset = lineStarts[position.line - 1]
    var column = 1
    while column < position.column {
      guard offset < bytes.count else { return nil }
      offset += 1
      while offset < bytes.count, bytes[offset] & 0xc0 == 0x80 { offset += 1 }
      column += 1
    }
    return offset
  }

  private func firstInvalidOffset() -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let lead = bytes[index]
        let length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
        guard length > 0, index + length <= bytes.count else { return index }
        for next in index..<(index + length) where next > index && bytes[next] & 0xc0 != 0x80 { return index }
        if length > 2 {
          // Overlong forms, surrogates, and what lies behind U+10FFFF.
          let second = bytes[index + 1]
          if lead == 0xe0 && second < 0xa0 || lead == 0xed && second > 0x9f || lead == 0xf0 && second < 0x90
            || lead == 0xf4 && second > 0x8f
          {
            return index
          }
        }
        index += length
      }
      return nil
    }
  }

  private static func scalarCount(_ bytes: ArraySlice<UInt8>) -> Int {
    var count = 0
    for byte in bytes where byte & 0xc0 != 0x80 { count += 1 }
    return count
  }
}
