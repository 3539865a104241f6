/// What all middlewares that change a path share: a rewritten path is checked as strictly as a received one.
///
/// The problem: a path that was harmless when it came can stop being so when a part of it is cut off or put in:
/// `/a..` without `/a` is `..`, and a group of an expression may hold anything. The rule: the new path begins with `/`,
/// bytes that a request line cannot carry are percent-encoded, and the target's own check (`settlePath`) runs again
/// over the result, so that `routingPath` fits and dot segments are refused. Traefik refuses them too (its middlewares
/// answer 400 when cleaning the path would change it). Cost: nothing for a path without percent-encodings that is cut
/// at a slash, else one pass over it.
extension RequestHead {
  /// False for `OPTIONS *`, which has no path to change.
  var hasPath: Bool { !path.isEmpty && base[path.start] == UInt8(ascii: "/") }

  /// True when nothing in the path is encoded, so that rules and servers see the same bytes.
  private var isPlainPath: Bool { path == routingPath }

  /// Takes a path that was put together in the arena. Returns why it cannot be.
  func settleRewritten(_ newPath: ByteRange) -> Rejection? {
    let (query, hasQuery) = (self.query, self.hasQuery)
    // A path has no question mark here: they were encoded.
    self.hasQuery = false
    let refusal = settlePath(newPath)
    self.query = query
    self.hasQuery = hasQuery
    guard let refusal else { return nil }
    return refusal == .dotSegment ? .unsafePath : .brokenRewrite
  }

  /// Puts `prefix` (encoded, checked, beginning with a slash) before the path.
  func prependToPath(_ prefix: [UInt8], isPlain: Bool) -> Rejection? {
    let mark = byteCount
    append(prefix)
    _ = appendCopy(of: path)
    let joined = range(since: mark)
    guard isPlain && isPlainPath else { return settleRewritten(joined) }
    rewritePath(to: joined)
    return nil
  }

  /// Cuts the first `count` bytes off the path as it came.
  func stripPath(first count: Int) -> Rejection? {
    let rest = ByteRange(offset: path.start + count, length: path.count - count)
    if rest.isEmpty {
      rewritePath(to: ByteRange(offset: path.start, length: 1))
      return nil
    }
    if base[rest.start] == UInt8(ascii: "/") {
      // A server could read what follows two slashes as an authority.
      if rest.count > 1 && base[rest.start + 1] == UInt8(ascii: "/") { return .unsafePath }
      guard isPlainPath else { return settleRewritten(rest) }
      rewritePath(to: rest)
      return nil
    }
    let mark = byteCount
    append(byte: UInt8(ascii: "/"))
    _ = appendCopy(of: rest)
    return settleRewritten(range(since: mark))
  }

  /// Where in the path as it came the first `count` bytes of the routing path end; nil when that is inside an encoding.
  func rawOffset(ofRouted count: Int) -> Int? {
    if isPlainPath { return count }
    let raw = bytes(path)
    var offset = 0
    var routed = 0
    while routed < count && offset < raw.count {
      if raw[offset] == UInt8(ascii: "%") && offset + 2 < raw.count {
        let value = hexadecimal(raw[offset + 1]) << 4 | hexadecimal(raw[offset + 2])
        routed += ByteClass.reserved.contains(value) ? 3 : 1
        offset += 3
      } else {
        routed += 1
        offset += 1
      }
    }
    return routed == count ? offset : nil
  }

  /// Appends a byte to a path that is being put together.
  func appendToPath(_ byte: UInt8) {
    guard PathText.needsEncoding(byte) else { return append(byte: byte) }
    append(byte: UInt8(ascii: "%"))
    append(byte: PathText.digit(byte >> 4))
    append(byte: PathText.digit(byte & 0xF))
  }
}

/// Paths as an operator writes them, made into bytes for the wire and for comparisons.
enum PathText {
  /// Longer results of an expression are refused; no server takes such a request line.
  static let rewrittenBytesMax = 32 * 1024

  /// True for bytes that would end a path or that a request line cannot carry.
  @inline(__always)
  static func needsEncoding(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  /// An upper-case hexadecimal digit.
  static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x37
  }

  /// For the request line: what cannot be there is encoded; `%` that begins an encoding stays.
  static func encoded(_ text: some StringProtocol) -> [UInt8] {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    for (index, byte) in source.enumerated() {
      let isStray = byte == UInt8(ascii: "%") && decoded(source, at: index) == nil
      if needsEncoding(byte) || isStray {
        result.append(contentsOf: [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 0xF)])
      } else {
        result.append(byte)
      }
    }
    return result
  }

  /// In the form of `RequestHead.routingPath`: everything but reserved characters decoded.
  static func routed(_ text: some StringProtocol) -> [UInt8] {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < source.count {
      guard source[index] == UInt8(ascii: "%"), let byte = decoded(source, at: index) else {
        result.append(source[index])
        index += 1
        continue
      }
      if ByteClass.reserved.contains(byte) {
        result.append(contentsOf: [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 0xF)])
      } else {
        result.append(byte)
      }
      index += 3
    }
    return result
  }

  private static func decoded(_ source: [UInt8], at index: Int) -> UInt8? {
    guard index + 2 < source.count else { return nil }
    let (high, low) = (hexadecimal(source[index + 1]), hexadecimal(source[index + 2]))
    return high == 0xFF || low == 0xFF ? nil : high << 4 | low
  }

  /// Checks a path of the configuration once, so that no request has to.
  static func check(_ path: [UInt8]) throws(MiddlewareMistake) {
    let head = RequestHead()
    if head.settlePath(head.append(path)) != nil {
      throw MiddlewareMistake("\(String(decoding: path, as: UTF8.self)) is no path that a request can have")
    }
  }

  static func withLeadingSlash(_ path: [UInt8]) -> [UInt8] {
    path.first == UInt8(ascii: "/") ? path : [UInt8(ascii: "/")] + path
  }
}

extension Rejection {
  static let unsafePath = Rejection(
    status: 400, code: "unsafe-path", detail: "The path would leave its prefix when rewritten.")
  static let brokenRewrite = Rejection(
    status: 500, code: "broken-rewrite", detail: "The rewritten path is not valid.")
}
