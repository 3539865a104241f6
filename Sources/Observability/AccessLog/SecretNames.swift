/// Names whose values are never written, whatever the configuration says.
///
/// The problem: an operator who sets `headers.defaultMode: keep` to look into one request writes everybody's
/// credentials to disk, where they outlive every rotation. The rule: a header field or query parameter whose name says
/// that its value is a credential is logged as `REDACTED`. Names are judged by what they contain, not by a list of
/// exact names: services invent `X-Acme-Session-Token` faster than lists grow. Its cost is an innocent `X-Token-Count`
/// redacted as well, which is the side to err on.
public enum SecretNames {
  private static let fragments: [StaticString] = [
    "authorization", "authentication", "cookie", "token", "secret", "passw", "passphrase", "credential", "session",
    "signature", "api-key", "api_key", "apikey", "access-key", "access_key", "accesskey", "private-key", "private_key",
    "x-auth", "jwt",
  ]
  /// Too short to be looked for inside other names.
  private static let wholeNames: [StaticString] = ["key", "sig", "auth", "pwd", "pin", "otp", "code"]

  /// Whether a header field of this name is a credential.
  public static func isSecret(header name: String) -> Bool {
    Array(name.utf8).withUnsafeBytes { isSecret(header: $0) }
  }

  /// A URL with the values of secret query parameters, and what stands before an `@`, replaced by `REDACTED`.
  public static func redacted(url: String) -> String {
    var result: [UInt8] = []
    Array(url.utf8).withUnsafeBytes { appendRedacted(url: $0, to: &result) }
    return String(decoding: result, as: UTF8.self)
  }

  /// Whether a header field of this name is a credential.
  static func isSecret(header name: UnsafeRawBufferPointer) -> Bool {
    fragments.contains { contains(name, $0) }
  }

  /// Whether a query parameter of this name is a credential. Escapes are looked through, as servers do.
  static func isSecret(parameter name: UnsafeRawBufferPointer) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { decoded in
      var count = 0
      var index = 0
      while index < name.count && count < decoded.count {
        if name[index] == UInt8(ascii: "%"), index + 2 < name.count, let high = hexValue(name[index + 1]),
          let low = hexValue(name[index + 2])
        {
          decoded[count] = high << 4 | low
          index += 3
        } else {
          decoded[count] = name[index]
          index += 1
        }
        count += 1
      }
      let bytes = UnsafeRawBufferPointer(rebasing: decoded[..<count])
      return isSecret(header: bytes)
        || wholeNames.contains { $0.utf8CodeUnitCount == bytes.count && contains(bytes, $0) }
    }
  }

  /// Copies a path or URL with the values of secret query parameters, and the password of a URL, replaced.
  static func appendRedacted(url: UnsafeRawBufferPointer, to result: inout [UInt8]) {
    let query = url.firstIndex(of: UInt8(ascii: "?")) ?? url.count
    appendWithoutUser(UnsafeRawBufferPointer(rebasing: url[..<query]), to: &result)
    guard query < url.count else { return }
    result.append(UInt8(ascii: "?"))
    var start = query + 1
    while start <= url.count {
      let rest = url[start...]
      let end = rest.firstIndex { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") } ?? url.count
      let pair = url[start..<end]
      let equals = pair.firstIndex(of: UInt8(ascii: "="))
      if let equals, isSecret(parameter: UnsafeRawBufferPointer(rebasing: url[start..<equals])) {
        result.append(contentsOf: url[start...equals])
        result.append(contentsOf: "REDACTED".utf8)
      } else {
        result.append(contentsOf: pair)
      }
      if end < url.count { result.append(url[end]) }
      start = end + 1
    }
  }

  /// `scheme://user:password@host` without what stands before the `@`.
  private static func appendWithoutUser(_ text: UnsafeRawBufferPointer, to result: inout [UInt8]) {
    var index = 0
    while index + 2 < text.count {
      guard text[index] == UInt8(ascii: ":"), text[index + 1] == UInt8(ascii: "/"), text[index + 2] == UInt8(ascii: "/")
      else {
        index += 1
        continue
      }
      let authority = text[(index + 3)...].prefix { $0 != UInt8(ascii: "/") }
      guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { break }
      result.append(contentsOf: text[..<(index + 3)])
      result.append(contentsOf: "REDACTED".utf8)
      result.append(contentsOf: text[at...])
      return
    }
    result.append(contentsOf: text)
  }

  /// Whether `text` contains `fragment`, which is in lower case, without regard to case.
  private static func contains(_ text: UnsafeRawBufferPointer, _ fragment: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: fragment.utf8Start, count: fragment.utf8CodeUnitCount)
    guard text.count >= wanted.count else { return false }
    for start in 0...(text.count - wanted.count) {
      var offset = 0
      while offset < wanted.count && LogText.lowercased(text[start + offset]) == wanted[offset] { offset += 1 }
      if offset == wanted.count { return true }
    }
    return false
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
