import Dispatch
import Testing

@testable import Bookstore

@Suite struct ClientGoneTests {
  @Test("A client that goes while its order waits for a lock leaves nothing behind: neither work nor order")
  func cancelsOrder() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let uri = try server.makeDatabase()
    // The lock is waited for far longer than the test takes: what ends the wait is that nobody wants the answer.
    let (store, other) = (
      PostgreSQLStore(conninfo: uri, statementMilliseconds: 240_000),
      PostgreSQLStore(conninfo: uri, connectionsMax: 1, statementMilliseconds: 240_000)
    )
    try await store.migrate()
    let book = try Book.sample(1, stock: 5)
    let one = try Quantity(1)
    try await store.write { (transaction) throws(BookstoreError) in _ = try transaction.add(book) }
    try await withService(store) { bookstore, client in
      let token = try await bookstore.makeUser("ruth").token
      let (held, isHeld) = AsyncStream.makeStream(of: Void.self)
      let release = DispatchSemaphore(value: 0)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // Holds the book's row until it is told, or for minutes; a bound and not a wait.
          try await other.write { (transaction) throws(BookstoreError) in
            _ = try transaction.take(one, of: book.isbn)
            isHeld.yield()
            _ = release.wait(timeout: .now() + 180)
            throw .refused(.notAllowed)
          }
        }
        for await _ in held { break }
        let lines: JSONValue = ["lines": [["isbn": .string(book.isbn.digits), "quantity": 1]]]
        let headers = ["Idempotency-Key: gone-0001"]
        try await client.sendAndLeave("POST", "/api/orders", lines, token: token, headers: headers)
        // The answer to nobody ends before the lock is released.
        let left = await settles(bookstore)
        #expect(left)
        release.signal()
        await #expect(throws: BookstoreError.refused(.notAllowed)) { try await group.waitForAll() }
      }
      #expect(try await client.send("GET", "/api/orders", token: token).body["total"] == 0)
      #expect(try await client.send("GET", "/api/books/\(book.isbn)").body["stock"]?.whole == 5)
    }
    await store.close()
    await other.close()
  }

  /// Waits for the order to come and to end again; false when it did not in half the time that a lock is waited for.
  private func settles(_ bookstore: Bookstore) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
      let metrics = await bookstore.metricsText()
      if metrics.contains("operation=\"placeOrder\",code=\"503\"} 1") { return true }
      await aMoment()
    }
    return false
  }
}
