import NIOHPACK

/// Response heads in HTTP/2's form.
enum HTTP2Response {
  static func headers(_ head: ResponseHead, framing: BodyFraming, request: RequestHead?, shard: Shard) -> HPACKHeaders {
    var headers = HPACKHeaders()
    headers.reserveCapacity(head.fieldCount + 3)
    headers.add(name: ":status", value: String(head.status))
    headers.add(endToEnd: head)
    guard head.status >= 200 else { return headers }
    switch framing {
    case .length(let length):
      headers.add(name: "content-length", value: String(length))
    case .none:
      if let length = head.value(of: .contentLength), request?.method == .head || head.status == 304 {
        headers.add(name: "content-length", value: head.string(length))
      } else if head.status != 204 && head.status != 304 && request?.method != .head {
        headers.add(name: "content-length", value: "0")
      }
    case .chunked, .untilClose:
      break
    }
    if head.index(of: .date) < 0 { headers.add(name: "date", value: shard.date.value) }
    return headers
  }
}
