import Foundation
import Synchronization
import Testing

@testable import Bookstore

@Suite struct OrderingTests {
  private static let clock = Clock { 1_700_000_000_000 }

  private func ordering(_ store: any Store) -> Ordering { Ordering(store: store, clock: Self.clock) {} }

  private func fill(_ store: any Store, _ user: User, _ books: [Book]) async throws {
    try await store.write { (transaction) throws(BookstoreError) in
      _ = try transaction.add(user, passwordHash: "h")
      for book in books { _ = try transaction.add(book) }
    }
  }

  private func draft(_ lines: [(Book, Int)]) throws -> OrderDraft {
    try OrderDraft(lines.map { .init(isbn: $0.0.isbn, quantity: try Quantity($0.1)) })
  }

  @Test("The same key gives the first order again; with other lines it is refused", arguments: TestDatabase.available)
  func idempotent(database: TestDatabase) async throws {
    try await database.withStore { store in
      let (user, book) = (try User.sample(), try Book.sample(1, stock: 3))
      try await fill(store, user, [book])
      let key = try IdempotencyKey("attempt-1")
      let first = try await ordering(store).place(draft([(book, 2)]), for: user.id, key: key)
      let again = try await ordering(store).place(draft([(book, 2)]), for: user.id, key: key)
      #expect(!first.isReplay)
      #expect(again.isReplay)
      #expect(again.order == first.order)
      await #expect(throws: BookstoreError.refused(.keyReused)) {
        try await ordering(store).place(draft([(book, 1)]), for: user.id, key: key)
      }
      let (left, backlog) = try await store.read { (transaction) throws(BookstoreError) in
        (try transaction.book(book.isbn), try transaction.backlog().count)
      }
      #expect(left?.stock.count == 1)
      // Sold once, so the index hears of it once.
      #expect(backlog == 1)
    }
  }

  @Test("One key from many at once is one order, also for the last copy", arguments: TestDatabase.available)
  func simultaneousKey(database: TestDatabase) async throws {
    try await database.withStore { store in
      let (user, book) = (try User.sample(), try Book.sample(1, stock: 1))
      try await fill(store, user, [book])
      let (ordering, draft, key) = (ordering(store), try draft([(book, 1)]), try IdempotencyKey("attempt-1"))
      let placements = try await withThrowingTaskGroup(of: Ordering.Placement.self) { group in
        for _ in 0..<20 { group.addTask { try await ordering.place(draft, for: user.id, key: key) } }
        return try await group.reduce(into: [Ordering.Placement]()) { $0.append($1) }
      }
      #expect(Set(placements.map(\.order.id)).count == 1)
      #expect(placements.count { !$0.isReplay } == 1)
    }
  }

  @Test("All lines or nothing: a line that is not in stock leaves no trace", arguments: TestDatabase.available)
  func allOrNothing(database: TestDatabase) async throws {
    try await database.withStore { store in
      let user = try User.sample()
      let (many, few) = (try Book.sample(1, stock: 10), try Book.sample(2, stock: 1))
      try await fill(store, user, [many, few])
      let key = try IdempotencyKey("attempt-1")
      await #expect(throws: BookstoreError.refused(.outOfStock(few.isbn, wanted: 2, left: 1))) {
        try await ordering(store).place(draft([(many, 5), (few, 2)]), for: user.id, key: key)
      }
      await #expect(throws: BookstoreError.refused(.noSuchBook(try Book.sample(9).isbn))) {
        try await ordering(store).place(draft([(many, 5), (try Book.sample(9), 2)]), for: user.id, key: key)
      }
      let (stock, backlog) = try await store.read { (transaction) throws(BookstoreError) in
        (try transaction.book(many.isbn)?.stock.count, try transaction.backlog().count)
      }
      #expect(stock == 10)
      #expect(backlog == 0)
      // The key was not used up.
      let placed = try await ordering(store).place(draft([(many, 5)]), for: user.id, key: key)
      #expect(!placed.isReplay)
    }
  }

  @Test("A suspended user buys nothing", arguments: TestDatabase.available)
  func suspended(database: TestDatabase) async throws {
    try await database.withStore { store in
      let (user, book) = (try User.sample(), try Book.sample(1))
      try await fill(store, user, [book])
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try transaction.setStatus(.suspended, of: user.id)
      }
      await #expect(throws: BookstoreError.refused(.suspended)) {
        try await ordering(store).place(draft([(book, 1)]), for: user.id, key: IdempotencyKey("attempt-1"))
      }
    }
  }

  @Test("Buyers of several books in any order never wait for each other in a circle", arguments: TestDatabase.available)
  func noDeadlock(database: TestDatabase) async throws {
    try await database.withStore { store in
      let user = try User.sample()
      let books = try (0..<6).map { try Book.sample($0, stock: 1000) }
      try await fill(store, user, books)
      var chance = SeededRandom(seed: TestSeed.fixed &+ 11)
      let drafts = try (0..<120).map { _ in
        try draft(books.shuffled(using: &chance).prefix(4).map { ($0, 1) })
      }
      let ordering = ordering(store)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, draft) in drafts.enumerated() {
          group.addTask { _ = try await ordering.place(draft, for: user.id, key: IdempotencyKey("attempt-\(number)")) }
        }
        try await group.waitForAll()
      }
      let sold = try await store.read { (transaction) throws(BookstoreError) in
        try transaction.books(PageRequest(1)).items.reduce(0) { $0 + $1.sold }
      }
      #expect(sold == 480)
    }
  }
}
