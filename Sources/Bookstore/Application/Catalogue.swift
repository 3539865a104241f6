/// What can be done with books. Whoever changes one says so to the index in the same transaction.
struct Catalogue: Sendable {
  let store: any Store
  let clock: Clock
  /// Called after a commit that wrote events.
  let eventsWritten: @Sendable () -> Void

  func page(_ page: PageRequest) async throws(BookstoreError) -> Page<Book> {
    try await store.read { (transaction) throws(BookstoreError) in try transaction.books(page) }
  }

  func book(_ isbn: ISBN) async throws(BookstoreError) -> Book {
    let found = try await store.read { (transaction) throws(BookstoreError) in try transaction.book(isbn) }
    guard let found else { throw .refused(.noSuchBook(isbn)) }
    return found
  }

  /// Answered from the index, which is a little behind; price and stock are those of the moment.
  func search(_ text: String, _ page: PageRequest) async throws(BookstoreError) -> Page<Book> {
    let words = SearchDocument.question(text)
    return try await store.read { (transaction) throws(BookstoreError) in try transaction.search(words, page) }
  }

  func add(_ isbn: ISBN, _ details: Book.Details, _ price: Money, _ stock: Stock) async throws(BookstoreError) -> Book {
    let book = Book(isbn: isbn, details: details, price: price, stock: stock, sold: 0, version: 1)
    let event = Event(kind: .bookAdded, isbn: isbn, happenedAt: clock.milliseconds())
    try await store.write { (transaction) throws(BookstoreError) in
      guard try transaction.add(book) else { throw .refused(.isbnTaken(isbn)) }
      try transaction.append([event])
    }
    eventsWritten()
    return book
  }

  func replace(_ isbn: ISBN, _ details: Book.Details, _ price: Money) async throws(BookstoreError) -> Book {
    let event = Event(kind: .bookChanged, isbn: isbn, happenedAt: clock.milliseconds())
    let book = try await store.write { (transaction) throws(BookstoreError) in
      guard let book = try transaction.replace(isbn, details, price) else { throw .refused(.noSuchBook(isbn)) }
      try transaction.append([event])
      return book
    }
    eventsWritten()
    return book
  }

  /// Adds copies. Relative, because between reading a stock and writing another one somebody buys.
  func restock(_ isbn: ISBN, by count: Int) async throws(BookstoreError) -> Book {
    let event = Event(kind: .bookChanged, isbn: isbn, happenedAt: clock.milliseconds())
    let book = try await store.write { (transaction) throws(BookstoreError) in
      guard let book = try transaction.restock(count, of: isbn) else {
        throw .refused(try transaction.book(isbn) == nil ? .noSuchBook(isbn) : .stockTooLarge(isbn))
      }
      try transaction.append([event])
      return book
    }
    eventsWritten()
    return book
  }
}

/// The time, as an argument.
struct Clock: Sendable {
  /// Unix milliseconds.
  let milliseconds: @Sendable () -> Int64

  var seconds: Int64 { milliseconds() / 1000 }
}
