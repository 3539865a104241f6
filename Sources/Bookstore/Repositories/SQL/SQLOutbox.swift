/// The outbox, in both databases.
///
/// Rows are taken out when they are dealt with, not passed by a cursor: numbers are given before transactions commit,
/// so a cursor would step over a row that commits late.
extension SQLTransaction {
  func append(_ events: [Event]) throws(BookstoreError) {
    for event in events {
      _ = try rows(
        "INSERT INTO outbox (kind, isbn, happened_at) VALUES (?1, ?2, ?3)",
        [.text(event.kind.rawValue), .text(event.isbn.digits), .integer(event.happenedAt)])
    }
  }

  func appendAllBooks(at time: Int64) throws(BookstoreError) -> Int {
    _ = try rows(
      "INSERT INTO outbox (kind, isbn, happened_at) SELECT ?1, isbn, ?2 FROM books ORDER BY isbn",
      [.text(Event.Kind.bookChanged.rawValue), .integer(time)])
    return try bookCount()
  }

  func pending(_ countMax: Int) throws(BookstoreError) -> [(id: Int64, event: Event)] {
    let found = try rows(
      "SELECT id, kind, isbn, happened_at FROM outbox ORDER BY id LIMIT ?1" + Self.takingFreeRows, [.integer(countMax)])
    var events: [(id: Int64, event: Event)] = []
    for row in found {
      guard let kind = Event.Kind(rawValue: try row.text(1)), let isbn = try? ISBN(try row.text(2)) else {
        throw .failed(.broken("stored event"))
      }
      events.append((try row.integer(0), Event(kind: kind, isbn: isbn, happenedAt: try row.integer(3))))
    }
    return events
  }

  func remove(_ ids: [Int64]) throws(BookstoreError) {
    for id in ids { _ = try rows("DELETE FROM outbox WHERE id = ?1", [.integer(id)]) }
  }

  func backlog() throws(BookstoreError) -> (count: Int, oldestAt: Int64?) {
    guard let row = try rows("SELECT count(*), min(happened_at) FROM outbox", []).first else { return (0, nil) }
    return (try row.count(0), row.isNull(1) ? nil : try row.integer(1))
  }
}
