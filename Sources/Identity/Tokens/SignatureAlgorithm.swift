/// The signature algorithms of JSON Web Signature that are spoken here (RFC 7518 section 3.1, RFC 8037).
///
/// `none` is not among them, so no list of allowed algorithms can hold it.
public enum SignatureAlgorithm: String, Sendable, CaseIterable {
  case rs256 = "RS256", rs384 = "RS384", rs512 = "RS512"
  case ps256 = "PS256", ps384 = "PS384", ps512 = "PS512"
  case es256 = "ES256", es384 = "ES384", es512 = "ES512"
  case edDSA = "EdDSA"
  case hs256 = "HS256", hs384 = "HS384", hs512 = "HS512"

  /// The algorithm that a header's `alg` names, letter by letter: names are case-sensitive.
  init?(naming bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 5 else { return nil }
    let digits = (bytes[2], bytes[3], bytes[4])
    let size: Int
    switch digits {
    case (UInt8(ascii: "2"), UInt8(ascii: "5"), UInt8(ascii: "6")): size = 0
    case (UInt8(ascii: "3"), UInt8(ascii: "8"), UInt8(ascii: "4")): size = 1
    case (UInt8(ascii: "5"), UInt8(ascii: "1"), UInt8(ascii: "2")): size = 2
    default:
      guard areEqual(bytes, "EdDSA") else { return nil }
      self = .edDSA
      return
    }
    switch (bytes[0], bytes[1]) {
    case (UInt8(ascii: "R"), UInt8(ascii: "S")): self = [.rs256, .rs384, .rs512][size]
    case (UInt8(ascii: "P"), UInt8(ascii: "S")): self = [.ps256, .ps384, .ps512][size]
    case (UInt8(ascii: "E"), UInt8(ascii: "S")): self = [.es256, .es384, .es512][size]
    case (UInt8(ascii: "H"), UInt8(ascii: "S")): self = [.hs256, .hs384, .hs512][size]
    default: return nil
    }
  }

  /// True where a check takes a fifth of a millisecond or less, so that a loop may do it itself. The curves P-384 and
  /// P-521 have no fast code in BoringSSL: half a millisecond and more.
  public var isQuick: Bool { self != .es384 && self != .es512 }

  /// One bit each, for `AlgorithmSet`.
  fileprivate var bit: UInt16 {
    switch self {
    case .rs256: 1 << 0
    case .rs384: 1 << 1
    case .rs512: 1 << 2
    case .ps256: 1 << 3
    case .ps384: 1 << 4
    case .ps512: 1 << 5
    case .es256: 1 << 6
    case .es384: 1 << 7
    case .es512: 1 << 8
    case .edDSA: 1 << 9
    case .hs256: 1 << 10
    case .hs384: 1 << 11
    case .hs512: 1 << 12
    }
  }
}

/// The algorithms that tokens may have.
public struct AlgorithmSet: Sendable, Equatable {
  private var bits: UInt16 = 0

  public init(_ algorithms: some Sequence<SignatureAlgorithm>) {
    for algorithm in algorithms { bits |= algorithm.bit }
  }

  /// Whether the algorithm is one of the set.
  public func contains(_ algorithm: SignatureAlgorithm) -> Bool { bits & algorithm.bit != 0 }
  public var isEmpty: Bool { bits == 0 }
}
