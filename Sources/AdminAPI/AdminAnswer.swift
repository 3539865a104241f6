/// A request as the admin side sees it, and the answer as it makes it: values, so that everything but the socket is
/// tested without one.
struct AdminRequest: Sendable {
  var method: String
  /// Not decoded.
  var path: String
  var query: [String: String] = [:]
  var accept = ""

  /// - Parameter target: path and query of the request line.
  init(method: String, target: String, accept: String = "") {
    self.method = method
    self.accept = accept
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    guard parts.count == 2 else { return }
    for pair in parts[1].split(separator: "&").prefix(32) {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = Self.decoded(sides[0], plusIsSpace: true)
      // The first of several counts, as Go's `Get` has it.
      if query[name] == nil { query[name] = sides.count == 2 ? Self.decoded(sides[1], plusIsSpace: true) : "" }
    }
  }

  /// The path's segments, percent-decoded one by one: `%2F` does not make two of one.
  var segments: [String] {
    path.split(separator: "/", omittingEmptySubsequences: true).map { Self.decoded($0, plusIsSpace: false) }
  }

  private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// What is sent back.
struct AdminAnswer: Sendable {
  var status: Int
  var contentType: String
  var body: [UInt8]
  var fields: [(name: String, value: String)] = []

  init(status: Int = 200, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  static func json(_ value: JSON, status: Int = 200) -> AdminAnswer {
    AdminAnswer(status: status, contentType: "application/json", body: value.bytes + [UInt8(ascii: "\n")])
  }

  static func text(_ text: String, status: Int = 200) -> AdminAnswer {
    AdminAnswer(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }

  /// RFC 9457.
  static func problem(_ status: Int, _ title: String, _ detail: String) -> AdminAnswer {
    var answer = json(
      .object([
        ("type", "about:blank"), ("title", .string(title)), ("status", .integer(status)), ("detail", .string(detail)),
      ]), status: status)
    answer.contentType = "application/problem+json"
    return answer
  }

  static func notFound(_ what: String) -> AdminAnswer { problem(404, "Not Found", what) }
  static func badRequest(_ what: String) -> AdminAnswer { problem(400, "Bad Request", what) }
}
