import NIOConcurrencyHelpers

/// Gives each distinct server a number that stays the same over generations, so that a shard finds its pool by index.
///
/// Numbers of servers that no Snapshot names any more are used again once a new server comes. A shard may still have
/// the old server's pool then: a long response holds it, or the generation in between was refused and never installed.
/// So a number says where, and a `life`, which is never used again, says who. Bound: the number of distinct servers in
/// two generations.
public final class ServerRegistry: Sendable {
  /// A server's place in the shards, and what tells it from those who had the place before.
  struct Entry: Equatable {
    var number: Int
    var life: UInt64
  }

  private struct State {
    var numbers: [String: Entry] = [:]
    var free: [Int] = []
    var next = 0
    var lives: UInt64 = 0
    var previous: Set<String> = []
  }

  private let state = NIOLockedValueBox(State())

  public init() {}

  /// Numbers for the keys of a new generation.
  func numbers(for keys: [String]) -> [String: Entry] {
    state.withLockedValue { state in
      let wanted = Set(keys)
      for (key, entry) in state.numbers where !wanted.contains(key) && !state.previous.contains(key) {
        state.numbers[key] = nil
        state.free.append(entry.number)
      }
      for key in keys where state.numbers[key] == nil {
        state.lives += 1
        if let number = state.free.popLast() {
          state.numbers[key] = Entry(number: number, life: state.lives)
        } else {
          state.numbers[key] = Entry(number: state.next, life: state.lives)
          state.next += 1
        }
      }
      state.previous = wanted
      return state.numbers.filter { wanted.contains($0.key) }
    }
  }
}
