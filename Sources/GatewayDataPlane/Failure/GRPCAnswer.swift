import NIOCore

/// What the gateway says to a gRPC client, which understands `grpc-status` and not problem details.
///
/// A Trailers-Only response: 200, and the status in the header list. The numbers are those of gRPC's
/// doc/statuscodes.md; where its mapping from HTTP is for clients that know nothing but the number
/// (doc/http-grpc-status-mapping.md), a gateway that decided itself can be more exact: 429 is RESOURCE_EXHAUSTED, 504
/// is DEADLINE_EXCEEDED.
enum GRPCAnswer {
  /// Whether a message is of a gRPC call by its content type, as gRPC's PROTOCOL-HTTP2.md has it. For a client's
  /// request ask `Exchange.isCall`.
  static func isCall(_ head: MessageHead) -> Bool {
    guard let value = head.value(of: .contentType) else { return false }
    let text = head.bytes(value)
    let name: StaticString = "application/grpc"
    let length = name.utf8CodeUnitCount
    guard text.count >= length, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: text[..<length]), name) else {
      return false
    }
    // `application/grpc-web` is HTTP/1.1's own form, with its trailers in the body.
    return text.count == length || text[length] == 0x2B || text[length] == 0x3B
  }

  static func fill(_ response: ResponseHead, _ rejection: Rejection, requestID: UnsafeRawBufferPointer) {
    response.status = 200
    response.add("Content-Type", id: .contentType, value: response.append("application/grpc"))
    // To a cache it is a 200 like others.
    response.add("Cache-Control", id: .cacheControl, value: response.append("no-store"))
    add(rejection, to: response)
    response.add(name: Array("X-Request-Id".utf8), value: Array(requestID))
    for field in rejection.fields { response.add(name: field.name, value: field.value) }
  }

  /// The trailers that end a call whose response has begun.
  static func trailers(_ rejection: Rejection) -> MessageHead {
    let section = MessageHead()
    add(rejection, to: section)
    return section
  }

  private static func add(_ rejection: Rejection, to head: MessageHead) {
    head.add(name: Array("grpc-status".utf8), value: Array(String(status(rejection.status)).utf8))
    head.add(name: Array("grpc-message".utf8), value: message("\(rejection.detail)"))
  }

  static func status(_ status: UInt16) -> Int {
    switch status {
    case 400, 405, 411, 414, 421, 431: 3  // INVALID_ARGUMENT
    case 401: 16  // UNAUTHENTICATED
    case 403: 7  // PERMISSION_DENIED
    case 404: 12  // UNIMPLEMENTED
    case 408, 504: 4  // DEADLINE_EXCEEDED
    case 413, 429: 8  // RESOURCE_EXHAUSTED
    case 499: 1  // CANCELLED
    case 500, 501: 13  // INTERNAL
    case 502, 503: 14  // UNAVAILABLE
    default: 2  // UNKNOWN
    }
  }

  /// Percent-encoded as gRPC has it: what is not printable ASCII, and the percent sign.
  private static func message(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      if byte >= 0x20 && byte <= 0x7E && byte != 0x25 {
        out.append(byte)
      } else {
        out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return out
  }
}

extension Exchange {
  /// Whether the client makes a gRPC call: a POST over HTTP/2 of that content type. Whoever only says so, which any
  /// client can, is answered as others are: a refusal with status 200 is for those who look for `grpc-status`.
  var isCall: Bool {
    client?.protocolVersion == .http2 && request.method == .post && GRPCAnswer.isCall(request)
  }

  /// Ends a gRPC call whose response has begun, with the status in trailers: its client then knows why, where a reset
  /// would be INTERNAL. The status is never OK, so nobody takes the part for the whole.
  ///
  /// - Returns: false where the response cannot be ended so, and must be cut off.
  func endsCall(_ rejection: Rejection) -> Bool {
    guard isCall, transforms.isEmpty, response.framing == .chunked, GRPCAnswer.isCall(response) else { return false }
    passEnd(trailers: GRPCAnswer.trailers(rejection))
    return true
  }
}
