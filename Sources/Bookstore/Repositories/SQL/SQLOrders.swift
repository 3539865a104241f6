/// Orders and their keys, in both databases.
extension SQLTransaction {
  func claim(
    _ key: IdempotencyKey, of user: UserID, fingerprint: String, for order: OrderID, at time: Int64
  ) throws(BookstoreError) -> (order: OrderID, fingerprint: String)? {
    let claimed = try rows(
      """
      INSERT INTO order_keys (user_id, idempotency_key, fingerprint, order_id, created_at)
      VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING order_id
      """,
      [.text(user.text), .text(key.text), .text(fingerprint), .text(order.text), .integer(time)])
    guard claimed.isEmpty else { return nil }
    let found = try rows(
      "SELECT order_id, fingerprint FROM order_keys WHERE user_id = ?1 AND idempotency_key = ?2",
      [.text(user.text), .text(key.text)])
    guard let row = found.first, let first = OrderID(try row.text(0)) else {
      throw .failed(.broken("a key that is taken and not there"))
    }
    return (first, try row.text(1))
  }

  func add(_ order: Order) throws(BookstoreError) {
    _ = try rows(
      "INSERT INTO orders (id, user_id, currency, total_minor, placed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        .text(order.id.text), .text(order.user.text), .text(order.total.currency.rawValue),
        .integer(order.total.minorUnits), .integer(order.placedAt),
      ])
    for line in order.lines {
      _ = try rows(
        """
        INSERT INTO order_lines (order_id, isbn, title, quantity, price_minor) VALUES (?1, ?2, ?3, ?4, ?5)
        """,
        [
          .text(order.id.text), .text(line.isbn.digits), .text(line.title), .integer(line.quantity.count),
          .integer(line.price.minorUnits),
        ])
    }
  }

  func order(_ id: OrderID) throws(BookstoreError) -> Order? {
    let found = try rows(
      OrderSQL.select + "orders o" + OrderSQL.joined + " WHERE o.id = ?1 ORDER BY l.isbn", [.text(id.text)])
    return try OrderSQL.orders(found).first
  }

  func orders(of user: UserID, _ page: PageRequest) throws(BookstoreError) -> Page<Order> {
    let found = try rows(
      OrderSQL.select
        + """
        (SELECT id, user_id, currency, placed_at FROM orders WHERE user_id = ?1
         ORDER BY placed_at DESC, id DESC LIMIT ?2 OFFSET ?3) o
        """ + OrderSQL.joined + " ORDER BY o.placed_at DESC, o.id DESC, l.isbn",
      [.text(user.text), .integer(PageRequest.size), .integer(page.offset)])
    let total = try count("SELECT count(*) FROM orders WHERE user_id = ?1", [.text(user.text)])
    return Page(items: try OrderSQL.orders(found), total: total)
  }
}

private enum OrderSQL {
  static let select: SQL = """
    SELECT o.id, o.user_id, o.currency, o.placed_at, l.isbn, l.title, l.quantity, l.price_minor FROM\u{20}
    """
  static let joined: SQL = " JOIN order_lines l ON l.order_id = o.id"

  /// Rows are lines; lines of one order stand together.
  static func orders(_ rows: [SQLRow]) throws(BookstoreError) -> [Order] {
    var orders: [Order] = []
    var begin = 0
    while begin < rows.count {
      let id = try rows[begin].text(0)
      var end = begin + 1
      while end < rows.count, try rows[end].text(0) == id { end += 1 }
      orders.append(try order(rows[begin..<end]))
      begin = end
    }
    return orders
  }

  private static func order(_ rows: ArraySlice<SQLRow>) throws(BookstoreError) -> Order {
    guard let first = rows.first, let id = OrderID(try first.text(0)), let user = UserID(try first.text(1)),
      let currency = Currency(rawValue: try first.text(2))
    else { throw .failed(.broken("stored order")) }
    var lines: [Order.Line] = []
    for row in rows {
      let (number, count) = (try row.text(4), try row.count(6))
      guard let isbn = try? ISBN(number) else { throw .failed(.broken("stored order \(id): \(number)")) }
      lines.append(
        Order.Line(
          isbn: isbn, title: try row.text(5),
          quantity: try stored("quantity") { () throws(Refusal) in try Quantity(count) },
          price: Money(minorUnits: try row.integer(7), currency: currency)))
    }
    let placedAt = try first.integer(3)
    return try stored("order") { () throws(Refusal) in
      try Order(id: id, user: user, lines: lines, placedAt: placedAt)
    }
  }
}
