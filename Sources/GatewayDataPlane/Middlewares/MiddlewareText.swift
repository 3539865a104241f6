import GatewayModel

/// Texts of middlewares' configurations, made ready for requests.
enum MiddlewareText {
  /// Without white space at both ends, as Traefik takes prefixes and expressions.
  static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }

  static func expression(_ pattern: String, ignoringCase: Bool = false) throws(MiddlewareMistake) -> RegularExpression {
    do {
      return try RegularExpression(trimmed(pattern), ignoringCase: ignoringCase)
    } catch {
      throw MiddlewareMistake("\(pattern) is not a regular expression: \(error)")
    }
  }

  /// The bytes of a field's name; refuses what RFC 9110 section 5.1 does not allow.
  static func fieldName(_ text: String) throws(MiddlewareMistake) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty, bytes.allSatisfy(ByteClass.token.contains) else {
      throw MiddlewareMistake("\(text) is no name of a field")
    }
    return bytes
  }

  /// The bytes of a field's value, trimmed; refuses control characters (RFC 9110 section 5.5).
  static func fieldValue(_ text: String) throws(MiddlewareMistake) -> [UInt8] {
    let bytes = Array(trimmed(text).utf8)
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
      throw MiddlewareMistake("a field's value cannot hold control characters")
    }
    return bytes
  }
}

/// Why a middleware cannot be made of its configuration.
public struct MiddlewareMistake: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, for the operator.
  public let what: String

  init(_ what: String) {
    self.what = what
  }

  public var description: String { what }
}
