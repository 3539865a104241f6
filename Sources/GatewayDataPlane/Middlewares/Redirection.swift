/// What the two redirecting middlewares share: the URL that the client asked for and the answer.
///
/// Source: Traefik v3 pkg/middlewares/redirect. A GET is redirected with 302 or 301, everything else with 307 or 308,
/// so that no client changes the method or drops the body.
enum Redirection {
  /// Longer locations are refused.
  static let locationBytesMax = 16 * 1024

  /// An answer with this location. Bytes that a URI cannot hold are encoded, so that neither an expression nor a client
  /// can put a second field into the answer.
  static func answer(to location: [UInt8], permanently: Bool, method: Method) -> LocalAnswer {
    let status: UInt16 =
      switch (permanently, method == .get) {
      case (false, true): 302
      case (false, false): 307
      case (true, true): 301
      case (true, false): 308
      }
    let reason = StatusReason.text(status)
    return LocalAnswer(
      status: status,
      fields: [
        (name: Array("Location".utf8), value: encoded(location)),
        (name: Array("Content-Type".utf8), value: Array("text/plain; charset=utf-8".utf8)),
      ],
      body: Array(UnsafeRawBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount)))
  }

  private static func encoded(_ location: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(location.count)
    for byte in location {
      if isURI(byte) {
        result.append(byte)
      } else {
        result.append(contentsOf: [UInt8(ascii: "%"), PathText.digit(byte >> 4), PathText.digit(byte & 0xF)])
      }
    }
    return result
  }

  /// RFC 3986 section 2, and `%`.
  private static func isURI(_ byte: UInt8) -> Bool {
    guard byte > 0x20 && byte < 0x7F else { return false }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
      UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
      return false
    default: return true
    }
  }
}

extension RequestHead {
  /// Bytes of the target: path and query.
  var targetBytes: Int { path.count + (hasQuery ? query.count + 1 : 0) }

  /// Copies path and query behind each other.
  func writeTarget(to out: UnsafeMutableRawPointer, _ at: inout Int) {
    HeadWriter.write(bytes(path), to: out, &at)
    if hasQuery {
      HeadWriter.write("?", to: out, &at)
      HeadWriter.write(bytes(query), to: out, &at)
    }
  }

  /// The authority split into host (brackets included) and the digits of its port.
  var hostAndPort: (host: ByteRange, port: ByteRange) {
    let text = bytes(authority)
    var index = text.count
    while index > 0 && text[index - 1] &- 0x30 < 10 { index -= 1 }
    guard index > 0, text[index - 1] == UInt8(ascii: ":") else { return (authority, .empty) }
    return (
      ByteRange(offset: authority.start, length: index - 1),
      ByteRange(offset: authority.start + index, length: text.count - index)
    )
  }
}

extension Rejection {
  static let redirectWithoutHost = Rejection(
    status: 400, code: "missing-host", detail: "The request must say which host it is for.")
  static let brokenRedirect = Rejection(
    status: 500, code: "broken-redirect", detail: "The location of the redirect is not valid.")
}
