import NIOCore
import NIOHPACK

/// Request heads for servers that speak HTTP/2.
enum HTTP2ServerRequest {
  static func headers(_ head: RequestHead, server: ServerPlan) -> HPACKHeaders {
    var headers = HPACKHeaders()
    headers.reserveCapacity(head.fieldCount + 6)
    headers.add(name: ":method", value: head.string(head.methodRange))
    headers.add(name: ":scheme", value: server.tls == nil ? "http" : "https")
    let passed = server.passHost && !head.authority.isEmpty
    headers.add(
      name: ":authority",
      value: passed ? head.string(head.authority) : String(decoding: server.hostField, as: UTF8.self))
    headers.add(name: ":path", value: path(head, server))
    headers.add(endToEnd: head)
    switch head.framing {
    case .length(let length): headers.add(name: "content-length", value: String(length))
    case .none where head.method == .post || head.method == .put || head.method == .patch:
      headers.add(name: "content-length", value: "0")
    case .none, .chunked, .untilClose: break
    }
    if let trailer = head.value(of: .trailer) { headers.add(name: "trailer", value: head.string(trailer)) }
    // The one thing TE may say here (RFC 9113 section 8.2.2); gRPC servers insist on it.
    if let te = head.value(of: .te), UpstreamHead.saysTrailers(head.bytes(te)) {
      headers.add(name: "te", value: "trailers")
    }
    return headers
  }

  private static func path(_ head: RequestHead, _ server: ServerPlan) -> String {
    var path = head.string(head.path)
    if !server.pathPrefix.isEmpty { path = String(decoding: server.pathPrefix, as: UTF8.self) + path }
    return head.hasQuery ? path + "?" + head.string(head.query) : path
  }
}

/// Turns an HTTP/2 response's header list into the head HTTP/1.1 would have made of it, or refuses it.
enum HTTP2ServerResponse {
  static func write(_ headers: HPACKHeaders, to out: inout ByteBuffer) -> Refusal? {
    var status: String?
    var sawRegular = false
    for (name, value, _) in headers where name.utf8.first == 0x3A {
      guard name == ":status", status == nil, value.utf8.count == 3 else { return .http2PseudoHeader }
      status = value
    }
    guard let status else { return .http2PseudoHeader }
    out.writeStaticString("HTTP/1.1 ")
    out.writeString(status)
    out.writeStaticString(" \r\n")
    for (name, value, _) in headers {
      if name.utf8.first == 0x3A {
        if sawRegular { return .http2PseudoHeader }
        continue
      }
      sawRegular = true
      if let refusal = HTTP2Request.check(name, value) { return refusal }
      switch name {
      case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": return .http2ConnectionField
      default: break
      }
      out.writeString(name)
      out.writeStaticString(": ")
      out.writeString(value)
      out.writeStaticString("\r\n")
    }
    out.writeStaticString("\r\n")
    return nil
  }
}

/// Trailers of HTTP/2 messages, either way.
enum HTTP2Trailers {
  private static let fieldsMax = 100

  /// Nil when there is one that may not be a trailer (RFC 9110 section 6.5.1), or too many.
  static func section(_ headers: HPACKHeaders) -> RequestHead? {
    let section = RequestHead()
    for (name, value, _) in headers {
      guard name.utf8.first != 0x3A, HTTP2Request.check(name, value) == nil, section.fieldCount < fieldsMax else {
        return nil
      }
      section.add(name: Array(name.utf8), value: Array(value.utf8))
      if section.fieldBase[section.fieldCount - 1].id.isForbiddenInTrailers { return nil }
    }
    return section
  }
}
