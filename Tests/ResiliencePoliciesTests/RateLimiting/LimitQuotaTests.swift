import ResiliencePolicies
import Testing

@Suite("limit quota")
struct LimitQuotaTests {
  @Test(
    "numbers that are no limit are refused with their reason",
    arguments: [
      (1_000_000_001, 1_000_000_000, 1, .averageOutOfRange), (1, 0, 1, .periodOutOfRange),
      (1, 999, 1, .periodOutOfRange), (1, .max, 1, .periodOutOfRange), (1, 1_000_000_000, .max, .burstOutOfRange),
      (7, 31_622_400_000_000_000, 1_000_000, .burstTooLargeForRate),
    ] as [(UInt64, UInt64, UInt64, LimitQuota.Mistake)])
  func refused(_ average: UInt64, _ period: UInt64, _ burst: UInt64, _ mistake: LimitQuota.Mistake) {
    #expect(throws: mistake) {
      try LimitQuota(.tokenBucket, average: average, periodNanoseconds: period, burst: burst)
    }
  }

  @Test("a burst that no bucket could hold does not matter to windows, nor without a limit")
  func burstOfWindows() throws {
    let year: UInt64 = 31_622_400_000_000_000
    _ = try LimitQuota(.fixedWindow, average: 7, periodNanoseconds: year, burst: 1_000_000)
    _ = try LimitQuota(.tokenBucket, average: 0, periodNanoseconds: year, burst: 1_000_000_000)
  }

  @Test("an average of zero limits nothing", arguments: LimitAlgorithm.allCases)
  func unlimited(_ algorithm: LimitAlgorithm) throws {
    let quota = try LimitQuota(algorithm, average: 0, periodNanoseconds: 1_000_000_000, burst: 1)
    var state = LimitState()
    for _ in 0..<1000 { #expect(quota.decide(&state, now: 5).verdict == .pass) }
    #expect(!quota.isLimited)
  }

  @Test("w is the period in seconds, rounded up")
  func windowSeconds() throws {
    for (period, seconds) in [(1_000_000_000, 1), (1_000_000_001, 2), (1_000_000, 1), (60_000_000_000, 60)] {
      let quota = try LimitQuota(.tokenBucket, average: 1, periodNanoseconds: UInt64(period), burst: 1)
      #expect(quota.windowSeconds == UInt32(seconds))
    }
  }

  @Test("Retry-After is whole seconds, rounded up, and never zero")
  func retryAfter() {
    for (wait, seconds) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2), (59_999_999_999, 60)] {
      let decision = LimitDecision(
        .refuse, waitNanoseconds: UInt64(wait), remaining: 0, resetNanoseconds: 0, average: 1, windowSeconds: 1)
      #expect(decision.retryAfterSeconds == Int32(seconds))
    }
  }
}

@Suite("source hash")
struct SourceHashTests {
  /// `vectors_sip128` of the authors' code, input 00 01 02 … of the length named, key 00 01 … 0f.
  @Test(
    "agrees with the published vectors",
    arguments: [
      (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
      (61, "7697009a6a831dfecca91c5993670f7a"),
      (62, "5853542321f567a005d547a4f04759bd"), (63, "5150d1772f50834a503e069a973fbd7c"),
    ])
  func vectors(_ length: Int, _ expected: String) {
    let input = (0..<length).map { UInt8($0) }
    let secret = SourceHash.Secret(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
    let whole = input.withUnsafeBytes { SourceHash(secret).finish($0) }
    #expect(text(whole) == expected)
  }

  @Test("words taken one by one are the same input")
  func words() {
    let secret = SourceHash.Secret(3, 4)
    var hash = SourceHash(secret)
    hash.take(0x0706_0504_0302_0100)
    hash.take(0x0f0e_0d0c_0b0a_0908)
    let bytes = (0..<19).map { UInt8($0) }
    let split = bytes[16...].withUnsafeBytes { hash.finish($0) }
    #expect(split == bytes.withUnsafeBytes { SourceHash(secret).finish($0) })
    var words = SourceHash(secret)
    words.take(0x0706_0504_0302_0100)
    #expect(words.finish() == bytes[..<8].withUnsafeBytes { SourceHash(secret).finish($0) })
  }

  private func text(_ key: SourceKey) -> String {
    [key.low, key.high].map { word in
      (0..<8).map { index in
        let byte = UInt8(truncatingIfNeeded: word >> (8 * UInt64(index)))
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }.joined()
  }
}
