/// Two clocks: what the world calls now, and one that never goes back.
@frozen
public struct TokenTime: Sendable {
  /// Seconds since 1970.
  public var wall: Int64
  /// Seconds since some fixed moment.
  public var steady: Int64

  @inlinable
  public init(wall: Int64, steady: Int64) {
    self.wall = wall
    self.steady = steady
  }
}

/// Remembers what checks of tokens came to.
///
/// The problem: a signature costs a hundred microseconds, and a client sends the same token with every request. The
/// rule: a token that passed is known again by a keyed hash of all its bytes until it expires, at most five minutes,
/// and while the keys are the same; so a key that was withdrawn, or rights that the issuer would not renew, end soon.
/// One that was refused for good is known for a minute, so that a client that repeats itself, or an attacker with one
/// token, costs no signature. Both memories are tables of fixed size. A wall clock that is set back does not
/// lengthen anything: the five minutes are counted by the other clock.
public final class TokenMemory: Sendable {
  /// What is known of a token.
  public enum Recall: Sendable {
    case unknown
    case verified(VerifiedToken)
    case refused(TokenRefusal)
  }

  /// Seconds.
  public static let verifiedForMax: Int64 = 300
  public static let refusedFor: Int64 = 60
  /// Of the tokens that are remembered as good, with their claims: issuers write as much as they like.
  public static let verifiedBytesMax = 64 * 1024 * 1024

  private let hash = TokenHash()
  private let verified: FingerprintTable<VerifiedToken>
  private let refused: FingerprintTable<TokenRefusal>
  private let filter: BloomFilter

  /// - Parameters:
  ///   - verifiedMax: tokens that are remembered as good, with their claims.
  ///   - refusedMax: tokens that are remembered as refused.
  public init(verifiedMax: Int = 16 * 1024, refusedMax: Int = 16 * 1024) {
    verified = FingerprintTable(capacity: verifiedMax, bytesMax: Self.verifiedBytesMax, size: \.memoryBytes)
    refused = FingerprintTable(capacity: refusedMax)
    filter = BloomFilter(capacity: refusedMax, lifetime: Self.refusedFor)
  }

  /// What the token is remembered by.
  public func fingerprint(_ token: UnsafeRawBufferPointer) -> TokenFingerprint { hash.fingerprint(token) }

  /// - Parameter generation: of the keys that tokens are checked with now.
  public func recall(_ print: TokenFingerprint, generation: UInt64, now: TokenTime) -> Recall {
    if let token = verified.value(print, generation: generation, now: now.steady) {
      // Whoever finds it expired checks it again and learns why.
      return now.wall < token.validUntil ? .verified(token) : .unknown
    }
    guard filter.mayContain(print), let refusal = refused.value(print, generation: generation, now: now.steady) else {
      return .unknown
    }
    return .refused(refusal)
  }

  /// Keeps a token that was verified with the keys of that generation.
  public func remember(_ token: VerifiedToken, _ print: TokenFingerprint, generation: UInt64, now: TokenTime) {
    let seconds = min(Self.verifiedForMax, token.validUntil - now.wall)
    guard seconds > 0 else { return }
    verified.remember(token, print, generation: generation, until: now.steady + seconds, now: now.steady)
  }

  /// Does nothing for refusals that the next moment could change.
  public func remember(_ refusal: TokenRefusal, _ print: TokenFingerprint, generation: UInt64, now: TokenTime) {
    guard refusal.isWorthRemembering else { return }
    refused.remember(
      refusal, print, generation: generation, until: now.steady + Self.refusedFor, now: now.steady)
    filter.insert(print, now: now.steady)
  }

  /// How many tokens are remembered as good, and as refused; for metrics, since it walks the tables.
  public func counts(now: TokenTime) -> (verified: Int, refused: Int) {
    (verified.count(now: now.steady), refused.count(now: now.steady))
  }

  /// For tests: bytes of the tokens that are remembered as good.
  var verifiedBytes: Int { verified.bytes }

  /// For tests: the filter says that it may have been refused, the table does not know it.
  func pretendRefused(_ print: TokenFingerprint, now: TokenTime) { filter.insert(print, now: now.steady) }
}
