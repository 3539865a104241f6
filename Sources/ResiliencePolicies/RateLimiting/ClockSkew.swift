/// Whether this machine's clock agrees with a store's.
///
/// The problem: gateways that share a limit write states with times in them. The store's clock is the one that
/// counts, but a gateway whose own is far off is misconfigured, and its logs and tokens are wrong in ways nobody
/// sees. The rule: a gateway more than 50 ms away does not take part, and says so. One exchange tells an interval:
/// the store's time was read after the question left and before the answer came, so the difference of the clocks lies
/// between `server - received` and `server - sent`. Slow networks widen the interval and prove nothing; only an
/// interval wholly outside the tolerance does, and only one wholly inside ends the matter.
public struct ClockSkew: Sendable, Equatable {
  public static let toleranceMicroseconds: Int64 = 50_000

  /// The store's clock minus ours: the middle of the last interval, in microseconds.
  public private(set) var offsetMicroseconds: Int64 = 0
  /// Whether the clocks were too far apart when that could last be told.
  public private(set) var isTooLarge = false

  public init() {}

  /// Notes one exchange; times in microseconds since 1970.
  ///
  /// - Returns: whether `isTooLarge` has changed.
  public mutating func note(sent: Int64, received: Int64, server: Int64) -> Bool {
    let lowest = server &- max(received, sent)
    let highest = server &- sent
    offsetMicroseconds = lowest &+ (highest &- lowest) / 2
    let before = isTooLarge
    if lowest > Self.toleranceMicroseconds || highest < -Self.toleranceMicroseconds {
      isTooLarge = true
    } else if lowest >= -Self.toleranceMicroseconds && highest <= Self.toleranceMicroseconds {
      isTooLarge = false
    }
    return before != isTooLarge
  }
}
