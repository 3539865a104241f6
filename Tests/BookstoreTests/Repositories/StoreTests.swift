import Testing

@testable import Bookstore

/// What every store promises, asked of every store.
@Suite struct StoreTests {
  private typealias Body<R> = @Sendable (any Transaction) throws(BookstoreError) -> R

  @Test("What throws is taken back", arguments: TestDatabase.available)
  func rollsBack(database: TestDatabase) async throws {
    try await database.withStore { store in
      let book = try Book.sample(1)
      await #expect(throws: BookstoreError.refused(.notAllowed)) {
        try await store.write { (transaction) throws(BookstoreError) in
          _ = try transaction.add(book)
          throw .refused(.notAllowed)
        }
      }
      let found = try await store.read { (transaction) throws(BookstoreError) in try transaction.book(book.isbn) }
      #expect(found == nil)
    }
  }

  @Test("Books come back as they were, and a number is taken once", arguments: TestDatabase.available)
  func books(database: TestDatabase) async throws {
    try await database.withStore { store in
      let odd = try Book.sample(3, title: #"O'Reilly"; DROP TABLE books; -- é漢😀 ?1 $1 %s \"#)
      try await store.write { (transaction) throws(BookstoreError) in
        #expect(try transaction.add(odd))
        #expect(try !transaction.add(odd))
        #expect(try transaction.book(odd.isbn) == odd)
        #expect(try transaction.books(PageRequest(1)).items == [odd])
        #expect(try transaction.books(PageRequest(2)).items.isEmpty)
        let changed = try transaction.replace(odd.isbn, odd.details, Money(minorUnits: 7, currency: .chf))
        #expect(changed?.price.currency == .chf)
        #expect(changed?.version == 2)
        #expect(changed?.stock == odd.stock)
      }
    }
  }

  @Test("Stock goes down to zero and no further, and up to the maximum", arguments: TestDatabase.available)
  func stock(database: TestDatabase) async throws {
    try await database.withStore { store in
      let book = try Book.sample(1, stock: 3)
      let (two, one) = (try Quantity(2), try Quantity(1))
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try transaction.add(book)
        #expect(try transaction.take(two, of: book.isbn)?.stock.count == 1)
        #expect(try transaction.take(two, of: book.isbn) == nil)
        #expect(try transaction.take(one, of: book.isbn)?.stock.count == 0)
        #expect(try transaction.take(one, of: book.isbn) == nil)
        #expect(try transaction.book(book.isbn)?.sold == 3)
        #expect(try transaction.restock(Stock.countMax, of: book.isbn)?.stock.count == Stock.countMax)
        #expect(try transaction.restock(1, of: book.isbn) == nil)
      }
    }
  }

  @Test("Accounts are found by address, and there is one for each", arguments: TestDatabase.available)
  func users(database: TestDatabase) async throws {
    try await database.withStore { store in
      let (user, twin) = (try User.sample(), try User.sample())
      try await store.write { (transaction) throws(BookstoreError) in
        #expect(try transaction.add(user, passwordHash: "h"))
        #expect(try !transaction.add(twin, passwordHash: "h"))
        #expect(try transaction.user(user.id) == user)
        #expect(try transaction.userHeld(user.id) == user)
        #expect(try transaction.user(twin.id) == nil)
        #expect(try transaction.credentials(user.email)?.passwordHash == "h")
        #expect(try transaction.setStatus(.suspended, of: user.id)?.status == .suspended)
        #expect(try transaction.setStatus(.suspended, of: twin.id) == nil)
        #expect(try transaction.users(PageRequest(1)).total == 1)
      }
    }
  }

  @Test("A key belongs to the first who claims it", arguments: TestDatabase.available)
  func keys(database: TestDatabase) async throws {
    try await database.withStore { store in
      let user = try User.sample()
      let key = try IdempotencyKey("key-0001")
      let (first, second) = (OrderID.random(), OrderID.random())
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try transaction.add(user, passwordHash: "h")
        #expect(try transaction.claim(key, of: user.id, fingerprint: "a", for: first, at: 1) == nil)
        let holder = try transaction.claim(key, of: user.id, fingerprint: "b", for: second, at: 2)
        #expect(holder?.order == first)
        #expect(holder?.fingerprint == "a")
      }
    }
  }

  @Test("Orders come back with their lines, the latest first", arguments: TestDatabase.available)
  func orders(database: TestDatabase) async throws {
    try await database.withStore { store in
      let user = try User.sample()
      let books = [try Book.sample(1), try Book.sample(2)]
      let orders = try (0..<25).map { number in
        try Order(
          id: .random(), user: user.id,
          lines: books.map {
            Order.Line(isbn: $0.isbn, title: $0.details.title, quantity: try Quantity(2), price: $0.price)
          }, placedAt: Int64(number))
      }
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try transaction.add(user, passwordHash: "h")
        for book in books { _ = try transaction.add(book) }
        for order in orders { try transaction.add(order) }
        #expect(try transaction.order(orders[3].id) == orders[3])
        let page = try transaction.orders(of: user.id, PageRequest(1))
        #expect(page.items == Array(orders.reversed().prefix(20)))
        #expect(page.total == 25)
        #expect(try transaction.orders(of: user.id, PageRequest(2)).items == Array(orders.reversed().suffix(5)))
      }
    }
  }

  @Test("The index finds words by how they begin, whatever their accents", arguments: TestDatabase.available)
  func search(database: TestDatabase) async throws {
    try await database.withStore { store in
      let titles = ["Königsberg Müller", "The History of Printing", "Printing and History", "Compilers"]
      let books = try titles.enumerated().map { try Book.sample($0.offset, title: $0.element) }
      try await store.write { (transaction) throws(BookstoreError) in
        for book in books {
          _ = try transaction.add(book)
          try transaction.index(book)
          try transaction.index(book)
        }
        func find(_ text: String) throws(BookstoreError) -> Set<String> {
          let page = try transaction.search(SearchDocument.question(text), PageRequest(1))
          #expect(page.total == page.items.count)
          return Set(page.items.map(\.details.title))
        }
        #expect(try find("konig mull") == [titles[0]])
        #expect(try find("KÖNIGSBERG") == [titles[0]])
        #expect(try find("print hist") == [titles[1], titles[2]])
        #expect(try find("the") == [titles[1]])
        #expect(try find(books[3].isbn.digits) == [titles[3]])
        #expect(try find("rinting").isEmpty)
        for hostile in [
          "\"", "' OR 1=1 --", "NEAR(a b)", "a AND", "print*", "title:print", "(", ":*", "!print", "&", "\\",
        ] {
          _ = try find(hostile)
        }
        try transaction.clearIndex()
        #expect(try find("print").isEmpty)
      }
    }
  }

  @Test("The index does not go back to an earlier version", arguments: TestDatabase.available)
  func versions(database: TestDatabase) async throws {
    try await database.withStore { store in
      let old = try Book.sample(1, title: "Old")
      let details = try Book.sample(1, title: "New").details
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try transaction.add(old)
        let new = try transaction.replace(old.isbn, details, old.price)
        if let new { try transaction.index(new) }
        try transaction.index(old)
        #expect(try transaction.search(["new"], PageRequest(1)).total == 1)
        #expect(try transaction.search(["old"], PageRequest(1)).total == 0)
      }
    }
  }

  @Test("Migrating twice, and by several at once, is migrating once", arguments: TestDatabase.available)
  func migrations(database: TestDatabase) async throws {
    try await database.withStore(isMigrated: false) { store in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { try await store.migrate() } }
        try await group.waitForAll()
      }
    }
    #expect(throws: BookstoreError.self) { try Migration.remaining(SQLiteSchema.migrations, after: 99) }
    for migrations in [SQLiteSchema.migrations, PostgreSQLSchema.migrations] {
      #expect(migrations.map(\.version) == Array(1...migrations.count))
    }
  }

  @Test("Another program's database is refused and left as it was", arguments: TestDatabase.available)
  func foreign(database: TestDatabase) async throws {
    try await database.withStore(isMigrated: false) { store in
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try (transaction as? any SQLTransaction)?.rows("CREATE TABLE books (shelf INTEGER)", [])
      }
      let failure = await #expect(throws: BookstoreError.self) { try await store.migrate() }
      guard case .failed(.unavailable(let reason))? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(reason.contains("books"))
      await #expect(throws: BookstoreError.self) {
        try await store.read { (transaction) throws(BookstoreError) in try transaction.userCount() }
      }
    }
  }

  @Test("An order that was confirmed survives the power going: SQLite writes through")
  func durable() async throws {
    try await TestDatabase.sqlite.withStore { store in
      let level = try await store.write { (transaction) throws(BookstoreError) in
        try (transaction as? SQLiteTransaction)?.count("PRAGMA synchronous")
      }
      // FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
      #expect(level == 2)
    }
  }

  @Test("A store that is closed says so", arguments: TestDatabase.available)
  func closed(database: TestDatabase) async throws {
    try await database.withStore { store in
      await store.close()
      await #expect(throws: BookstoreError.failed(.unavailable("closed"))) {
        try await store.read { (transaction) throws(BookstoreError) in try transaction.bookCount() }
      }
    }
  }

  @Test("A transaction of a task that was cancelled does not begin", arguments: TestDatabase.available)
  func cancelled(database: TestDatabase) async throws {
    try await database.withStore { store in
      let book = try Book.sample(1)
      await withTaskGroup(of: Void.self) { group in
        group.cancelAll()
        group.addTask {
          await #expect(throws: BookstoreError.failed(.cancelled)) {
            try await store.write { (transaction) throws(BookstoreError) in _ = try transaction.add(book) }
          }
        }
      }
      let count = try await store.read { (transaction) throws(BookstoreError) in try transaction.bookCount() }
      #expect(count == 0)
    }
  }
}
