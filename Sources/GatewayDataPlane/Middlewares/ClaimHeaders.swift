import GatewayModel
import Identity

/// Tells the server in headers what a token says, and keeps the client from saying it itself.
///
/// The client's own fields of these names are removed before anything else, whether or not the token has the claim,
/// and so are fields that a server may take for them: CGI, WSGI, PHP and others make `HTTP_X_USER` of `X-User` and of
/// `X_User`, so `-` and `_` are the same here. The price is that an honest `X_User` beside `X-User` is lost.
struct ClaimHeaders: Sendable {
  private struct Header: Sendable {
    let claim: ClaimPath
    let name: [UInt8]
  }

  private let headers: [Header]

  init(_ configuration: NamedValues<String>) throws(MiddlewareMistake) {
    var headers: [Header] = []
    for element in configuration {
      guard let claim = ClaimPath(element.name) else {
        throw MiddlewareMistake("claimsToHeaders: \(element.name) names no claim")
      }
      let name = try MiddlewareText.fieldName(element.value)
      let id = name.withUnsafeBytes { FieldName(classifying: $0) }
      // Framing, routing and what the gateway vouches for itself is not for a token to say.
      guard id == .other || id == .userAgent || id == .referer || id == .xRequestID || id == .authorization else {
        throw MiddlewareMistake("claimsToHeaders: \(element.value) is not for claims")
      }
      headers.append(Header(claim: claim, name: name))
    }
    self.headers = headers
  }

  func removeClients(_ head: MessageHead) {
    for header in headers { header.name.withUnsafeBytes { head.removeAll(resembling: $0) } }
  }

  /// False where a claim cannot be a header's value: it has control characters, or an element of a list has a comma.
  func write(_ token: VerifiedToken, _ head: RequestHead) -> Bool {
    for header in headers {
      let index = token.claim(header.claim)
      if index < 0 { continue }
      let isFit = token.claims.bytes.withUnsafeBytes { bytes in
        let mark = head.byteCount
        guard append(token.claims, index, bytes, head) else { return false }
        let value = head.range(since: mark)
        let name = head.append(header.name)
        head.appendField(
          .init(name: name, value: value, id: header.name.withUnsafeBytes { FieldName(classifying: $0) }))
        return true
      }
      if !isFit { return false }
    }
    return true
  }

  private func append(
    _ claims: JSONIndex, _ index: Int, _ bytes: UnsafeRawBufferPointer, _ head: RequestHead
  ) -> Bool {
    let entry = claims.entries[index]
    guard entry.kind == .array else { return append(entry.value.bytes(of: bytes), head, refusing: 0) }
    var element = Int(entry.first)
    var isFirst = true
    while element >= 0 {
      if !isFirst { head.append(byte: UInt8(ascii: ",")) }
      isFirst = false
      let value = claims.entries[element].value.bytes(of: bytes)
      guard append(value, head, refusing: UInt8(ascii: ",")) else { return false }
      element = Int(claims.entries[element].next)
    }
    return true
  }

  private func append(_ text: UnsafeRawBufferPointer, _ head: RequestHead, refusing separator: UInt8) -> Bool {
    for byte in text where byte < 0x20 || byte == 0x7F || byte == separator { return false }
    // Outer blanks would not survive the next parser.
    if text.first == 0x20 || text.last == 0x20 { return false }
    head.append(text)
    return true
  }
}
