/// A sticky cookie, compiled: which cookie to read, and what `Set-Cookie` to answer with.
///
/// The cookie's value is a token made from the server's URL, so it means the same in every gateway and after a restart
/// and tells the client nothing.
final class StickyPlan: Sendable {
  let name: [UInt8]
  /// `; Path=/; HttpOnly …`
  let attributes: [UInt8]
  private let hash: @Sendable (String) -> [UInt8]

  init(name: String, attributes: String, hash: @escaping @Sendable (String) -> [UInt8]) {
    self.name = Array(name.utf8)
    self.attributes = Array(attributes.utf8)
    self.hash = hash
  }

  func token(_ text: String) -> [UInt8] { hash(text) }

  func matches(_ text: String, _ request: RequestHead, _ value: ByteRange) -> Bool {
    let token = hash(text)
    return request.bytes(value).elementsEqual(token)
  }
}

extension RequestHead {
  /// The value of the first cookie of that name.
  public func cookie(_ name: [UInt8]) -> ByteRange? {
    var index = 0
    while index < fieldCount {
      let field = fieldBase[index]
      index += 1
      guard field.id == .cookie, !field.isRemoved else { continue }
      if let found = name.withUnsafeBytes({ findCookie($0, in: field.value) }) { return found }
    }
    return nil
  }

  private func findCookie(_ name: UnsafeRawBufferPointer, in value: ByteRange) -> ByteRange? {
    let text = bytes(value)
    var start = 0
    while start < text.count {
      while start < text.count && (text[start] == 0x20 || text[start] == 0x3B) { start += 1 }
      var end = start
      while end < text.count && text[end] != 0x3B { end += 1 }
      if end - start > name.count, text[start + name.count] == 0x3D,
        UnsafeRawBufferPointer(rebasing: text[start..<(start + name.count)]).elementsEqual(name)
      {
        let first = start + name.count + 1
        return ByteRange(offset: value.start + first, length: end - first)
      }
      start = end + 1
    }
    return nil
  }
}

extension Exchange {
  /// Remembers the choice; the cookie is added to the response's head.
  func stick(_ sticky: StickyPlan, to token: [UInt8]) {
    stickyCookies.append(sticky.name + Array("=".utf8) + token + sticky.attributes)
  }
}
