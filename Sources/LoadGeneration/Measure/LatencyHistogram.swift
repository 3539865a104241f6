/// Counts of latencies in log-linear buckets, as in HdrHistogram: percentiles of any size of sample in fixed memory.
///
/// Each power of two is cut into 128 buckets of equal width, so a bucket is at most 1/128 of its value wide and its
/// middle at most 0.4 % from every value in it. Values below 128 ns have buckets of their own. An own one instead of
/// hdrhistogram-swift because this is written once for every response (a shift and an add here, a call over
/// a generic there), merged once a second and summed over threads: 38 kB, and nothing to configure.
public struct LatencyHistogram: Sendable, Equatable {
  private static let subBits: Int = 7
  /// Values above this (73 minutes) are counted as this.
  public static let nanosecondsMax: Int64 = (1 << 42) - 1
  private static let bucketsCount = bucket(of: nanosecondsMax) + 1

  private var counts = [UInt64](repeating: 0, count: bucketsCount)
  /// How many values there are.
  public private(set) var count: UInt64 = 0
  /// The smallest and the largest value, exact; zero when there is none.
  public private(set) var minimum: Int64 = 0
  public private(set) var maximum: Int64 = 0
  private var sum: Double = 0

  public init() {}

  /// Counts one value in nanoseconds. Negative ones count as zero.
  public mutating func record(_ nanoseconds: Int64) {
    let value = Swift.min(Swift.max(nanoseconds, 0), Self.nanosecondsMax)
    counts[Self.bucket(of: value)] &+= 1
    if count == 0 || value < minimum { minimum = value }
    if value > maximum { maximum = value }
    count &+= 1
    sum += Double(value)
  }

  /// Adds the counts of another one.
  public mutating func add(_ other: LatencyHistogram) {
    guard other.count > 0 else { return }
    for index in counts.indices { counts[index] &+= other.counts[index] }
    minimum = count == 0 ? other.minimum : Swift.min(minimum, other.minimum)
    maximum = Swift.max(maximum, other.maximum)
    count &+= other.count
    sum += other.sum
  }

  /// Forgets everything and keeps the memory.
  public mutating func reset() {
    guard count > 0 else { return }
    for index in counts.indices { counts[index] = 0 }
    (count, minimum, maximum, sum) = (0, 0, 0, 0)
  }

  /// The mean in nanoseconds; zero when there is no value.
  public var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// The value that `percent` of all values are not above, in nanoseconds and right to 1 %; zero without values.
  /// 100 is the exact maximum.
  public func percentile(_ percent: Double) -> Int64 {
    guard count > 0 else { return 0 }
    // The nearest-rank definition: the value whose rank is the percentage of the count, rounded up.
    let rank = Swift.max(UInt64((percent / 100 * Double(count)).rounded(.up)), 1)
    guard rank < count else { return maximum }
    var seen: UInt64 = 0
    for index in counts.indices where counts[index] > 0 {
      seen += counts[index]
      if seen >= rank { return Swift.min(Swift.max(Self.middle(of: index), minimum), maximum) }
    }
    return maximum
  }

  private static func bucket(of value: Int64) -> Int {
    let shift = Swift.max(0, 63 - value.leadingZeroBitCount - subBits)
    return (shift << subBits) + Int(value >> Int64(shift))
  }

  private static func middle(of bucket: Int) -> Int64 {
    guard bucket >= 2 << subBits else { return Int64(bucket) }
    let shift = Int64((bucket >> subBits) - 1)
    let low = Int64(bucket & ((1 << subBits) - 1) | (1 << subBits)) << shift
    return low + ((1 << shift) - 1) / 2
  }
}
