/// Which claim is meant: the name of one of the token's own, or a JSON pointer into it (RFC 6901).
///
/// Names of claims are often URLs, with dots and slashes, so neither can separate. A text that begins with `/` is a
/// pointer, `/realm_access/roles`; any other is a name as it stands.
public struct ClaimPath: Sendable, Hashable {
  public let parts: [[UInt8]]

  /// Nil for texts that name nothing: the empty one, `/`, a tilde that escapes nothing.
  public init?(_ text: String) {
    guard text.utf8.first == UInt8(ascii: "/") else {
      guard !text.isEmpty else { return nil }
      parts = [Array(text.utf8)]
      return
    }
    var parts: [[UInt8]] = []
    for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard let bytes = Self.unescaped(part), !bytes.isEmpty else { return nil }
      parts.append(bytes)
    }
    guard parts.count <= Self.depthMax else { return nil }
    self.parts = parts
  }

  /// Pointers go at most this deep, as claims do.
  public static var depthMax: Int { 16 }

  private static func unescaped(_ part: Substring.UTF8View.SubSequence) -> [UInt8]? {
    var bytes: [UInt8] = []
    var iterator = part.makeIterator()
    while let byte = iterator.next() {
      guard byte == UInt8(ascii: "~") else {
        bytes.append(byte)
        continue
      }
      switch iterator.next() {
      case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
      case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
      default: return nil
      }
    }
    return bytes
  }
}
