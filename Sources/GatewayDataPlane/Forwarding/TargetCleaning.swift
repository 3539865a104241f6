import GatewayModel

/// What an entry point does to a request's target before rules and servers see it.
///
/// `//admin` is another path than `/admin` to a rule and the same to most servers, so a rule on `/admin` would not
/// guard it. The rule: slashes next to each other become one (Traefik's `sanitizePath`, on unless it is switched off),
/// both for rules and for what is sent on. Dot segments are refused while the head is parsed. Encoded slashes stay what
/// they are: part of a segment.
///
/// `role=user;x=1` is one parameter to some servers and two to others, so a policy could allow what the server takes
/// for something else. The rule: there is no `;` in a query behind this. It becomes `&`, or `%3B` where the entry point
/// says so; rules, middlewares and servers then read the same. Cost: nothing for a target that needs nothing.
/// Source: Traefik v3 pkg/server/server_entrypoint_tcp.go (sanitizePath, encodeQuerySemicolons); Go's
/// `http.AllowQuerySemicolons`, which is the default there.
struct TargetCleaning: Sendable {
  private let mergesSlashes: Bool
  private let encodesSemicolons: Bool

  init(_ configuration: EntryPointHTTP) {
    mergesSlashes = configuration.sanitizePath
    encodesSemicolons = configuration.encodeQuerySemicolons
  }

  func apply(to head: RequestHead) {
    if head.hasEmptySegment && mergesSlashes {
      let isPlain = head.path == head.routingPath
      head.path = Self.merged(head.path, head)
      head.routingPath = isPlain ? head.path : Self.merged(head.routingPath, head)
      head.hasEmptySegment = false
    }
    guard head.bytes(head.query).contains(UInt8(ascii: ";")) else { return }
    if encodesSemicolons { return encodeSemicolons(head) }
    for offset in head.query.start..<head.query.end where head.base[offset] == UInt8(ascii: ";") {
      head.base[offset] = UInt8(ascii: "&")
    }
  }

  private func encodeSemicolons(_ head: RequestHead) {
    let mark = head.byteCount
    for offset in head.query.start..<head.query.end {
      let byte = head.base[offset]
      if byte == UInt8(ascii: ";") { _ = head.append("%3B") } else { head.append(byte: byte) }
    }
    head.query = head.range(since: mark)
  }

  private static func merged(_ path: ByteRange, _ head: RequestHead) -> ByteRange {
    let mark = head.byteCount
    var last: UInt8 = 0
    for offset in path.start..<path.end {
      let byte = head.base[offset]
      if byte != UInt8(ascii: "/") || last != byte { head.append(byte: byte) }
      last = byte
    }
    return head.range(since: mark)
  }
}
