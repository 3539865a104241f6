import Testing

@testable import LoadGeneration

@Suite struct LatencyHistogramTests {
  @Test(arguments: 0..<40)
  func percentilesAreRightToOnePercentAgainstSortedSamples(_ round: Int) {
    var random = SeededRandom(seed: testSeed &+ UInt64(round))
    var histogram = LatencyHistogram()
    var samples: [Int64] = []
    let count = Int.random(in: 1...5000, using: &random)
    let widest = 1 << Int.random(in: 4...41, using: &random)
    for _ in 0..<count {
      // Long tails, as latencies have them.
      let shape = random.unit()
      let value = Int64(Double(widest) * shape * shape * shape)
      samples.append(value)
      histogram.record(value)
    }
    samples.sort()
    for percent in [0.1, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100] {
      let rank = max(Int((percent / 100 * Double(count)).rounded(.up)), 1)
      let exact = samples[rank - 1]
      let found = histogram.percentile(percent)
      #expect(
        abs(Double(found - exact)) <= max(Double(exact) * 0.01, 0), "seed \(testSeed), round \(round), p\(percent)")
    }
    #expect(histogram.minimum == samples.first)
    #expect(histogram.maximum == samples.last)
  }

  @Test func everyValueFindsABucketThatIsNear() {
    var value: Int64 = 0
    while value <= LatencyHistogram.nanosecondsMax {
      var histogram = LatencyHistogram()
      histogram.record(value)
      histogram.record(LatencyHistogram.nanosecondsMax)
      #expect(abs(Double(histogram.percentile(50) - value)) <= Double(value) * 0.005)
      value = value < 4 ? value + 1 : value + value / 3
    }
  }

  @Test func sumsOfHistogramsAreTheHistogramOfAll() {
    var random = SeededRandom(seed: testSeed)
    var parts = [LatencyHistogram](repeating: LatencyHistogram(), count: 4)
    var whole = LatencyHistogram()
    for index in 0..<10_000 {
      let value = Int64(random.next() >> UInt64(Int.random(in: 23...60, using: &random)))
      parts[index % 4].record(value)
      whole.record(value)
    }
    var sum = LatencyHistogram()
    for part in parts { sum.add(part) }
    #expect(sum.percentile(50) == whole.percentile(50))
    #expect(sum.percentile(99.9) == whole.percentile(99.9))
    #expect((sum.minimum, sum.maximum, sum.count) == (whole.minimum, whole.maximum, whole.count))
    sum.reset()
    #expect(sum == LatencyHistogram())
  }

  @Test func nothingAndNonsenseAreTaken() {
    var histogram = LatencyHistogram()
    #expect(histogram.percentile(99) == 0)
    histogram.record(-5)
    histogram.record(.max)
    #expect(histogram.minimum == 0)
    #expect(histogram.maximum == LatencyHistogram.nanosecondsMax)
    #expect(histogram.count == 2)
  }
}
