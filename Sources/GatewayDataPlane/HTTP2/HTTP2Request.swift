import NIOCore
import NIOHPACK

/// Turns an HTTP/2 header list into the request HTTP/1.1 would have made of it, or refuses it.
///
/// The problem: a request that comes by HTTP/2 and goes on by HTTP/1.1 can carry what no HTTP/1.1 client could have
/// sent, a line break in a value or a second length, and so smuggle. The rule: the list is checked for what only
/// HTTP/2 can say (RFC 9113 section 8), written as an HTTP/1.1 head and given to the same `RequestParser` with the same
/// limits. Nothing that HTTP/1.1 would refuse gets through by way of HTTP/2, because there is one way.
enum HTTP2Request {
  static func write(_ headers: HPACKHeaders, to out: inout ByteBuffer) -> Refusal? {
    var pseudo = PseudoFields()
    for (name, value, _) in headers {
      guard name.utf8.first == 0x3A else { break }
      guard isClean(value), pseudo.take(name, value) else { return .http2PseudoHeader }
    }
    guard let method = pseudo.method, let path = pseudo.path, let scheme = pseudo.scheme?.lowercased(),
      !method.isEmpty, !path.isEmpty, !path.utf8.contains(0x20), !method.utf8.contains(0x20)
    else { return .http2PseudoHeader }
    // As of an absolute form of HTTP/1.1.
    guard scheme == "http" || scheme == "https" else { return .badTarget }
    // An absolute form would bring a second authority; `:path` has none (section 8.3.1).
    guard path.utf8.first == 0x2F || path == "*" || method == "CONNECT" else { return .http2PseudoHeader }
    out.writeString(method)
    out.writeStaticString(" ")
    out.writeString(path)
    out.writeStaticString(" HTTP/1.1\r\n")
    if let authority = pseudo.authority {
      out.writeStaticString("host: ")
      out.writeString(authority)
      out.writeStaticString("\r\n")
    }
    return writeFields(headers, authority: pseudo.authority, to: &out)
  }

  private static func writeFields(
    _ headers: HPACKHeaders, authority: String?, to out: inout ByteBuffer
  ) -> Refusal? {
    var sawRegular = false
    var cookies: [String] = []
    for (name, value, _) in headers {
      if name.utf8.first == 0x3A {
        // Pseudo-fields come first (section 8.3).
        if sawRegular { return .http2PseudoHeader }
        continue
      }
      sawRegular = true
      if let refusal = check(name, value) { return refusal }
      switch name {
      case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
        return .http2ConnectionField
      case "te" where value != "trailers":
        return .http2ConnectionField
      case "host":
        if let authority {
          // Two opinions about the host are refused, as with an absolute form (section 8.3.1).
          guard authority.utf8.elementsEqual(value.utf8) || authority.lowercased() == value.lowercased() else {
            return .targetAuthorityMismatch
          }
          continue
        }
      case "cookie":
        // Split for compression; joined again for a hop that does not compress (section 8.2.3).
        cookies.append(value)
        continue
      default:
        break
      }
      out.writeString(name)
      out.writeStaticString(": ")
      out.writeString(value)
      out.writeStaticString("\r\n")
    }
    for (index, cookie) in cookies.enumerated() {
      out.writeString(index == 0 ? "cookie: " : "; ")
      out.writeString(cookie)
    }
    if !cookies.isEmpty { out.writeStaticString("\r\n") }
    out.writeStaticString("\r\n")
    return nil
  }

  /// Section 8.2.1: names are lower-case tokens, values have no control characters and no white space around them.
  static func check(_ name: String, _ value: String) -> Refusal? {
    guard !name.isEmpty else { return .emptyFieldName }
    for byte in name.utf8 where !ByteClass.token.contains(byte) || byte &- 0x41 < 26 { return .badFieldName }
    guard isClean(value) else { return .controlCharacter }
    if let first = value.utf8.first, first == 0x20 || first == 0x09 { return .controlCharacter }
    if let last = value.utf8.last, last == 0x20 || last == 0x09 { return .controlCharacter }
    return nil
  }

  private static func isClean(_ value: String) -> Bool {
    for byte in value.utf8 where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
    return true
  }

  private struct PseudoFields {
    var method: String?
    var path: String?
    var scheme: String?
    var authority: String?

    /// False for a pseudo-field that is unknown or repeated.
    mutating func take(_ name: String, _ value: String) -> Bool {
      switch name {
      case ":method" where method == nil: method = value
      case ":path" where path == nil: path = value
      case ":scheme" where scheme == nil: scheme = value
      case ":authority" where authority == nil: authority = value
      default: return false
      }
      return true
    }
  }
}
