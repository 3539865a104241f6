import Testing

@testable import ResiliencePolicies

@Suite struct BalancingTests {
  /// How often each of `count` members is chosen in `turns` turns.
  private static func shares(_ count: Int, _ turns: Int, _ pick: () -> Int?) -> [Int] {
    var shares = Array(repeating: 0, count: count)
    for _ in 0..<turns { if let index = pick() { shares[index] += 1 } }
    return shares
  }

  @Test("smooth round robin gives every member exactly its weight in each cycle, for a thousand sets of weights")
  func smoothShares() {
    var random = RandomStream(seed: TestSeed.fixed)
    for _ in 0..<1000 {
      let weights = (0..<(1 + random.below(8))).map { _ in random.below(7) }
      let total = weights.reduce(0, +)
      var credits = Array(repeating: 0, count: weights.count)
      let shares = credits.withUnsafeMutableBufferPointer { credits in
        Self.shares(weights.count, total * 3) {
          credits.baseAddress.flatMap { Balancing.smooth(weights.count, credits: $0) { weights[$0] } }
        }
      }
      #expect(shares == weights.map { $0 * 3 })
    }
  }

  @Test("5:1:1 never gives five in a row")
  func smoothOrder() {
    var credits = [0, 0, 0]
    let order = credits.withUnsafeMutableBufferPointer { credits in
      (0..<7).map { _ in
        "abc".map { $0 }[Balancing.smooth(3, credits: credits.baseAddress.unsafelyUnwrapped) { [5, 1, 1][$0] } ?? 0]
      }
    }
    #expect(String(order) == "aabacaa")
  }

  @Test("nobody is chosen when nobody may be, and only who may be otherwise, by every strategy")
  func usable() {
    var random = RandomStream(seed: TestSeed.fixed)
    for _ in 0..<3000 {
      let count = random.below(7)
      let isUsable = (0..<count).map { _ in random.below(3) == 0 }
      let costs = (0..<count).map { _ in Double(random.below(100)) }
      var turn = random.below(10)
      let two = Balancing.twoChoices(count, random: &random, usable: { isUsable[$0] }, cost: { costs[$0] })
      let all = Balancing.cheapest(count, turn: &turn, usable: { isUsable[$0] }, cost: { costs[$0] })
      let hashed = Rendezvous.pick(
        count, key: random.next(), seed: { UInt64($0) }, weight: { isUsable[$0] ? 1 : 0 })
      let any = isUsable.contains(true)
      for choice in [two, all, hashed] {
        #expect((choice != nil) == any)
        if let choice { #expect(isUsable[choice]) }
      }
      if let all { #expect(costs[all] == zip(isUsable, costs).filter(\.0).map(\.1).min()) }
    }
  }

  @Test("two choices reach every usable member alike, also where few are usable")
  func twoChoicesShares() {
    var random = RandomStream(seed: TestSeed.fixed)
    let even = Self.shares(10, 20_000) {
      Balancing.twoChoices(10, random: &random, usable: { _ in true }, cost: { _ in 1 })
    }
    for share in even { #expect(abs(share - 2000) < 250) }
    let few = Self.shares(10, 6000) {
      Balancing.twoChoices(10, random: &random, usable: { $0 % 5 == 0 }, cost: { _ in 1 })
    }
    #expect(few[0] + few[5] == 6000)
    #expect(abs(few[0] - 3000) < 400)
  }

  @Test("two choices never take the dearest of three when it was compared, and hold the busiest down")
  func twoChoicesCost() {
    var random = RandomStream(seed: TestSeed.fixed)
    let shares = Self.shares(3, 9000) {
      Balancing.twoChoices(3, random: &random, usable: { _ in true }, cost: { Double($0) })
    }
    // With two different draws out of three, member 2 always loses.
    #expect(shares[2] == 0)
    #expect(shares[0] > shares[1])
  }

  @Test("the cheapest of all takes turns among equals")
  func cheapestTurns() {
    var turn = 0
    let shares = Self.shares(4, 400) {
      Balancing.cheapest(4, turn: &turn, usable: { _ in true }, cost: { $0 == 3 ? 2 : 1 })
    }
    #expect(shares[3] == 0)
    #expect(shares[0] + shares[1] + shares[2] == 400)
    #expect(shares.min() == 0 && (shares[0] - shares[1]).magnitude < 140)
  }

  @Test("a rendezvous hash spreads keys by weight")
  func rendezvousShares() {
    let weights = [1, 2, 4, 0]
    var random = RandomStream(seed: TestSeed.fixed)
    let shares = Self.shares(4, 28_000) {
      Rendezvous.pick(4, key: random.next(), seed: { RandomStream.mix(UInt64($0) + 77) }, weight: { weights[$0] })
    }
    #expect(shares[3] == 0)
    for index in 0..<3 { #expect(abs(shares[index] - 4000 * weights[index]) < 500) }
  }

  @Test("when a member goes only its keys move, and they spread over the others")
  func rendezvousMoves() {
    var random = RandomStream(seed: TestSeed.fixed)
    var moved = Array(repeating: 0, count: 6)
    for _ in 0..<12_000 {
      let key = random.next()
      func pick(without gone: Int) -> Int? {
        Rendezvous.pick(6, key: key, seed: { RandomStream.mix(UInt64($0) + 5) }, weight: { $0 == gone ? 0 : 1 })
      }
      let before = pick(without: -1)
      let after = pick(without: 2)
      if before != 2 { #expect(after == before) } else if let after { moved[after] += 1 }
    }
    #expect(moved[2] == 0)
    for index in [0, 1, 3, 4, 5] { #expect(abs(moved[index] - 400) < 120) }
  }
}
