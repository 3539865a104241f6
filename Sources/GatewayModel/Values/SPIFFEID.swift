// SPIFFE IDs, by the letter of the standard.
//
// An ID decides who somebody is, so there is one spelling of it and no repair: lower-case scheme and trust domain, no
// port, no user, no query, no percent-encoding, no empty or dot segments, no slash at the end. Two texts that differ
// are two identities.
//
// Source: SPIFFE-ID sections 2.1 to 2.4 (https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md).

/// A trust domain: who signs for the IDs that begin with its name.
public struct TrustDomain: Sendable, Hashable, CustomStringConvertible {
  public static let bytesMax = 255

  /// `shop.example`.
  public let name: String

  /// The name alone; nil unless it is lower-case letters, digits, `.`, `-` and `_`.
  public init?(name: some StringProtocol) {
    guard (1...Self.bytesMax).contains(name.utf8.count), name.utf8.allSatisfy(Self.isAllowed) else { return nil }
    self.name = String(name)
  }

  /// The name alone, or as an ID without a path: `shop.example` or `spiffe://shop.example`, as Traefik takes it.
  public init?(_ text: String) {
    self.init(name: text.hasPrefix(SPIFFEID.scheme) ? text.dropFirst(SPIFFEID.scheme.utf8.count) : text[...])
  }

  /// `spiffe://shop.example`, which names the domain in the Workload API.
  public var id: String { SPIFFEID.scheme + name }

  public var description: String { name }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

/// A workload's name: a trust domain and a path.
public struct SPIFFEID: Sendable, Hashable, CustomStringConvertible {
  public static let scheme = "spiffe://"
  /// Longer IDs are none (section 2.3).
  public static let bytesMax = 2048

  public let trustDomain: TrustDomain
  /// With its leading slash: `/ns/prod/sa/pay`.
  public let path: String

  /// - Throws: `SPIFFEIDMistake` with the rule that is broken.
  public init(_ text: String) throws(SPIFFEIDMistake) {
    let (trustDomain, path) = try Self.parts(of: text)
    guard !path.isEmpty else { throw .noPath }
    try Self.check(path: path)
    self.trustDomain = trustDomain
    self.path = String(path)
  }

  /// The trust domain and what follows it, which begins with a slash or is empty and is not looked at.
  static func parts(of text: String) throws(SPIFFEIDMistake) -> (TrustDomain, Substring) {
    guard text.utf8.count <= bytesMax else { throw .tooLong }
    guard text.hasPrefix(scheme) else { throw .scheme }
    let rest = text.dropFirst(scheme.utf8.count)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    guard let trustDomain = TrustDomain(name: rest[..<slash]) else { throw .trustDomain }
    return (trustDomain, rest[slash...])
  }

  public var description: String { trustDomain.id + path }

  /// Segments of letters, digits, `.`, `-` and `_`, none of them empty, `.` or `..` (section 2.2).
  static func check(path: Substring) throws(SPIFFEIDMistake) {
    for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard !segment.isEmpty else { throw .emptySegment }
      guard segment != ".", segment != ".." else { throw .dotSegment }
      let isPlain = segment.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
      guard isPlain else { throw .character }
    }
  }
}

/// Why a text is no SPIFFE ID.
public enum SPIFFEIDMistake: Error, Sendable, Equatable, CaseIterable {
  case tooLong
  case scheme
  case trustDomain
  case noPath
  case emptySegment
  case dotSegment
  case character
}

extension SPIFFEIDMistake: CustomStringConvertible {
  /// What is wrong, ready to follow a colon.
  public var description: String {
    switch self {
    case .tooLong: "longer than \(SPIFFEID.bytesMax) bytes"
    case .scheme: "does not begin with spiffe://"
    case .trustDomain: "the trust domain is not lower-case letters, digits, '.', '-' and '_'"
    case .noPath: "has no path: it names a trust domain, not a workload"
    case .emptySegment: "its path has an empty segment or ends with '/'"
    case .dotSegment: "its path has a dot segment"
    case .character: "its path has a character other than letters, digits, '.', '-' and '_'"
    }
  }
}

/// The beginning of IDs: a trust domain, or a path below which they lie.
///
/// Whole segments count: `spiffe://shop.example/ns/prod` is the beginning of itself and of `…/ns/prod/sa/pay`, not of
/// `…/ns/production`.
public struct SPIFFEIDPrefix: Sendable, Hashable, CustomStringConvertible {
  public let trustDomain: TrustDomain
  /// Without a slash at its end; empty for the whole trust domain.
  public let path: String

  /// `spiffe://shop.example/ns/prod`; a slash at the end changes nothing.
  ///
  /// - Throws: `SPIFFEIDMistake` with the rule that is broken.
  public init(_ text: String) throws(SPIFFEIDMistake) {
    let (trustDomain, rest) = try SPIFFEID.parts(of: text)
    let path = rest.hasSuffix("/") ? rest.dropLast() : rest
    if !path.isEmpty { try SPIFFEID.check(path: path) }
    self.trustDomain = trustDomain
    self.path = String(path)
  }

  /// Whether the ID lies at or below.
  public func admits(_ id: SPIFFEID) -> Bool {
    guard id.trustDomain == trustDomain, id.path.utf8.starts(with: path.utf8) else { return false }
    let rest = id.path.utf8.dropFirst(path.utf8.count)
    return rest.isEmpty || rest.first == UInt8(ascii: "/")
  }

  public var description: String { trustDomain.id + path }
}
