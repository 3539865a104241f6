/// The one place where a `Rejection` becomes bytes: `application/problem+json` (RFC 9457).
///
/// The client learns the status, a stable code, one sentence and the request's id; the operator finds everything
/// else in the log under that id.
enum ProblemWriter {
  /// Fills `head` for `rejection` and returns the body.
  static func fill(
    _ head: ResponseHead, _ rejection: Rejection, requestID: ByteRange, in request: RequestHead
  ) -> [UInt8] {
    head.status = rejection.status
    head.add("Content-Type", id: .contentType, value: head.append("application/problem+json"))
    head.add("Cache-Control", id: .cacheControl, value: head.append("no-store"))
    if rejection.retryAfterSeconds >= 0 {
      head.add("Retry-After", id: .retryAfter, value: head.append(Array(String(rejection.retryAfterSeconds).utf8)))
    }
    if let challenge = rejection.challenge {
      head.add("WWW-Authenticate", value: head.append(challenge))
    }
    for field in rejection.fields { head.add(name: field.name, value: field.value) }

    var body: [UInt8] = []
    body.reserveCapacity(256)
    append(#"{"type":"about:blank","title":""#, to: &body)
    append(StatusReason.text(rejection.status), to: &body)
    append(#"","status":"#, to: &body)
    body.append(contentsOf: String(rejection.status).utf8)
    append(#","code":""#, to: &body)
    append(rejection.code, to: &body)
    append(#"","detail":""#, to: &body)
    append(rejection.detail, to: &body)
    append(#"","requestId":""#, to: &body)
    body.append(contentsOf: request.bytes(requestID))
    append("\"}\n", to: &body)
    return body
  }

  private static func append(_ text: StaticString, to body: inout [UInt8]) {
    body.append(contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

/// Reason phrases of RFC 9110 and the registry.
public enum StatusReason {
  /// The reason phrase of a status, as registered with IANA; for one that is not, what its class means (RFC 9110
  /// section 15).
  public static func text(_ status: UInt16) -> StaticString {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 102: "Processing"
    case 103: "Early Hints"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 203: "Non-Authoritative Information"
    case 204: "No Content"
    case 205: "Reset Content"
    case 206: "Partial Content"
    case 207: "Multi-Status"
    case 208: "Already Reported"
    case 226: "IM Used"
    case 300: "Multiple Choices"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 305: "Use Proxy"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 402: "Payment Required"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 407: "Proxy Authentication Required"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 418: "I'm a teapot"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 423: "Locked"
    case 424: "Failed Dependency"
    case 425: "Too Early"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 451: "Unavailable For Legal Reasons"
    case 499: "Client Closed Request"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 506: "Variant Also Negotiates"
    case 507: "Insufficient Storage"
    case 508: "Loop Detected"
    case 510: "Not Extended"
    case 511: "Network Authentication Required"
    case 100..<200: "Informational"
    case 200..<300: "Successful"
    case 300..<400: "Redirection"
    case 400..<500: "Client Error"
    default: "Server Error"
    }
  }
}
