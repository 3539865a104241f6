import NIOConcurrencyHelpers
import ResiliencePolicies

/// Counts of running requests by source, exact over all shards.
///
/// A limit that each shard kept for itself would let through as many times the amount as there are shards, or refuse
/// early where connections are spread unevenly. So there is one table for all, cut into stripes with a lock each that
/// is held for one look-up. A source is in the table only while it has a request running, which bounds the table by
/// the number of open exchanges.
final class InFlightTable: Sendable {
  private let stripes: [NIOLockedValueBox<[SourceKey: Int]>]

  init() {
    stripes = (0..<16).map { _ in NIOLockedValueBox([:]) }
  }

  /// Takes a permit, or returns nil when `max` are taken.
  ///
  /// - Parameter besides: one that the same exchange holds already, since its chain names the middleware twice.
  func take(_ key: SourceKey, max: Int, besides held: InFlightPermit? = nil) -> InFlightPermit? {
    let isTaken = stripe(key).withLockedValue { counts in
      let count = counts[key] ?? 0
      guard count < max else { return false }
      counts[key] = count + 1
      return true
    }
    return isTaken ? InFlightPermit(table: self, key: key, besides: held) : nil
  }

  fileprivate func giveBack(_ key: SourceKey) {
    stripe(key).withLockedValue { counts in
      guard let count = counts[key] else { return }
      counts[key] = count > 1 ? count - 1 : nil
    }
  }

  /// Permits taken of all sources together.
  var taken: Int { stripes.reduce(0) { $0 + $1.withLockedValue { $0.values.reduce(0, +) } } }

  private func stripe(_ key: SourceKey) -> NIOLockedValueBox<[SourceKey: Int]> {
    stripes[Int(truncatingIfNeeded: key.low & 15)]
  }
}

/// One of a source's permits. It is given back when nobody holds it any more, so that it cannot be forgotten.
final class InFlightPermit: Sendable {
  let key: SourceKey
  private let table: InFlightTable
  private let held: InFlightPermit?

  fileprivate init(table: InFlightTable, key: SourceKey, besides held: InFlightPermit?) {
    self.table = table
    self.key = key
    self.held = held
  }

  deinit { table.giveBack(key) }
}
