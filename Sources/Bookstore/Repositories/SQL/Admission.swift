import Synchronization

/// How many transactions may run or wait at a time. One more is refused at once: a queue that only grows turns a slow
/// database into a dead service.
final class Admission: Sendable {
  let countMax: Int
  private let admitted = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)

  init(_ countMax: Int) { self.countMax = countMax }

  var count: Int { admitted.load(ordering: .relaxed) }
  var refusedCount: Int { refused.load(ordering: .relaxed) }

  /// Every call that returns is followed by one of `leave`.
  func enter() throws(BookstoreError) {
    guard admitted.add(1, ordering: .relaxed).newValue <= countMax else {
      admitted.subtract(1, ordering: .relaxed)
      refused.add(1, ordering: .relaxed)
      throw .failed(.overloaded)
    }
  }

  func leave() { admitted.subtract(1, ordering: .relaxed) }
}
