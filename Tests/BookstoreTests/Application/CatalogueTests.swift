import Testing

@testable import Bookstore

@Suite struct CatalogueTests {
  private static let clock = Clock { 5000 }

  @Test("A number is taken once, and what was refused leaves no event", arguments: TestDatabase.available)
  func taken(database: TestDatabase) async throws {
    try await database.withStore { store in
      let catalogue = Catalogue(store: store, clock: Self.clock) {}
      let book = try Book.sample(1)
      _ = try await catalogue.add(book.isbn, book.details, book.price, book.stock)
      await #expect(throws: BookstoreError.refused(.isbnTaken(book.isbn))) {
        try await catalogue.add(book.isbn, try Book.sample(2).details, book.price, book.stock)
      }
      #expect(try await catalogue.book(book.isbn).details == book.details)
      let backlog = try await store.read { (transaction) throws(BookstoreError) in try transaction.backlog().count }
      #expect(backlog == 1)
    }
  }

  @Test("Restocking says which it is: no such book, or too many", arguments: TestDatabase.available)
  func restock(database: TestDatabase) async throws {
    try await database.withStore { store in
      let catalogue = Catalogue(store: store, clock: Self.clock) {}
      let (book, other) = (try Book.sample(1, stock: 3), try Book.sample(2))
      _ = try await catalogue.add(book.isbn, book.details, book.price, book.stock)
      await #expect(throws: BookstoreError.refused(.noSuchBook(other.isbn))) {
        try await catalogue.restock(other.isbn, by: 1)
      }
      await #expect(throws: BookstoreError.refused(.noSuchBook(other.isbn))) {
        try await catalogue.replace(other.isbn, other.details, other.price)
      }
      await #expect(throws: BookstoreError.refused(.stockTooLarge(book.isbn))) {
        try await catalogue.restock(book.isbn, by: Stock.countMax - 2)
      }
      #expect(try await catalogue.restock(book.isbn, by: Stock.countMax - 3).stock.count == Stock.countMax)
    }
  }

  @Test("Only an empty catalogue is filled, by however many at once", arguments: TestDatabase.available)
  func seeds(database: TestDatabase) async throws {
    try await database.withStore { store in
      let added = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { try await Seed(store: store, clock: Self.clock).run(700) } }
        return try await group.reduce(0, +)
      }
      #expect(added == 700)
      #expect(try await Seed(store: store, clock: Self.clock).run(900) == 0)
      let count = try await store.read { (transaction) throws(BookstoreError) in try transaction.bookCount() }
      #expect(count == 700)
    }
  }
}
