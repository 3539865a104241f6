/// How many copies there are. Never negative, never more than a warehouse holds.
struct Stock: Hashable, Sendable {
  static let countMax = 1_000_000

  let count: Int

  init(_ count: Int) throws(Refusal) {
    guard (0...Self.countMax).contains(count) else {
      throw .invalid([FieldMistake("/stock", "is \(count); expected 0 to \(Self.countMax)")])
    }
    self.count = count
  }

  /// What is left after `quantity` copies went; nil when there are not that many.
  func taking(_ quantity: Quantity) -> Stock? {
    guard quantity.count <= count else { return nil }
    return try? Stock(count - quantity.count)
  }
}

/// How many copies somebody wants: at least one, and no more than a person buys.
struct Quantity: Hashable, Sendable {
  static let countMax = 99

  let count: Int

  init(_ count: Int, at pointer: String = "/quantity") throws(Refusal) {
    guard (1...Self.countMax).contains(count) else {
      throw .invalid([FieldMistake(pointer, "is \(count); expected 1 to \(Self.countMax)")])
    }
    self.count = count
  }
}
