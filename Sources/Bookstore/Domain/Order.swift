/// What somebody wants to buy, before anything was taken.
///
/// Lines are in the order of their ISBN and each ISBN is there once: transactions that take stock in one order do not
/// wait for each other in a circle, and two drafts with the same lines are equal however they were sent.
struct OrderDraft: Hashable, Sendable {
  static let linesMax = 50

  struct Line: Hashable, Sendable {
    let isbn: ISBN
    let quantity: Quantity
  }

  let lines: [Line]

  init(_ lines: [Line]) throws(Refusal) {
    guard (1...Self.linesMax).contains(lines.count) else {
      throw .invalid([FieldMistake("/lines", "has \(lines.count) lines; expected 1 to \(Self.linesMax)")])
    }
    var seen: [ISBN: Int] = [:]
    for (index, line) in lines.enumerated() {
      if let first = seen.updateValue(index, forKey: line.isbn) {
        throw .invalid([FieldMistake("/lines/\(index)/isbn", "is \(line.isbn), which line \(first) has already")])
      }
    }
    self.lines = lines.sorted { $0.isbn < $1.isbn }
  }

  /// The same text for the same order, for comparing what came with a key.
  var canonicalText: String { lines.map { "\($0.isbn)x\($0.quantity.count)" }.joined(separator: ",") }
}

/// What was bought: prices are those of the moment.
struct Order: Hashable, Sendable {
  struct Line: Hashable, Sendable {
    let isbn: ISBN
    let title: String
    let quantity: Quantity
    /// Of one copy.
    let price: Money
  }

  let id: OrderID
  let user: UserID
  let lines: [Line]
  let total: Money
  /// Unix milliseconds.
  let placedAt: Int64

  /// Adds up. Throws when lines are in several currencies or the sum does not fit.
  init(id: OrderID, user: UserID, lines: [Line], placedAt: Int64) throws(Refusal) {
    var total: Money?
    for line in lines {
      if let total, total.currency != line.price.currency { throw .mixedCurrencies }
      guard let amount = line.price.times(line.quantity.count) else { throw .totalTooLarge }
      guard let sum = total?.adding(amount) ?? (total == nil ? amount : nil) else { throw .totalTooLarge }
      total = sum
    }
    guard let total else { throw .invalid([FieldMistake("/lines", "has no lines; expected at least 1")]) }
    self.id = id
    self.user = user
    self.lines = lines
    self.total = total
    self.placedAt = placedAt
  }
}

/// A client's name for one attempt to order, so that asking again is not buying again.
struct IdempotencyKey: Hashable, Sendable {
  static let lengths = 8...64
  static let pattern = #"^[A-Za-z0-9_.-]+$"#

  let text: String

  init(_ text: String) throws(Refusal) {
    guard Self.lengths.contains(text.utf8.count), Self.isWord(text) else {
      throw .invalid([FieldMistake("Idempotency-Key", "expected 8 to 64 of A-Z a-z 0-9 _ . -")])
    }
    self.text = text
  }
  static func isWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [0x5f, 0x2e, 0x2d].contains(byte)
      }
  }
}
