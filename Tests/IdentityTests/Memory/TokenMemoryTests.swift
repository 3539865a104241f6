import Testing

@testable import Identity

@Suite struct TokenMemoryTests {
  private func token(until: Int64 = .max) throws -> VerifiedToken {
    VerifiedToken(claims: try JSONIndex(Array("{}".utf8), limits: .claims), validUntil: until, algorithm: .es256)
  }

  private func print(_ number: UInt64) -> TokenFingerprint {
    withUnsafeBytes(of: number) { TokenHash(key: (1, 2)).fingerprint($0) }
  }

  private func time(_ seconds: Int64) -> TokenTime { TokenTime(wall: 1_700_000_000 + seconds, steady: seconds) }

  /// vectors_128 of the reference implementation: key 00…0f, messages of 0, 1, … bytes 00, 01, …
  @Test(arguments: [
    (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
    (2, "8177228da4a45dc7fca38bdef60affe4"), (7, "a1f1ebbed8dbc153c0b84aa61ff08239"),
    (8, "3b62a9ba6258f5610f83e264f31497b4"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
  ])
  func fingerprintsAreSipHash(count: Int, wanted: String) {
    let hash = TokenHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
    let print = (0..<UInt8(count)).map { $0 }.withUnsafeBytes { hash.fingerprint($0) }
    let bytes = [print.high, print.low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    #expect(bytes == Fixtures.bytes(hex: wanted))
  }

  @Test func aGoodTokenIsKnownForFiveMinutesAtMost() throws {
    let memory = TokenMemory()
    memory.remember(try token(), print(1), generation: 1, now: time(0))
    #expect(memory.isVerified(print(1), 1, time(299)))
    #expect(!memory.isVerified(print(1), 1, time(300)))
    #expect(!memory.isVerified(print(2), 1, time(0)))
  }

  @Test func aGoodTokenIsKnownNoLongerThanItIsValid() throws {
    let memory = TokenMemory()
    memory.remember(try token(until: 1_700_000_010), print(1), generation: 1, now: time(0))
    #expect(memory.isVerified(print(1), 1, time(9)))
    #expect(!memory.isVerified(print(1), 1, time(10)))
    // The wall clock jumps ahead: at once. Back: no longer than by the other clock.
    #expect(!memory.isVerified(print(1), 1, TokenTime(wall: 1_700_000_010, steady: 1)))
    #expect(!memory.isVerified(print(1), 1, TokenTime(wall: 1_600_000_000, steady: 10)))
  }

  @Test func otherKeysMakeEverythingUnknown() throws {
    let memory = TokenMemory()
    memory.remember(try token(), print(1), generation: 1, now: time(0))
    memory.remember(.signature, print(2), generation: 1, now: time(0))
    #expect(!memory.isVerified(print(1), 2, time(0)))
    #expect(memory.refusal(print(2), 2, time(0)) == nil)
    #expect(memory.refusal(print(2), 1, time(0)) == .signature)
  }

  @Test func aRefusedTokenIsKnownForAMinute() {
    let memory = TokenMemory()
    memory.remember(.signature, print(1), generation: 1, now: time(0))
    #expect(memory.refusal(print(1), 1, time(59)) == .signature)
    #expect(memory.refusal(print(1), 1, time(60)) == nil)
    for refusal in TokenRefusal.allCases where !refusal.isWorthRemembering {
      memory.remember(refusal, print(9), generation: 1, now: time(0))
      #expect(memory.refusal(print(9), 1, time(0)) == nil)
    }
  }

  @Test func aFalsePositiveOnlyCostsAWholeCheck() {
    let memory = TokenMemory()
    memory.pretendRefused(print(1), now: time(0))
    guard case .unknown = memory.recall(print(1), generation: 1, now: time(0)) else {
      Issue.record("taken for refused")
      return
    }
  }

  @Test func bothMemoriesAreBounded() throws {
    let memory = TokenMemory(verifiedMax: 1024, refusedMax: 1024)
    let good = try token()
    for number in 0..<20_000 as Range<UInt64> {
      memory.remember(good, print(number), generation: 1, now: time(0))
      memory.remember(.signature, print(number + 100_000), generation: 1, now: time(0))
    }
    let counts = memory.counts(now: time(0))
    #expect(counts.verified <= 1024 && counts.verified > 900)
    #expect(counts.refused <= 1024 && counts.refused > 900)
    // What came last is there: eviction takes what ends first.
    memory.remember(good, print(7_777_777), generation: 1, now: time(1))
    #expect(memory.isVerified(print(7_777_777), 1, time(1)))
  }

  @Test func largeTokensAreBoundedInBytesToo() throws {
    let memory = TokenMemory()
    let list = (0..<900).map { "\"group \($0) of the shop\"" }.joined(separator: ",")
    let large = try VerifiedToken(assuming: Array("{\"groups\":[\(list)]}".utf8))
    #expect(large.memoryBytes > 30_000)
    for number in 0..<20_000 as Range<UInt64> {
      // Later ones end later, so they stay.
      memory.remember(large, print(number), generation: 1, now: time(Int64(number / 1000)))
    }
    #expect(memory.verifiedBytes <= TokenMemory.verifiedBytesMax)
    #expect(memory.verifiedBytes > TokenMemory.verifiedBytesMax / 2)
    #expect(memory.isVerified(print(19_999), 1, time(20)))
    #expect(!memory.isVerified(print(0), 1, time(20)))
    // Small ones take their place again.
    let small = try token()
    for number in 0..<60_000 as Range<UInt64> {
      memory.remember(small, print(number + 1_000_000), generation: 1, now: time(30))
    }
    #expect(memory.verifiedBytes < 16 * 1024 * 1024)
    #expect(memory.counts(now: time(30)).verified > 10_000)
  }
}

extension TokenMemory {
  fileprivate func isVerified(_ print: TokenFingerprint, _ generation: UInt64, _ now: TokenTime) -> Bool {
    if case .verified = recall(print, generation: generation, now: now) { true } else { false }
  }

  fileprivate func refusal(_ print: TokenFingerprint, _ generation: UInt64, _ now: TokenTime) -> TokenRefusal? {
    if case .refused(let refusal) = recall(print, generation: generation, now: now) { refusal } else { nil }
  }
}

@Suite struct BloomFilterTests {
  private func print(_ number: UInt64) -> TokenFingerprint {
    withUnsafeBytes(of: number) { TokenHash(key: (3, 4)).fingerprint($0) }
  }

  @Test func falsePositivesStayUnderOneInAHundred() {
    let filter = BloomFilter(capacity: 4096, lifetime: 60)
    // Both halves full, as they are under a flood.
    for number in 0..<8192 as Range<UInt64> { filter.insert(print(number), now: 0) }
    for number in 0..<8192 as Range<UInt64> { #expect(filter.mayContain(print(number))) }
    let wrong = (1_000_000..<1_100_000 as Range<UInt64>).count { filter.mayContain(print($0)) }
    #expect(wrong < 1000, "\(wrong) of 100000")
  }

  @Test func entriesGoAfterTwoLifetimesAtTheLatest() {
    let filter = BloomFilter(capacity: 64, lifetime: 60)
    filter.insert(print(1), now: 0)
    filter.insert(print(2), now: 60)
    #expect(filter.mayContain(print(1)))
    filter.insert(print(3), now: 120)
    #expect(!filter.mayContain(print(1)))
    #expect(filter.mayContain(print(2)) && filter.mayContain(print(3)))
  }
}

@Suite struct CheckPlacesTests {
  @Test func loopsCheckAFewAndThePoolTheRest() {
    let places = CheckPlaces(hereMax: 2, queuedMax: 3)
    let taken = (0..<6).map { _ in places.place(isQuick: true, now: 0) }
    #expect(taken == [.here, .here, .elsewhere, .elsewhere, .elsewhere, .nowhere])
    places.done()
    #expect(places.place(isQuick: true, now: 9_999_999) == .elsewhere)
    #expect(places.place(isQuick: true, now: 10_000_000) == .here)
  }

  @Test func slowOnesNeverRunOnALoop() {
    let places = CheckPlaces(hereMax: 2, queuedMax: 1)
    #expect(places.place(isQuick: false, now: 0) == .elsewhere)
    #expect(places.place(isQuick: false, now: 0) == .nowhere)
    #expect(places.place(isQuick: true, now: 0) == .here)
  }

  @Test func manyThreadsTakeNoMoreThanThereIs() async {
    let places = CheckPlaces(hereMax: 100, queuedMax: 50)
    let counts = await withTaskGroup(of: [Int].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var counts = [0, 0, 0]
          for _ in 0..<100 {
            switch places.place(isQuick: true, now: 5) {
            case .here: counts[0] += 1
            case .elsewhere: counts[1] += 1
            case .nowhere: counts[2] += 1
            }
          }
          return counts
        }
      }
      return await group.reduce([0, 0, 0]) { zip($0, $1).map(+) }
    }
    #expect(counts == [100, 50, 650])
  }
}
