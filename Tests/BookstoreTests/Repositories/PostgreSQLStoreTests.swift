import Foundation
import Synchronization
import Testing

@testable import Bookstore

/// What only a database that lives elsewhere can do to us.
@Suite struct PostgreSQLStoreTests {
  private func run(_ sql: SQL, on transaction: any Transaction) throws(BookstoreError) -> [SQLRow] {
    guard let transaction = transaction as? PostgreSQLTransaction else { return [] }
    return try transaction.rows(sql, [])
  }

  @Test("Nobody is there: said at once, with the reason")
  func refused() async throws {
    let store = PostgreSQLStore(conninfo: "postgres://sluice@127.0.0.1:1/none")
    do throws(BookstoreError) {
      try await store.migrate()
      Issue.record("connected to nothing")
    } catch {
      guard case .failed(.unavailable(let reason)) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(reason.contains("127.0.0.1"))
    }
    await store.close()
  }

  @Test("A statement that nobody waits for is cancelled at the server, and the connection is used again")
  func cancels() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(
      conninfo: try server.makeDatabase(), connectionsMax: 1, statementMilliseconds: 240_000)
    let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: BookstoreError.failed(.cancelled)) {
          try await store.read { (transaction) throws(BookstoreError) in
            hasBegun.yield()
            // Left alone it would end well.
            _ = try run("SELECT pg_sleep(120)", on: transaction)
          }
        }
      }
      for await _ in begun { break }
      group.cancelAll()
    }
    let one = try await store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }
    #expect(one)
    #expect(store.pressure.connectionsOpened == 1)
    await store.close()
  }

  private final class Seen: Sendable {
    let attempts = Atomic<Int>(0)
    let firstTaken = Atomic<Int>(0)
  }

  @Test("A transaction that gets into another's way is repeated")
  func repeatsDeadlocks() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(conninfo: try server.makeDatabase(), connectionsMax: 2)
    try await store.migrate()
    let books = [try Book.sample(1, stock: 1000), try Book.sample(2, stock: 1000)]
    let one = try Quantity(1)
    try await store.write { (transaction) throws(BookstoreError) in
      for book in books { _ = try transaction.add(book) }
    }
    // In opposite orders, which the application never does; each waits for the other to have its first book.
    let seen = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for isbns in [books.map(\.isbn), books.reversed().map(\.isbn)] {
        group.addTask {
          try await store.write { (transaction) throws(BookstoreError) in
            seen.attempts.add(1, ordering: .relaxed)
            _ = try transaction.take(one, of: isbns[0])
            seen.firstTaken.add(1, ordering: .relaxed)
            while seen.firstTaken.load(ordering: .relaxed) < 2 {}
            _ = try transaction.take(one, of: isbns[1])
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(seen.attempts.load(ordering: .relaxed) > 2)
    let sold = try await store.read { (transaction) throws(BookstoreError) in
      try transaction.books(PageRequest(1)).items.map(\.sold)
    }
    #expect(sold == [2, 2])
    await store.close()
  }

  @Test("A server that was killed and started again is used again, without a failure after it")
  func reconnects() async throws {
    guard let server = PostgreSQLServer() else { return }
    server.start()
    let store = PostgreSQLStore(conninfo: server.uri("postgres"), connectionsMax: 2)
    try await store.migrate()
    server.killHard()
    server.stop()
    await #expect(throws: BookstoreError.self) {
      try await store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }
    }
    server.start()
    // At most one pause between two tries passes until it is noticed.
    let deadline = ContinuousClock.now + .seconds(60)
    var isAlive = false
    while !isAlive && ContinuousClock.now < deadline {
      await aMoment()
      isAlive = (try? await store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }) ?? false
    }
    #expect(isAlive)
    for _ in 0..<20 {
      _ = try await store.write { (transaction) throws(BookstoreError) in try transaction.isAlive() }
    }
    await store.close()
  }

  @Test("More transactions than may wait are refused at once")
  func overload() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(conninfo: try server.makeDatabase(), connectionsMax: 2)
    let failures = await withTaskGroup(of: StoreFailure?.self) { group in
      for _ in 0..<(PostgreSQLStore.admittedMax + 100) {
        group.addTask {
          do throws(BookstoreError) {
            _ = try await store.read { (transaction) throws(BookstoreError) in
              // Holds its connection for a moment, so that others have to wait.
              try run("SELECT pg_sleep(0.002)", on: transaction)
            }
            return nil
          } catch {
            if case .failed(let failure) = error { return failure }
            return .broken("\(error)")
          }
        }
      }
      return await group.reduce(into: [StoreFailure]()) { if let failure = $1 { $0.append(failure) } }
    }
    #expect(!failures.isEmpty && failures.allSatisfy { $0 == .overloaded })
    #expect(store.pressure.admitted == 0)
    #expect(store.pressure.overloaded == failures.count)
    await store.close()
  }

  @Test(
    "SQLSTATE is translated by what to do about it",
    arguments: [
      ("40001", StoreFailure.contended), ("40P01", .contended), ("57014", .timedOut), ("55P03", .timedOut),
      ("57P01", .unavailable("m")), ("53300", .unavailable("m")), ("08006", .unavailable("m")),
      ("3D000", .unavailable("m")), ("23505", .constraint("m")), ("42601", .broken("42601: m")),
    ])
  func states(state: String, failure: StoreFailure) {
    #expect(SQLState.failure(state, "m\nn", isCancelled: false) == failure)
    #expect(SQLState.failure("57014", "m", isCancelled: true) == .cancelled)
  }
}
