import Testing

@testable import ResiliencePolicies

@Suite struct LatencyHistogramTests {
  @Test("a bucket holds its own upper end, and the next microsecond is in the next one")
  func buckets() {
    for index in 0..<(LatencyHistogram.bucketCount - 1) {
      let end = LatencyHistogram.upperEnd(index)
      #expect(LatencyHistogram.index(end) == index)
      #expect(LatencyHistogram.index(end + 1) == index + 1)
    }
    #expect(LatencyHistogram.index(1 << 32 - 1) == LatencyHistogram.bucketCount - 1)
  }

  @Test("quantiles are within a thirty-second of the sorted list's")
  func quantiles() {
    var state: UInt64 = 7
    var histogram = LatencyHistogram()
    var values: [UInt64] = []
    for _ in 0..<10_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // From microseconds to seconds, evenly over the powers.
      let value = (state >> 28) >> ((state >> 5) % 30)
      values.append(value)
      histogram.add(nanoseconds: value)
    }
    values.sort()
    for quantile in [1.0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100] {
      let rank = max(1, Int(quantile / 100 * 10_000 + 0.5))
      let exact = Double(values[rank - 1])
      let found = Double(histogram.latency(atQuantile: quantile))
      #expect(found >= exact - 1000 && found <= exact * 1.04 + 1000, "p\(quantile): \(found) for \(exact)")
    }
    #expect(LatencyHistogram().latency(atQuantile: 50) == 0)
  }

  @Test("pieces leave the window in turn")
  func window() {
    var window = LatencyWindow(pieces: 3, of: 10)
    for time in [0, 5, 12, 25] as [UInt64] { window.add(nanoseconds: time * 1000, now: time) }
    func count(_ now: UInt64) -> UInt64 {
      var all = LatencyHistogram()
      window.merge(into: &all, now: now)
      return all.count
    }
    #expect([25, 30, 40, 50].map(count) == [4, 2, 1, 0])
    window.add(nanoseconds: 1, now: 31)
    #expect(count(31) == 3)
    // A time whose piece has been taken by a later one.
    window.add(nanoseconds: 1, now: 1)
    #expect(count(31) == 3)
  }
}
