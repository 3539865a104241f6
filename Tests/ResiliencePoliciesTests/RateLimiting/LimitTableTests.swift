import Dispatch
import Synchronization
import Testing

@testable import ResiliencePolicies

private let second: UInt64 = 1_000_000_000

private func bucket(_ average: UInt64 = 100, burst: UInt64 = 10) throws -> LimitQuota {
  try LimitQuota(.tokenBucket, average: average, periodNanoseconds: second, burst: burst)
}

@Suite("limit table")
struct LimitTableTests {
  private func key(_ number: Int) -> SourceKey {
    var hash = SourceHash(SourceHash.Secret(11, 12))
    hash.take(UInt64(number))
    return hash.finish()
  }

  @Test("exactly the burst passes, however many threads ask at the same moment")
  func exact() throws {
    let table = LimitTable(try bucket(burst: 1000), sourcesMax: 1000)
    let passed = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<2000 where table.decide(key(1), now: 9 * second).verdict == .pass {
        passed.wrappingAdd(1, ordering: .relaxed)
      }
    }
    #expect(passed.load(ordering: .relaxed) == 1000)
  }

  @Test("sources do not take from one another")
  func apart() throws {
    let table = LimitTable(try bucket(burst: 2), sourcesMax: 1000)
    for number in 0..<1000 {
      let verdicts = (0..<3).map { _ in table.decide(key(number), now: second).verdict }
      #expect(verdicts == [.pass, .pass, .refuse])
    }
    #expect(table.sources == 1000)
  }

  @Test("as many sources as promised are kept", arguments: [1, 7, 85, 100, 341, 5000, 5461, 43_690, 65_536, 87_381])
  func promised(_ sources: Int) throws {
    let table = LimitTable(try bucket(), sourcesMax: sources)
    for number in 0..<sources { _ = table.decide(key(number), now: second) }
    #expect(table.evictions == 0)
    #expect(table.sources == sources)
    #expect(table.memoryBytes <= max(sources, 8) * 3 * 32)
  }

  @Test("a million sources cost the stated memory and no more")
  func million() throws {
    let table = LimitTable(try bucket(), sourcesMax: 65_536)
    #expect(table.memoryBytes == 131_072 * 32)
    for number in 0..<1_000_000 { _ = table.decide(key(number), now: second) }
    #expect(table.sources <= 131_072)
    #expect(table.evictions >= 1_000_000 - 131_072)
  }

  @Test("who can be forgotten goes first, then the oldest")
  func eviction() throws {
    let quota = try bucket(1, burst: 5)
    var slots = SourceSlots(count: 8)
    // All keys have the same eight places.
    for number in 1...8 {
      let place = slots.place(SourceKey(high: UInt64(number), low: 5)) { _ in false }
      _ = quota.decide(&place.pointee, now: UInt64(number) * second)
      if number != 6 { for _ in 0..<4 { _ = quota.decide(&place.pointee, now: UInt64(number) * second) } }
    }
    let now = 9 * second
    // Number 6 owes nothing any more; number 1 was there first.
    _ = slots.place(SourceKey(high: 9, low: 5)) { $0.since < 6 * second ? false : quota.isForgettable($0, now: now) }
    #expect(slots.find(SourceKey(high: 6, low: 5)) == nil)
    #expect(slots.evictions == 0)
    slots.find(SourceKey(high: 9, low: 5))?.pointee.since = now
    _ = slots.place(SourceKey(high: 10, low: 5)) { _ in false }
    #expect(slots.find(SourceKey(high: 1, low: 5)) == nil)
    #expect(slots.evictions == 1)
    for number in [2, 3, 4, 5, 7, 8, 9, 10] { #expect(slots.find(SourceKey(high: UInt64(number), low: 5)) != nil) }
  }

  @Test("other numbers are in force at once and do not fill the buckets again")
  func replaced() throws {
    let table = LimitTable(try bucket(1, burst: 3), sourcesMax: 10)
    for _ in 0..<3 { #expect(table.decide(key(1), now: second).verdict == .pass) }
    table.replaceQuota(try bucket(1, burst: 5))
    #expect((0..<3).map { _ in table.decide(key(1), now: second).verdict } == [.pass, .pass, .refuse])
    table.replaceQuota(try bucket(0))
    #expect(table.decide(key(1), now: second).verdict == .pass)
    #expect(table.quota.average == 0)
  }
}
