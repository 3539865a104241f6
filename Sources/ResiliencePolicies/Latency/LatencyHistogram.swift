/// Counts of latencies in buckets that are never wider than a thirty-second of what they hold.
///
/// The problem: a quantile needs all the values, and a gateway must not keep them. The rule is HdrHistogram's: linear
/// buckets inside each power of two, so that the error is relative and the same everywhere. 32 of them to a power of
/// two make it 3 %, from a microsecond to 71 minutes; what is longer counts as that. Why not a sketch: adding must
/// be one increment. Cost: 896 counters of 4 bytes.
public struct LatencyHistogram: Sendable {
  private static let steps = 32
  /// 2^32 microseconds.
  private static let microsecondsMax: UInt64 = 1 << 32 - 1
  static let bucketCount = steps * 28

  private var buckets = [UInt32](repeating: 0, count: LatencyHistogram.bucketCount)
  /// Latencies in the histogram.
  public private(set) var count: UInt64 = 0

  public init() {}

  /// Counts one latency.
  public mutating func add(nanoseconds: UInt64) {
    buckets[Self.index(min(nanoseconds / 1000, Self.microsecondsMax))] &+= 1
    count &+= 1
  }

  /// Counts all of another histogram.
  public mutating func add(_ other: LatencyHistogram) {
    for index in buckets.indices { buckets[index] &+= other.buckets[index] }
    count &+= other.count
  }

  /// Forgets everything and keeps the memory.
  public mutating func clear() {
    guard count > 0 else { return }
    for index in buckets.indices { buckets[index] = 0 }
    count = 0
  }

  /// The latency in nanoseconds that `quantile` per cent did not exceed: the upper end of its bucket. 0 when empty.
  public func latency(atQuantile quantile: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    // As hdrhistogram-go counts, which Traefik uses.
    let wanted = max(1, UInt64((min(max(quantile, 0), 100) / 100 * Double(count) + 0.5)))
    var seen: UInt64 = 0
    for index in buckets.indices where buckets[index] > 0 {
      seen &+= UInt64(buckets[index])
      if seen >= wanted { return Self.upperEnd(index) * 1000 }
    }
    return Self.microsecondsMax * 1000
  }

  static func index(_ microseconds: UInt64) -> Int {
    guard microseconds >= UInt64(steps) else { return Int(microseconds) }
    let shift = 63 - microseconds.leadingZeroBitCount - 5
    return (shift + 1) * steps + Int(microseconds >> UInt64(shift)) - steps
  }

  /// The greatest number of microseconds in a bucket.
  static func upperEnd(_ index: Int) -> UInt64 {
    guard index >= steps else { return UInt64(index) }
    let shift = UInt64(index / steps - 1)
    return (UInt64(index % steps + steps + 1) << shift) - 1
  }
}

/// Latencies of the last while: histograms for one piece of time each, used again in turn.
public struct LatencyWindow: Sendable {
  private let pieceNanoseconds: UInt64
  private var pieces: [LatencyHistogram]
  /// Which piece of time each one is for, from 1; 0: none.
  private var epochs: [UInt64]

  public init(pieces count: Int, of nanoseconds: UInt64) {
    pieceNanoseconds = max(1, nanoseconds)
    pieces = Array(repeating: LatencyHistogram(), count: max(1, count))
    epochs = Array(repeating: 0, count: max(1, count))
  }

  /// Counts a latency seen at `now`, in nanoseconds of a clock that does not go back.
  public mutating func add(nanoseconds: UInt64, now: UInt64) {
    let epoch = now / pieceNanoseconds + 1
    let index = Int(epoch % UInt64(pieces.count))
    if epochs[index] != epoch {
      // An older time than the piece's own is one that has left the window.
      guard epochs[index] < epoch else { return }
      pieces[index].clear()
      epochs[index] = epoch
    }
    pieces[index].add(nanoseconds: nanoseconds)
  }

  /// Adds what was counted within the window before `now`.
  public func merge(into histogram: inout LatencyHistogram, now: UInt64) {
    let epoch = now / pieceNanoseconds + 1
    for index in pieces.indices where epochs[index] > 0 && epochs[index] + UInt64(pieces.count) > epoch {
      histogram.add(pieces[index])
    }
  }

  /// Forgets everything and keeps the memory.
  public mutating func clear() {
    for index in pieces.indices { pieces[index].clear() }
    for index in epochs.indices { epochs[index] = 0 }
  }
}
