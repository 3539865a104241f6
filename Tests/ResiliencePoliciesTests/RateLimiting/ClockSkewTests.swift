import ResiliencePolicies
import Testing

@Suite("clock skew")
struct ClockSkewTests {
  @Test(
    "only what cannot be otherwise is too far apart",
    arguments: [
      // sent, received, the store's clock, whether that proves it
      (0, 1_000, 60_000, true), (0, 1_000, 50_500, false), (0, 200_000, 100_000, false), (0, 10_000, -50_001, true),
      (0, 10_000, -49_000, false), (0, 500_000, 549_000, false), (0, 500_000, 551_000, true),
    ] as [(Int64, Int64, Int64, Bool)])
  func interval(_ sent: Int64, _ received: Int64, _ server: Int64, _ isProof: Bool) {
    var skew = ClockSkew()
    let hasChanged = skew.note(sent: sent, received: received, server: server)
    #expect(hasChanged == isProof)
    #expect(skew.isTooLarge == isProof)
  }

  @Test("a slow answer does not end it, a quick one that agrees does")
  func end() {
    var skew = ClockSkew()
    _ = skew.note(sent: 0, received: 1_000, server: 100_000)
    let afterSlow = skew.note(sent: 0, received: 500_000, server: 100_000)
    #expect(!afterSlow && skew.isTooLarge)
    let afterQuick = skew.note(sent: 0, received: 1_000, server: 2_000)
    #expect(afterQuick && !skew.isTooLarge)
  }
}

@Suite("blocked sources")
struct BlockedSourcesTests {
  @Test("a source is refused until its time and not after")
  func until() {
    let blocked = BlockedSources(sourcesMax: 100)
    let key = SourceKey(high: 1, low: 2)
    #expect(blocked.end(key, now: 5) == nil)
    blocked.block(key, until: 10, now: 5)
    #expect(blocked.end(key, now: 9) == 10)
    #expect(blocked.end(key, now: 10) == nil)
    blocked.block(key, until: 20, now: 10)
    blocked.removeAll()
    #expect(blocked.end(key, now: 11) == nil)
  }
}
