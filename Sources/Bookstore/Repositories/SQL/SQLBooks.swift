/// Books and stock, in both databases.
extension SQLTransaction {
  func book(_ isbn: ISBN) throws(BookstoreError) -> Book? {
    try rows("SELECT " + BookSQL.columns + " FROM books b WHERE b.isbn = ?1", [.text(isbn.digits)]).first
      .map { row throws(BookstoreError) in try BookSQL.book(row) }
  }

  func books(_ page: PageRequest) throws(BookstoreError) -> Page<Book> {
    let found = try rows(
      "SELECT " + BookSQL.columns + " FROM books b ORDER BY b.title, b.isbn LIMIT ?1 OFFSET ?2",
      [.integer(PageRequest.size), .integer(page.offset)])
    return Page(items: try BookSQL.books(found), total: try bookCount())
  }

  func bookCount() throws(BookstoreError) -> Int { try count("SELECT count(*) FROM books") }

  func add(_ book: Book) throws(BookstoreError) -> Bool {
    let added = try rows(
      """
      INSERT INTO books (isbn, title, authors, subjects, published_year, description, price_minor, currency,
        stock, sold, version)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (isbn) DO NOTHING RETURNING isbn
      """,
      [
        .text(book.isbn.digits), .text(book.details.title), .text(JSONValue.strings(book.details.authors).written),
        .text(JSONValue.strings(book.details.subjects).written), .integer(book.details.publishedYear),
        .text(book.details.description), .integer(book.price.minorUnits), .text(book.price.currency.rawValue),
        .integer(book.stock.count), .integer(book.sold), .integer(book.version),
      ])
    return !added.isEmpty
  }

  func replace(_ isbn: ISBN, _ details: Book.Details, _ price: Money) throws(BookstoreError) -> Book? {
    let changed = try rows(
      """
      UPDATE books AS b SET title = ?2, authors = ?3, subjects = ?4, published_year = ?5, description = ?6,
        price_minor = ?7, currency = ?8, version = version + 1 WHERE isbn = ?1 RETURNING\u{20}
      """ + BookSQL.returned,
      [
        .text(isbn.digits), .text(details.title), .text(JSONValue.strings(details.authors).written),
        .text(JSONValue.strings(details.subjects).written), .integer(details.publishedYear),
        .text(details.description), .integer(price.minorUnits), .text(price.currency.rawValue),
      ])
    return try changed.first.map { row throws(BookstoreError) in try BookSQL.book(row) }
  }

  func take(_ quantity: Quantity, of isbn: ISBN) throws(BookstoreError) -> Book? {
    // One statement checks and takes: two buyers cannot both see the last copy.
    let taken = try rows(
      """
      UPDATE books SET stock = stock - ?2, sold = sold + ?2, version = version + 1
      WHERE isbn = ?1 AND stock >= ?2 RETURNING\u{20}
      """ + BookSQL.returned, [.text(isbn.digits), .integer(quantity.count)])
    return try taken.first.map { row throws(BookstoreError) in try BookSQL.book(row) }
  }

  func restock(_ count: Int, of isbn: ISBN) throws(BookstoreError) -> Book? {
    let added = try rows(
      """
      UPDATE books SET stock = stock + ?2, version = version + 1
      WHERE isbn = ?1 AND stock + ?2 <= ?3 RETURNING\u{20}
      """ + BookSQL.returned, [.text(isbn.digits), .integer(count), .integer(Stock.countMax)])
    return try added.first.map { row throws(BookstoreError) in try BookSQL.book(row) }
  }
}

/// Columns of a book and how they are read.
enum BookSQL {
  static let columns: SQL = """
    b.isbn, b.title, b.authors, b.subjects, b.published_year, b.description, b.price_minor, b.currency, b.stock, \
    b.sold, b.version
    """
  static let returned: SQL = """
    isbn, title, authors, subjects, published_year, description, price_minor, currency, stock, sold, version
    """

  static func book(_ row: SQLRow) throws(BookstoreError) -> Book {
    let (number, title, year, about) = (try row.text(0), try row.text(1), try row.count(4), try row.text(5))
    let (authors, subjects) = (try words(row, 2), try words(row, 3))
    let (amount, stock) = (try row.integer(6), try row.count(8))
    guard let isbn = try? ISBN(number), let currency = Currency(rawValue: try row.text(7)) else {
      throw .failed(.broken("stored book \(number)"))
    }
    return Book(
      isbn: isbn,
      details: try stored("book") { () throws(Refusal) in
        try Book.Details(title: title, authors: authors, subjects: subjects, publishedYear: year, description: about)
      },
      price: try stored("price") { () throws(Refusal) in try Money.price(amount, currency) },
      stock: try stored("stock") { () throws(Refusal) in try Stock(stock) },
      sold: try row.count(9), version: try row.integer(10))
  }

  static func books(_ rows: [SQLRow]) throws(BookstoreError) -> [Book] {
    var books: [Book] = []
    for row in rows { books.append(try book(row)) }
    return books
  }

  private static func words(_ row: SQLRow, _ column: Int) throws(BookstoreError) -> [String] {
    let text = try row.text(column)
    guard let list = try? JSONReader.read(Array(text.utf8)), let elements = list.elements else {
      throw .failed(.broken("stored book: column \(column)"))
    }
    return elements.compactMap(\.text)
  }
}
