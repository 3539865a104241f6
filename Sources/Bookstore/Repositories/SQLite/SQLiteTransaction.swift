import GRDB

/// One transaction of SQLite.
///
/// The index is FTS5 (https://www.sqlite.org/fts5.html), in a table of its own beside `search_documents`, which says
/// what version of a book the index has.
struct SQLiteTransaction: SQLTransaction {
  let database: Database

  /// Whoever writes is alone: nothing to add.
  static let holdingRow: SQL = ""
  static let takingFreeRows: SQL = ""

  func rows(_ sql: SQL, _ values: [SQLValue]) throws(BookstoreError) -> [SQLRow] {
    do {
      let arguments = StatementArguments(
        values.map { value -> DatabaseValue in
          switch value {
          case .null: .null
          case .integer(let number): number.databaseValue
          case .text(let text): text.databaseValue
          }
        })
      let statement = try database.cachedStatement(sql: sql.text)
      return try Row.fetchAll(statement, arguments: arguments).map { row in
        SQLRow(
          values: row.databaseValues.map { value in
            switch value.storage {
            case .int64(let number): .integer(number)
            case .string(let text): .text(text)
            case .double(let number): .text("\(number)")
            case .null, .blob: .null
            }
          })
      }
    } catch { throw SQLiteStore.failure(error) }
  }

  func index(_ book: Book) throws(BookstoreError) {
    let values: [SQLValue] = [.text(book.isbn.digits), .integer(book.version)]
    // No row comes back when the index knows this version or a later one.
    let changed = try rows(
      """
      INSERT INTO search_documents (isbn, version) VALUES (?1, ?2)
      ON CONFLICT (isbn) DO UPDATE SET version = excluded.version WHERE excluded.version > search_documents.version
      RETURNING id
      """, values)
    guard let row = changed.first else { return }
    let id = try row.integer(0)
    let document = SearchDocument(book)
    _ = try rows("DELETE FROM search_words WHERE rowid = ?1", [.integer(id)])
    _ = try rows(
      "INSERT INTO search_words (rowid, title, authors, subjects) VALUES (?1, ?2, ?3, ?4)",
      [.integer(id), .text(document.title), .text(document.authors), .text(document.subjects)])
  }

  func search(_ words: [String], _ page: PageRequest) throws(BookstoreError) -> Page<Book> {
    guard !words.isEmpty else { return Page(items: [], total: 0) }
    // Words are letters and digits only; in quotes they are no operators, and the star makes prefixes of them.
    let question = SQLValue.text(words.map { "\"\($0)\"*" }.joined(separator: " AND "))
    let found = try rows(
      "SELECT " + BookSQL.columns + """
         FROM search_words w JOIN search_documents d ON d.id = w.rowid JOIN books b ON b.isbn = d.isbn
        WHERE search_words MATCH ?1 ORDER BY bm25(search_words, 10.0, 5.0, 2.0), b.isbn LIMIT ?2 OFFSET ?3
        """, [question, .integer(PageRequest.size), .integer(page.offset)])
    let total = try count("SELECT count(*) FROM search_words WHERE search_words MATCH ?1", [question])
    return Page(items: try BookSQL.books(found), total: total)
  }

  func clearIndex() throws(BookstoreError) {
    _ = try rows("DELETE FROM search_words", [])
    _ = try rows("DELETE FROM search_documents", [])
  }
}

/// The schema of a SQLite file, step by step.
enum SQLiteSchema {
  static let migrations = [
    Migration(version: 1, name: "users, books, orders, keys", statements: Migration.sharedTables),
    Migration(
      version: 2, name: "outbox and search index",
      statements: [
        """
        CREATE TABLE outbox (
          id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, isbn TEXT NOT NULL, happened_at BIGINT NOT NULL)
        """,
        "CREATE TABLE search_documents (id INTEGER PRIMARY KEY, isbn TEXT NOT NULL UNIQUE, version BIGINT NOT NULL)",
        "CREATE VIRTUAL TABLE search_words USING fts5 (title, authors, subjects, tokenize = 'unicode61')",
      ]),
  ]
}
