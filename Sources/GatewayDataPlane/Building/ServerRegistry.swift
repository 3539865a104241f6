import NIOConcurrencyHelpers

/// Gives each distinct server a number that stays the same over generations, so that a shard finds its pool by index.
///
/// Numbers of servers that no Snapshot names any more are used again once a new server comes, after a generation in
/// between has let the shards give up the old pool. Bound: the number of distinct servers in two generations.
public final class ServerRegistry: Sendable {
  private struct State {
    var numbers: [String: Int] = [:]
    var free: [Int] = []
    var next = 0
    var previous: Set<String> = []
  }

  private let state = NIOLockedValueBox(State())

  public init() {}

  /// Numbers for the keys of a new generation.
  func numbers(for keys: [String]) -> [String: Int] {
    state.withLockedValue { state in
      let wanted = Set(keys)
      for (key, number) in state.numbers where !wanted.contains(key) && !state.previous.contains(key) {
        state.numbers[key] = nil
        state.free.append(number)
      }
      for key in keys where state.numbers[key] == nil {
        if let number = state.free.popLast() {
          state.numbers[key] = number
        } else {
          state.numbers[key] = state.next
          state.next += 1
        }
      }
      state.previous = wanted
      return state.numbers.filter { wanted.contains($0.key) }
    }
  }
}
