/// One transaction of PostgreSQL, READ COMMITTED.
///
/// That level is enough because every rule is one statement that checks and changes (`stock >= n`, ON CONFLICT) or a
/// row that is held (`FOR SHARE`): what was true when it was read stays true until the commit. The index is a
/// `tsvector` in a table of its own; `simple`, because words were already folded by us.
struct PostgreSQLTransaction: SQLTransaction {
  let connection: PostgreSQLConnection

  static let holdingRow: SQL = " FOR SHARE"
  static let takingFreeRows: SQL = " FOR UPDATE SKIP LOCKED"

  func rows(_ sql: SQL, _ values: [SQLValue]) throws(BookstoreError) -> [SQLRow] { try connection.rows(sql, values) }

  func index(_ book: Book) throws(BookstoreError) {
    let document = SearchDocument(book)
    _ = try rows(
      """
      INSERT INTO search_documents (isbn, version, words)
      VALUES (?1, ?2, setweight(to_tsvector('simple', ?3), 'A') || setweight(to_tsvector('simple', ?4), 'B')
        || setweight(to_tsvector('simple', ?5), 'C'))
      ON CONFLICT (isbn) DO UPDATE SET version = excluded.version, words = excluded.words
        WHERE excluded.version > search_documents.version
      """,
      [
        .text(book.isbn.digits), .integer(book.version), .text(document.title), .text(document.authors),
        .text(document.subjects),
      ])
  }

  func search(_ words: [String], _ page: PageRequest) throws(BookstoreError) -> Page<Book> {
    guard !words.isEmpty else { return Page(items: [], total: 0) }
    // Words are letters and digits only; in quotes they are no operators.
    let question = SQLValue.text(words.map { "'\($0)':*" }.joined(separator: " & "))
    let found = try rows(
      "SELECT " + BookSQL.columns + """
         FROM search_documents d JOIN books b ON b.isbn = d.isbn, to_tsquery('simple', ?1) question
        WHERE d.words @@ question ORDER BY ts_rank(d.words, question) DESC, b.isbn LIMIT ?2 OFFSET ?3
        """, [question, .integer(PageRequest.size), .integer(page.offset)])
    let total = try count("SELECT count(*) FROM search_documents WHERE words @@ to_tsquery('simple', ?1)", [question])
    return Page(items: try BookSQL.books(found), total: total)
  }

  func clearIndex() throws(BookstoreError) { _ = try rows("DELETE FROM search_documents", []) }
}

/// The schema of a PostgreSQL database, step by step.
enum PostgreSQLSchema {
  static let migrations = [
    Migration(version: 1, name: "users, books, orders, keys", statements: Migration.sharedTables),
    Migration(
      version: 2, name: "outbox and search index",
      statements: [
        """
        CREATE TABLE outbox (
          id BIGSERIAL PRIMARY KEY, kind TEXT NOT NULL, isbn TEXT NOT NULL, happened_at BIGINT NOT NULL)
        """,
        "CREATE TABLE search_documents (isbn TEXT PRIMARY KEY, version BIGINT NOT NULL, words TSVECTOR NOT NULL)",
        "CREATE INDEX search_documents_by_word ON search_documents USING gin (words)",
      ]),
  ]
}
