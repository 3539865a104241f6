/// What a request asks for: target forms, host and path, refused where two readers could read them differently.
///
/// RFC 9112 section 3.2 has four forms. Origin and absolute form are taken, `*` with OPTIONS only, CONNECT never.
/// The path goes on as it came, but rules see it with its percent-encoded unreserved characters decoded, and a
/// path with dot segments (plain, encoded, behind an encoded slash, or with a path parameter) is refused: no client
/// that means well sends one (URL libraries resolve them first), and whoever resolves them later would leave the routed
/// prefix.
extension RequestHead {
  func settleTarget(_ target: ByteRange, hostField: ByteRange?) -> Refusal? {
    let bytes = self.bytes(target)
    guard !bytes.isEmpty else { return .badTarget }
    if method == .connect { return .connectRefused }
    if hostField == nil && minorVersion == 1 { return .missingHost }
    if bytes[0] == 0x2F {
      if let hostField, let refusal = settleHost(hostField) { return refusal }
      return settlePath(target)
    }
    if bytes.count == 1 && bytes[0] == 0x2A {
      guard method == .options else { return .badTarget }
      if let hostField, let refusal = settleHost(hostField) { return refusal }
      path = target
      routingPath = target
      return nil
    }
    return settleAbsolute(target, hostField)
  }

  private func settleAbsolute(_ target: ByteRange, _ hostField: ByteRange?) -> Refusal? {
    let bytes = self.bytes(target)
    let scheme: Int
    if bytes.count > 7, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[..<7]), "http://") {
      scheme = 7
    } else if bytes.count > 8, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[..<8]), "https://") {
      scheme = 8
    } else {
      return .badTarget
    }
    var end = scheme
    while end < bytes.count && bytes[end] != 0x2F && bytes[end] != 0x3F && bytes[end] != 0x23 { end += 1 }
    let named = ByteRange(offset: target.start + scheme, length: end - scheme)
    // The Host field must say the same (RFC 9112 section 3.2.2 has the target win; two opinions are refused here).
    if let hostField, !equalIgnoringCase(self.bytes(named), self.bytes(hostField)) { return .targetAuthorityMismatch }
    if let refusal = settleHost(named) { return refusal }
    let rest = ByteRange(offset: target.start + end, length: bytes.count - end)
    if rest.isEmpty || self.bytes(rest)[0] != 0x2F {
      // An absolute form may leave the path out; forwarding needs one.
      let mark = byteCount
      append(byte: 0x2F)
      _ = appendCopy(of: rest)
      return settlePath(range(since: mark))
    }
    return settlePath(rest)
  }

  /// Checks `host[:port]` and keeps the host in lower case.
  func settleHost(_ field: ByteRange) -> Refusal? {
    let bytes = self.bytes(field)
    guard !bytes.isEmpty, bytes.count <= 261 else { return .malformedHost }
    var end = 0
    if bytes[0] == 0x5B {
      end = 1
      while end < bytes.count && bytes[end] != 0x5D {
        guard hexadecimal(bytes[end]) != 0xFF || bytes[end] == 0x3A || bytes[end] == 0x2E else { return .malformedHost }
        end += 1
      }
      guard end < bytes.count, end > 2 else { return .malformedHost }
      end += 1
    } else {
      while end < bytes.count && ByteClass.hostName.contains(bytes[end]) { end += 1 }
      guard end > 0 else { return .malformedHost }
    }
    if end < bytes.count {
      guard bytes[end] == 0x3A, bytes.count - end <= 6 else { return .malformedHost }
      var port = 0
      for byte in bytes[(end + 1)...] {
        guard byte &- 0x30 < 10 else { return .malformedHost }
        port = port * 10 + Int(byte &- 0x30)
      }
      guard port <= 65535 else { return .malformedHost }
    }
    authority = field
    settleLowercaseHost(ByteRange(offset: field.start, length: end))
    return nil
  }

  private func settleLowercaseHost(_ field: ByteRange) {
    var name = field
    if name.count > 1 && base[name.end - 1] == 0x2E { name.length -= 1 }
    var hasUpper = false
    for byte in bytes(name) where byte &- 0x41 < 26 { hasUpper = true }
    host = name
    guard hasUpper else { return }
    host = appendCopy(of: name)
    for index in host.start..<host.end { base[index] = lowercased(base[index]) }
  }

  /// Splits and checks an origin-form target.
  func settlePath(_ target: ByteRange) -> Refusal? {
    let bytes = self.bytes(target)
    var end = bytes.count
    var needsCare = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte >= 0x7F || byte <= 0x20 { return .badTarget }
      switch byte {
      case 0x23: return .targetFragment
      case 0x3F:
        if end == bytes.count && !hasQuery {
          end = index
          hasQuery = true
        }
      case 0x25, 0x5C: if !hasQuery { needsCare = true }
      case 0x2E: if !hasQuery && index > 0 && bytes[index - 1] == 0x2F { needsCare = true }
      case 0x2F: if !hasQuery && index > 0 && bytes[index - 1] == 0x2F { hasEmptySegment = true }
      default: break
      }
      index += 1
    }
    path = ByteRange(offset: target.start, length: end)
    if hasQuery { query = ByteRange(offset: target.start + end + 1, length: bytes.count - end - 1) }
    routingPath = path
    return needsCare ? decodeRoutingPath() : nil
  }

  /// Decodes what is safe to decode for rules, and refuses dot segments. Reserved characters stay encoded, with
  /// upper-case digits, since decoding them would change how the path is split (RFC 3986 section 2.2).
  private func decodeRoutingPath() -> Refusal? {
    reserve(path.count)
    let mark = byteCount
    let source = bytes(path)
    var index = 0
    // The current segment, as a resolver that decodes everything would see it.
    var dots = 0
    var others = false
    while index < source.count {
      var byte = source[index]
      var encoded = false
      if byte == 0x25 {
        guard index + 2 < source.count else { return .badPercentEncoding }
        let high = hexadecimal(source[index + 1])
        let low = hexadecimal(source[index + 2])
        guard high != 0xFF, low != 0xFF else { return .badPercentEncoding }
        byte = high << 4 | low
        guard byte >= 0x20, byte != 0x7F else { return .badPercentEncoding }
        encoded = true
        index += 2
      }
      index += 1
      if byte == 0x2F || byte == 0x5C {
        if !others && (dots == 1 || dots == 2) { return .dotSegment }
        dots = 0
        others = false
      } else if byte == 0x2E {
        dots += 1
      } else if byte == 0x3B && !others && (dots == 1 || dots == 2) {
        // Servlet containers cut `;` and what follows off a segment before they resolve dots.
        return .dotSegment
      } else {
        others = true
      }
      if encoded && ByteClass.reserved.contains(byte) {
        append(byte: 0x25)
        append(byte: Self.upperHexadecimal(byte >> 4))
        append(byte: Self.upperHexadecimal(byte & 0xF))
      } else {
        append(byte: byte)
      }
    }
    if !others && (dots == 1 || dots == 2) { return .dotSegment }
    routingPath = range(since: mark)
    return nil
  }

  private static func upperHexadecimal(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x37
  }
}
