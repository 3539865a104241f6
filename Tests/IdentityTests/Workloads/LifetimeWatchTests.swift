import Testing

@testable import Identity

@Suite("The life of an SVID")
struct LifetimeWatchTests {
  @Test("a third left is said once, so is the end, and so is another SVID")
  func news() {
    var watch = LifetimeWatch()
    func look(_ now: Int64, from: Int64 = 0) -> LifetimeWatch.News? {
      watch.look(notBefore: from, notAfter: from + 3600, now: now)
    }
    #expect(look(0) == nil)
    #expect(look(2399) == nil)
    #expect(look(2400) == .due(secondsLeft: 1200))
    #expect(look(2401) == nil)
    #expect(look(3600) == nil)
    #expect(look(3601) == .expired)
    #expect(look(9999) == nil)
    #expect(look(10_000, from: 9990) == .recovered)
    #expect(look(10_001, from: 9990) == nil)
    #expect(look(12_390, from: 9990) == .due(secondsLeft: 1200))
  }

  @Test("one that comes with less than a third is due at once, and one that comes late is expired at once")
  func late() {
    var watch = LifetimeWatch()
    #expect(watch.look(notBefore: 0, notAfter: 300, now: 250) == .due(secondsLeft: 50))
    var other = LifetimeWatch()
    #expect(other.look(notBefore: 0, notAfter: 300, now: 301) == .expired)
    // Times the wrong way round are no trap.
    #expect(LifetimeWatch.state(notBefore: 300, notAfter: 0, now: 100) == .expired)
    #expect(LifetimeWatch.state(notBefore: 300, notAfter: 0, now: 0) == .due)
  }
}
