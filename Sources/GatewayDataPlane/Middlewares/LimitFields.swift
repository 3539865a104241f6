import ResiliencePolicies

/// What clients are told about a rate limit: `RateLimit-Policy: "name";q=100;w=1` and `RateLimit: "name";r=42;t=1`.
///
/// The name is the middleware's. `q` requests in `w` seconds are the limit, `r` are left, and after `t` seconds the
/// source has them all again. Several limits on one route add a line each, which is one list (RFC 9651 section 3.1).
/// Source: draft-ietf-httpapi-ratelimit-headers-10.
struct LimitFields: Sendable {
  /// The name as a string of structured fields, quotes included.
  private let name: [UInt8]

  init(name: String) {
    var text: [UInt8] = [0x22]
    for byte in name.utf8 {
      switch byte {
      case 0x22, 0x5C: text += [0x5C, byte]
      case 0x20...0x7E: text.append(byte)
      // Strings of structured fields have ASCII only.
      default: text.append(UInt8(ascii: "_"))
      }
    }
    self.name = text + [0x22]
  }

  /// Adds both fields. No allocation while the head's arena has room.
  func write(_ decision: LimitDecision, to head: ResponseHead) {
    head.add("RateLimit-Policy", value: value(head, "q", decision.average, "w", UInt64(decision.windowSeconds)))
    head.add("RateLimit", value: value(head, "r", decision.remaining, "t", decision.resetSeconds))
  }

  private func value(
    _ head: ResponseHead, _ first: StaticString, _ one: UInt64, _ second: StaticString, _ other: UInt64
  ) -> ByteRange {
    let mark = head.byteCount
    head.append(name)
    append(head, first, one)
    append(head, second, other)
    return head.range(since: mark)
  }

  /// A call for each and not a loop over an array, which would be made for every response.
  private func append(_ head: ResponseHead, _ key: StaticString, _ number: UInt64) {
    head.append(byte: UInt8(ascii: ";"))
    head.append(key)
    head.append(byte: UInt8(ascii: "="))
    head.append(decimal: number)
  }

  /// 429 with `Retry-After` and both fields.
  func rejection(_ decision: LimitDecision) -> Rejection {
    var rejection = Rejection.rateLimited
    rejection.retryAfterSeconds = decision.retryAfterSeconds
    rejection.fields = [
      (
        name: Array("RateLimit-Policy".utf8),
        value: name + Array(";q=\(decision.average);w=\(decision.windowSeconds)".utf8)
      ),
      (
        name: Array("RateLimit".utf8),
        value: name + Array(";r=\(decision.remaining);t=\(decision.resetSeconds)".utf8)
      ),
    ]
    return rejection
  }
}

extension Rejection {
  static let rateLimited = Rejection(
    status: 429, code: "rate-limited", detail: "This source has sent more requests than the limit allows.")
  /// `whenStoreIsDown: deny`.
  static let limitStoreDown: Rejection = {
    var rejection = Rejection(
      status: 503, code: "limit-store-down",
      detail: "Whether the limit allows this request cannot be told at the moment.")
    rejection.retryAfterSeconds = 1
    return rejection
  }()
}
