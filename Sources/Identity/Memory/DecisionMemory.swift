/// Remembers yes and no by a keyed hash of the whole question, for a while; bounded.
public final class DecisionMemory: Sendable {
  private let hash = TokenHash()
  private let table: FingerprintTable<Bool>
  private let seconds: Int64

  /// - Parameter seconds: how long an answer holds.
  public init(seconds: Int64, capacity: Int = 16 * 1024) {
    self.seconds = seconds
    table = FingerprintTable(capacity: capacity)
  }

  /// What the question is remembered by: a hash under a secret of the process.
  public func fingerprint(_ question: [UInt8]) -> TokenFingerprint { question.withUnsafeBytes { hash.fingerprint($0) } }

  /// - Parameter now: seconds of a clock that never goes back, here and below.
  public func recall(_ print: TokenFingerprint, now: Int64) -> Bool? { table.value(print, generation: 0, now: now) }

  /// Keeps an answer for its time; `now` in seconds.
  public func remember(_ answer: Bool, _ print: TokenFingerprint, now: Int64) {
    table.remember(answer, print, generation: 0, until: now + seconds, now: now)
  }
}
