import Crypto
import Foundation

/// Buying. One transaction: the user may buy, the key is new, every line is in stock, the order is written, the index
/// will hear of it. All of it, or nothing.
///
/// Locks are taken in one order by everybody: user (shared), key, books by ISBN. So two orders never wait for each
/// other in a circle, and a user who is suspended meanwhile is either seen as suspended or waits until this order is
/// through.
struct Ordering: Sendable {
  let store: any Store
  let clock: Clock
  let eventsWritten: @Sendable () -> Void

  /// An order, and whether it was placed now or long ago with the same key.
  struct Placement: Sendable {
    let order: Order
    let isReplay: Bool
  }

  /// Places the order. The same key with the same lines gives the first order again; with other lines it is refused.
  /// An order that was refused leaves its key unused: trying again with it may succeed.
  func place(
    _ draft: OrderDraft, for user: UserID, key: IdempotencyKey
  ) async throws(BookstoreError) -> Placement {
    let id = OrderID.random()
    let now = clock.milliseconds()
    let fingerprint = SHA256.hash(data: Data(draft.canonicalText.utf8)).map { String(format: "%02x", $0) }.joined()
    let placement = try await store.write { (transaction) throws(BookstoreError) in
      guard let buyer = try transaction.userHeld(user) else { throw .refused(.noSuchUser) }
      try refusing { () throws(Refusal) in try buyer.requireActive() }
      if let first = try transaction.claim(key, of: user, fingerprint: fingerprint, for: id, at: now) {
        guard first.fingerprint == fingerprint else { throw .refused(.keyReused) }
        guard let order = try transaction.order(first.order) else { throw .failed(.broken("a key without its order")) }
        return Placement(order: order, isReplay: true)
      }
      var lines: [Order.Line] = []
      for line in draft.lines {
        let book = try take(line, transaction)
        lines.append(
          Order.Line(isbn: book.isbn, title: book.details.title, quantity: line.quantity, price: book.price))
      }
      let order = try refusing { () throws(Refusal) in try Order(id: id, user: user, lines: lines, placedAt: now) }
      try transaction.add(order)
      try transaction.append(draft.lines.map { Event(kind: .bookSold, isbn: $0.isbn, happenedAt: now) })
      return Placement(order: order, isReplay: false)
    }
    if !placement.isReplay { eventsWritten() }
    return placement
  }

  private func take(_ line: OrderDraft.Line, _ transaction: any Transaction) throws(BookstoreError) -> Book {
    if let book = try transaction.take(line.quantity, of: line.isbn) { return book }
    guard let book = try transaction.book(line.isbn) else { throw .refused(.noSuchBook(line.isbn)) }
    throw .refused(.outOfStock(line.isbn, wanted: line.quantity.count, left: book.stock.count))
  }

  /// The user's orders, the latest first.
  func history(of user: UserID, _ page: PageRequest) async throws(BookstoreError) -> Page<Order> {
    try await store.read { (transaction) throws(BookstoreError) in try transaction.orders(of: user, page) }
  }

  /// One order of this user. Somebody else's is as good as none.
  func order(_ id: OrderID, of user: UserID) async throws(BookstoreError) -> Order {
    let found = try await store.read { (transaction) throws(BookstoreError) in try transaction.order(id) }
    guard let found, found.user == user else { throw .refused(.noSuchOrder) }
    return found
  }
}

/// A rule of the domain in the words of the application.
func refusing<Value>(_ rule: () throws(Refusal) -> Value) throws(BookstoreError) -> Value {
  do throws(Refusal) { return try rule() } catch { throw .refused(error) }
}
