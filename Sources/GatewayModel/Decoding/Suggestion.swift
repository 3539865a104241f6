/// "Did you mean": the known word nearest to one that is not known.
///
/// The distance is that of optimal string alignment (insertions, deletions, changes, neighbours swapped), without
/// case: the slips of typing. A word farther than a third of its length is no help and is not offered.
package enum Suggestion {
  /// Words longer than this are not compared: the cost is the product of both lengths.
  private static let lengthMax = 64
  /// No more words than this are compared for one mistake.
  private static let candidatesMax = 1000

  /// The nearest of `candidates` to `word`; the first one of several at the same distance.
  package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
    let wanted = Array(word.lowercased().unicodeScalars.prefix(lengthMax + 1))
    guard !wanted.isEmpty, wanted.count <= lengthMax else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in candidates.prefix(candidatesMax) {
      let scalars = Array(candidate.lowercased().unicodeScalars.prefix(lengthMax + 1))
      guard scalars.count <= lengthMax else { continue }
      let limit = min((best?.distance ?? Int.max) - 1, max(1, max(wanted.count, scalars.count) / 3))
      guard abs(scalars.count - wanted.count) <= limit else { continue }
      if let distance = Self.distance(wanted, scalars, atMost: limit) { best = (candidate, distance) }
    }
    return best?.word
  }

  /// The distance, or nil when it is more than `limit`.
  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar], atMost limit: Int) -> Int? {
    guard !left.isEmpty, !right.isEmpty else { return nil }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 1...left.count {
      var current = [Int](repeating: row, count: right.count + 1)
      for column in 1...right.count {
        let change = left[row - 1] == right[column - 1] ? 0 : 1
        var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + change)
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          cost = min(cost, beforeLast[column - 2] + 1)
        }
        current[column] = cost
      }
      // A later row is never better than the best of two in a row.
      if let least = current.min(), let before = last.min(), min(least, before) > limit { return nil }
      beforeLast = last
      last = current
    }
    return last[right.count] <= limit ? last[right.count] : nil
  }
}
