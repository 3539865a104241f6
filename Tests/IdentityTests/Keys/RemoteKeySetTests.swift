import Crypto
import Synchronization
import Testing

@testable import Identity

@Suite struct RemoteKeySetTests {
  private let set: RemoteKeySet
  private let wakes = Counter()

  private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    func add() { number.add(1, ordering: .relaxed) }
    var value: Int { number.load(ordering: .relaxed) }
  }

  init() {
    let wakes = self.wakes
    set = RemoteKeySet(KeySetSource(url: "http://x", refresh: 600, timeout: 5, staleFor: 3600)) { wakes.add() }
  }

  private func text(_ id: String = "a") -> [UInt8] {
    let raw = Array(P256.Signing.PrivateKey().publicKey.rawRepresentation)
    let (x, y) = (TokenMaker.base64(raw.prefix(32)), TokenMaker.base64(raw.suffix(32)))
    return Array(#"{"keys":[{"kty":"EC","crv":"P-256","kid":"\#(id)","x":"\#(x)","y":"\#(y)"}]}"#.utf8)
  }

  @Test func aNewSetIsDueAtOnceAndThenEveryRefresh() {
    #expect(set.keys(now: 0) == nil)
    #expect(set.begins(now: 0))
    #expect(!set.begins(now: 0), "one fetch at a time")
    set.ended(.success(text()), now: 1)
    #expect(set.keys(now: 1)?.keys.count == 1)
    #expect(!set.begins(now: 600))
    #expect(set.begins(now: 601))
  }

  @Test func failuresAreTriedAgainMoreAndMoreRarely() {
    var now: Int64 = 0
    var waits: [Int64] = []
    for _ in 0..<9 {
      #expect(set.begins(now: now))
      set.ended(.failure(KeySetMistake("down")), now: now)
      let start = now
      while !set.begins(now: now) { now += 1 }
      waits.append(now - start)
      set.ended(.failure(KeySetMistake("down")), now: now)
      now += 100
    }
    #expect(waits.prefix(3) == [1, 4, 16])
    #expect(waits.allSatisfy { $0 <= 60 })
  }

  @Test func keysOutliveAnEndpointThatIsDownForTheStatedTime() throws {
    #expect(set.begins(now: 0))
    set.ended(.success(text()), now: 0)
    let generation = try #require(set.keys(now: 0)).generation
    #expect(set.begins(now: 600))
    set.ended(.failure(KeySetMistake("down")), now: 600)
    #expect(set.keys(now: 3599)?.generation == generation)
    #expect(set.keys(now: 3600) == nil)
    #expect(set.view(now: 3600).lastFailure == "down")
    #expect(!set.view(now: 3600).isUsable)
  }

  @Test func theSameBytesKeepTheGenerationAndOthersDoNot() throws {
    let first = text()
    #expect(set.begins(now: 0))
    set.ended(.success(first), now: 0)
    let generation = try #require(set.keys(now: 0)).generation
    #expect(set.begins(now: 600))
    set.ended(.success(first), now: 600)
    #expect(set.keys(now: 600)?.generation == generation)
    #expect(set.begins(now: 1200))
    set.ended(.success(text("b")), now: 1200)
    #expect(set.keys(now: 1200)?.generation != generation)
  }

  @Test func aSetWithoutUsableKeysChangesNothing() throws {
    #expect(set.begins(now: 0))
    set.ended(.success(text()), now: 0)
    for bad in ["", "<html>", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
      set.ended(.success(Array(bad.utf8)), now: 1)
      #expect(set.keys(now: 2)?.keys.count == 1)
      #expect(set.view(now: 2).lastFailure != nil)
    }
  }

  @Test func askingIsForAllTogetherAndNotTooOften() {
    #expect(set.begins(now: 0))
    set.ended(.success(text()), now: 0)
    let told = Counter()
    #expect(set.ask(now: 50, whenOver: { told.add() }) == .waits)
    #expect(set.begins(now: 50))
    #expect(!set.begins(now: 50))
    set.ended(.success(text("b")), now: 51)
    #expect(told.value > 0)
    let after = told.value
    #expect(set.ask(now: 59, whenOver: { told.add() }) == .no)
    #expect(set.ask(now: 60, whenOver: { told.add() }) == .waits)
    #expect(told.value == after)
    #expect(wakes.value >= 2)
  }

  @Test func aFetchThatRunsIsWaitedForWhoeverAsks() {
    #expect(set.begins(now: 0))
    let told = Counter()
    #expect(set.ask(now: 0, whenOver: { told.add() }) == .waits)
    #expect(set.ask(now: 1, whenOver: { told.add() }) == .waits)
    set.ended(.failure(KeySetMistake("down")), now: 2)
    #expect(told.value == 2)
  }

  @Test func notMoreThanSoManyWait() {
    #expect(set.begins(now: 0))
    for _ in 0..<RemoteKeySet.waitersMax { #expect(set.ask(now: 0, whenOver: {}) == .waits) }
    #expect(set.ask(now: 0, whenOver: {}) == .no)
  }

  @Test func aRegistryHasOneSetForASourceAndForgetsUnusedOnes() {
    let registry = KeySetRegistry()
    let wakes = self.wakes
    registry.onWake { wakes.add() }
    let source = KeySetSource(url: "http://x", refresh: 1, timeout: 1, staleFor: 1)
    var one: RemoteKeySet? = registry.set(for: source)
    #expect(registry.set(for: source) === one)
    #expect(registry.sets.count == 1)
    #expect(wakes.value == 1)
    one = nil
    #expect(one == nil && registry.sets.isEmpty)
  }
}
