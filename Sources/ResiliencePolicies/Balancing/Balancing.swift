/// The strategies that choose one member out of many: pure functions over indices.
///
/// The problem: balancers differ in what they look at, and the data plane must not pay for the one it does not use, nor
/// allocate for the one it does. The rule: a strategy is a function over the number of members and closures that say a
/// member's weight or cost; the closures do not escape, so they live on the stack, and the functions are inlinable, so
/// that a release build sees through them. A member that must not be chosen says weight 0 or `usable` false. All return
/// nil when nobody may be chosen.
///
/// Bound: each looks at every member at most twice.
public enum Balancing {
  /// Smooth weighted round robin as nginx has it: each turn adds every weight and takes the total from the greatest, so
  /// that 5:1:1 gives a a b a c a a and never five in a row.
  ///
  /// - Parameter credits: one number for each member, kept from turn to turn; zero at the start.
  @inlinable
  public static func smooth(
    _ count: Int, credits: UnsafeMutablePointer<Int>, weight: (Int) -> Int
  ) -> Int? {
    var total = 0
    var best = -1
    var index = 0
    while index < count {
      let share = weight(index)
      if share > 0 {
        total &+= share
        credits[index] &+= share
        if best < 0 || credits[index] > credits[best] { best = index }
      }
      index &+= 1
    }
    guard best >= 0 else { return nil }
    credits[best] &-= total
    return best
  }

  /// The cheaper of two that chance picks.
  ///
  /// Two are nearly as good as all (Mitzenmacher 2001), and a crowd of gateways that all knew the one best server would
  /// all run there. Draws that hit an unusable member are repeated a few times; where few are usable, the first usable
  /// one behind the last draw is taken.
  @inlinable
  public static func twoChoices(
    _ count: Int, random: inout RandomStream, usable: (Int) -> Bool, cost: (Int) -> Double
  ) -> Int? {
    guard let first = draw(count, &random, usable: usable) else { return nil }
    guard count > 1, let second = draw(count, &random, usable: { $0 != first && usable($0) }) else { return first }
    return cost(second) < cost(first) ? second : first
  }

  @inlinable
  static func draw(_ count: Int, _ random: inout RandomStream, usable: (Int) -> Bool) -> Int? {
    guard count > 0 else { return nil }
    var at = 0
    for _ in 0..<4 {
      at = random.below(count)
      if usable(at) { return at }
    }
    for _ in 0..<count {
      at = at &+ 1 == count ? 0 : at &+ 1
      if usable(at) { return at }
    }
    return nil
  }

  /// The cheapest of all. Among equals the next in turn, so that idle servers share.
  ///
  /// - Parameter turn: where to begin; moves on behind the one that was chosen.
  @inlinable
  public static func cheapest(
    _ count: Int, turn: inout Int, usable: (Int) -> Bool, cost: (Int) -> Double
  ) -> Int? {
    guard count > 0 else { return nil }
    var at = turn % count
    var best = -1
    var least = Double.infinity
    for _ in 0..<count {
      if usable(at) {
        let price = cost(at)
        if price < least || best < 0 {
          best = at
          least = price
        }
      }
      at = at &+ 1 == count ? 0 : at &+ 1
    }
    guard best >= 0 else { return nil }
    turn = best &+ 1
    return best
  }
}
