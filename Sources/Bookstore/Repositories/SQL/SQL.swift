/// The text of a statement. Only a literal becomes one: nothing that came from outside can be part of it, because there
/// is no way to say so. Values are bound.
///
/// Parameters are written `?1`, `?2` as SQLite has them; PostgreSQL's `$1` is made of them.
struct SQL: ExpressibleByStringLiteral, Sendable {
  let text: String
  /// With `$1` in place of `?1`.
  let dollarText: String

  init(stringLiteral literal: StaticString) {
    text = String(describing: literal)
    dollarText = String(text.map { $0 == "?" ? "$" : $0 })
  }

  private init(text: String, dollarText: String) {
    self.text = text
    self.dollarText = dollarText
  }

  static func + (left: SQL, right: SQL) -> SQL {
    SQL(text: left.text + right.text, dollarText: left.dollarText + right.dollarText)
  }
}

/// What goes into a statement and comes out. Text and whole numbers are all the schema has.
enum SQLValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)

  static func integer(_ value: Int) -> SQLValue { .integer(Int64(value)) }
}

/// One row, columns in the order of the statement.
struct SQLRow: Sendable {
  let values: [SQLValue]

  func integer(_ column: Int) throws(BookstoreError) -> Int64 {
    switch values[column] {
    case .integer(let value): return value
    // PostgreSQL sends numbers as text.
    case .text(let text):
      guard let value = Int64(text) else { throw .failed(.broken("column \(column) is no number")) }
      return value
    case .null: throw .failed(.broken("column \(column) is null"))
    }
  }

  func count(_ column: Int) throws(BookstoreError) -> Int { Int(try integer(column)) }

  func text(_ column: Int) throws(BookstoreError) -> String {
    guard case .text(let text) = values[column] else { throw .failed(.broken("column \(column) is no text")) }
    return text
  }

  func isNull(_ column: Int) -> Bool { values[column] == .null }
}

/// What the two databases have in common: a session that runs statements, and the repositories written on it. What
/// differs is named here, and each database says its own.
protocol SQLTransaction: Transaction {
  func rows(_ sql: SQL, _ values: [SQLValue]) throws(BookstoreError) -> [SQLRow]
  /// Behind a SELECT of one user: keep the row as it is until the transaction ends.
  static var holdingRow: SQL { get }
  /// Behind a SELECT of the outbox: pass over rows that another worker has in hand.
  static var takingFreeRows: SQL { get }
}

extension SQLTransaction {
  func isAlive() throws(BookstoreError) -> Bool { try count("SELECT 1") == 1 }

  func count(_ sql: SQL, _ values: [SQLValue] = []) throws(BookstoreError) -> Int {
    guard let row = try rows(sql, values).first else { throw .failed(.broken("a count without a row")) }
    return try row.count(0)
  }
}

/// A value of the data that the domain does not take: somebody else wrote it.
func stored<Value>(_ what: String, _ make: () throws(Refusal) -> Value) throws(BookstoreError) -> Value {
  do throws(Refusal) { return try make() } catch { throw .failed(.broken("stored \(what): \(error)")) }
}
