/// One step of the schema. Steps are only ever added: a database somewhere has run the old ones.
struct Migration: Sendable {
  let version: Int
  let name: String
  let statements: [SQL]

  /// What is left to do for a database at `version`. Throws when it is newer than this program.
  static func remaining(_ all: [Migration], after version: Int) throws(BookstoreError) -> [Migration] {
    let newest = all.last?.version ?? 0
    guard version <= newest else {
      throw .failed(
        .unavailable("the database has schema version \(version); this program knows up to \(newest): it is too old"))
    }
    return all.filter { $0.version > version }
  }

  /// Those of version 1 that both databases take as they are.
  static let sharedTables: [SQL] = [
    """
    CREATE TABLE users (
      id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('customer', 'admin')),
      status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
      created_at BIGINT NOT NULL, password_hash TEXT NOT NULL)
    """,
    """
    CREATE TABLE books (
      isbn TEXT PRIMARY KEY, title TEXT NOT NULL, authors TEXT NOT NULL, subjects TEXT NOT NULL,
      published_year BIGINT NOT NULL, description TEXT NOT NULL,
      price_minor BIGINT NOT NULL CHECK (price_minor > 0), currency TEXT NOT NULL,
      stock BIGINT NOT NULL CHECK (stock >= 0), sold BIGINT NOT NULL CHECK (sold >= 0), version BIGINT NOT NULL)
    """,
    "CREATE INDEX books_by_title ON books (title, isbn)",
    """
    CREATE TABLE orders (
      id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id), currency TEXT NOT NULL,
      total_minor BIGINT NOT NULL CHECK (total_minor > 0), placed_at BIGINT NOT NULL)
    """,
    "CREATE INDEX orders_by_user ON orders (user_id, placed_at DESC, id DESC)",
    """
    CREATE TABLE order_lines (
      order_id TEXT NOT NULL REFERENCES orders (id), isbn TEXT NOT NULL REFERENCES books (isbn), title TEXT NOT NULL,
      quantity BIGINT NOT NULL CHECK (quantity > 0), price_minor BIGINT NOT NULL, PRIMARY KEY (order_id, isbn))
    """,
    """
    CREATE TABLE order_keys (
      user_id TEXT NOT NULL REFERENCES users (id), idempotency_key TEXT NOT NULL, fingerprint TEXT NOT NULL,
      order_id TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (user_id, idempotency_key))
    """,
    // One key a generation: of two processes that start at once, one makes the key.
    """
    CREATE TABLE signing_keys (
      id TEXT PRIMARY KEY, generation BIGINT NOT NULL UNIQUE, private_key TEXT NOT NULL, created_at BIGINT NOT NULL)
    """,
  ]
}

extension SQLTransaction {
  /// Runs what is left to do for this database. Throws `unavailable` when it is newer than this program, or when a step
  /// does not go: another program's tables are in the way.
  func migrate(_ migrations: [Migration]) throws(BookstoreError) {
    _ = try rows("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL)", [])
    let version = try count("SELECT coalesce(max(version), 0) FROM schema_migrations")
    for migration in try Migration.remaining(migrations, after: version) {
      do throws(BookstoreError) {
        for statement in migration.statements { _ = try rows(statement, []) }
      } catch {
        guard case .failed(.broken(let reason)) = error else { throw error }
        let line = reason.split(whereSeparator: \.isNewline).first ?? ""
        throw .failed(
          .unavailable(
            "its schema cannot be brought to version \(migration.version): \(line); is it another program's?"))
      }
      _ = try rows(
        "INSERT INTO schema_migrations (version, name) VALUES (?1, ?2)",
        [.integer(migration.version), .text(migration.name)])
    }
  }
}
