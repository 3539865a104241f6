import Synchronization
import Testing

@testable import Bookstore

/// Two hundred buyers, one hundred copies, over real sockets; a third of the buyers hang up on their first try, and a
/// database that can be killed is killed in the middle and started again. Whatever happens: a hundred are sold.
@Suite(.serialized) struct RushTests {
  private static let buyers = 200
  private static let copies = 100

  @Test("200 buyers of 100 copies in one file: exactly 100 are sold")
  func sqlite() async throws {
    try await TestDatabase.sqlite.withStore { store in try await rush(store, kill: nil) }
  }

  @Test("200 buyers of 100 copies, and PostgreSQL is killed (-9) and started again: exactly 100 are sold")
  func postgreSQL() async throws {
    guard let server = PostgreSQLServer() else { return }
    server.start()
    let store = PostgreSQLStore(conninfo: server.uri("postgres"))
    try await rush(store) {
      server.killHard()
      server.stop()
      server.start()
    }
    #expect(store.pressure.connectionsOpened > PostgreSQLStore.connectionsMax)
    await store.close()
  }

  /// Buyers that were sold a copy, and the number at which the database is killed.
  private final class Score: Sendable {
    let sold = Mutex<Set<String>>([])
    let soldOut = Atomic<Int>(0)
    let retries = Atomic<Int>(0)
  }

  private func rush(_ store: any Store, kill: (@Sendable () -> Void)?) async throws {
    try await store.migrate()
    let book = try Book.sample(1, stock: Self.copies)
    try await store.write { (transaction) throws(BookstoreError) in _ = try transaction.add(book) }
    let score = Score()
    try await withService(store) { bookstore, client in
      try await buy(book, bookstore, client, score, kill)
      // What clients that hung up had sent may still be on its way.
      while bookstore.store.pressure.admitted > 0 { await aMoment() }
    }
    try await check(store, book, score)
  }

  private func buy(
    _ book: Book, _ bookstore: Bookstore, _ client: TestClient, _ score: Score, _ kill: (@Sendable () -> Void)?
  ) async throws {
    var tokens: [String] = []
    for number in 0..<20 { tokens.append(try await bookstore.makeUser("buyer\(number)").token) }
    let (thirty, hasThirty) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<Self.buyers {
        let token = tokens[number % tokens.count]
        group.addTask {
          try await buyOne(book, client, token, number, score)
          if score.sold.withLock({ $0.count }) >= 30 { hasThirty.yield() }
        }
      }
      if let kill {
        group.addTask {
          for await _ in thirty { break }
          kill()
        }
      }
      try await group.waitForAll()
    }
  }

  /// Tries with one key until there is an answer that settles it.
  private func buyOne(_ book: Book, _ client: TestClient, _ token: String, _ number: Int, _ score: Score) async throws {
    let body: JSONValue = ["lines": [["isbn": .string(book.isbn.digits), "quantity": 1]]]
    let headers = ["Idempotency-Key: buyer-\(number)-only"]
    if number % 3 == 0 {
      try? await client.sendAndLeave("POST", "/api/orders", body, token: token, headers: headers)
    }
    // A bound and not a wait: all buyers share what the machine has left.
    let deadline = ContinuousClock.now + .seconds(600)
    while ContinuousClock.now < deadline {
      guard let answer = try? await client.send("POST", "/api/orders", body, token: token, headers: headers) else {
        await aMoment()
        continue
      }
      switch answer.status {
      case 201:
        let id = answer.body["id"]?.text ?? ""
        #expect(score.sold.withLock { $0.insert(id).inserted }, "one order for two buyers")
        return
      case 409:
        score.soldOut.add(1, ordering: .relaxed)
        return
      case 503: score.retries.add(1, ordering: .relaxed)
      default:
        Issue.record("\(answer.status) \(answer.body.written)")
        return
      }
    }
    Issue.record("buyer \(number) got no answer")
  }

  private func check(_ store: any Store, _ book: Book, _ score: Score) async throws {
    let (stock, sold, lines, orders) = try await store.read { (transaction) throws(BookstoreError) in
      let found = try transaction.book(book.isbn)
      guard let sql = transaction as? any SQLTransaction else { throw .failed(.broken("no SQL")) }
      return (
        found?.stock.count, found?.sold, try sql.count("SELECT coalesce(sum(quantity), 0) FROM order_lines"),
        try sql.count("SELECT count(*) FROM orders")
      )
    }
    #expect(stock == 0)
    #expect(sold == Self.copies)
    #expect(lines == Self.copies)
    #expect(orders == Self.copies)
    // Nobody gave up before there was an answer, so every order has its buyer.
    #expect(score.sold.withLock { $0.count } == Self.copies)
    #expect(score.soldOut.load(ordering: .relaxed) == Self.buyers - Self.copies)
  }
}
