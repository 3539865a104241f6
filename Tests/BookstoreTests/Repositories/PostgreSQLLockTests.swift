import Dispatch
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Bookstore

/// Locks of PostgreSQL and connections that die at the worst moment.
@Suite struct PostgreSQLLockTests {
  private func run(_ sql: SQL, on transaction: any Transaction) throws(BookstoreError) -> [SQLRow] {
    guard let transaction = transaction as? PostgreSQLTransaction else { return [] }
    return try transaction.rows(sql, [])
  }

  private final class Seen: Sendable {
    let isSuspended = Atomic<Bool>(false)
    let gate = Atomic<Int>(0)
  }

  @Test("Nobody suspends a user in the middle of their order: it waits until the order is through")
  func userHeld() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(conninfo: try server.makeDatabase(), statementMilliseconds: 240_000)
    try await store.migrate()
    let user = try User.sample()
    try await store.write { (transaction) throws(BookstoreError) in _ = try transaction.add(user, passwordHash: "h") }
    let (held, isHeld) = AsyncStream.makeStream(of: Void.self)
    let release = DispatchSemaphore(value: 0)
    let seen = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await store.write { (transaction) throws(BookstoreError) in
          _ = try transaction.userHeld(user.id)
          isHeld.yield()
          // A bound and not a wait.
          _ = release.wait(timeout: .now() + 120)
        }
      }
      for await _ in held { break }
      group.addTask {
        _ = try await store.write { (transaction) throws(BookstoreError) in
          try transaction.setStatus(.suspended, of: user.id)
        }
        seen.isSuspended.store(true, ordering: .releasing)
      }
      // Until the other transaction waits for the lock, or did not have to.
      var waits = 0
      while waits == 0, !seen.isSuspended.load(ordering: .acquiring) {
        waits = try await store.read { (transaction) throws(BookstoreError) in
          try run("SELECT count(*) FROM pg_locks WHERE NOT granted", on: transaction)[0].count(0)
        }
        await aMoment()
      }
      let isEarly = seen.isSuspended.load(ordering: .acquiring)
      #expect(!isEarly)
      release.signal()
      try await group.waitForAll()
    }
    let isThrough = seen.isSuspended.load(ordering: .acquiring)
    #expect(isThrough)
    await store.close()
  }

  @Test("Two workers at once take different events")
  func skipsLocked() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(conninfo: try server.makeDatabase(), statementMilliseconds: 240_000)
    try await store.migrate()
    _ = try await Seed(store: store, clock: Clock { 1 }).run(20)
    let second = try await withThrowingTaskGroup(of: [Int64].self) { group in
      let (taken, isTaken) = AsyncStream.makeStream(of: Void.self)
      let release = DispatchSemaphore(value: 0)
      group.addTask {
        try await store.write { (transaction) throws(BookstoreError) in
          let first = try transaction.pending(10).map(\.id)
          isTaken.yield()
          _ = release.wait(timeout: .now() + 120)
          return first
        }
      }
      for await _ in taken { break }
      let second = try await store.write { (transaction) throws(BookstoreError) in
        try transaction.pending(15).map(\.id)
      }
      release.signal()
      let first = try await group.next() ?? []
      #expect(first.count == 10)
      #expect(Set(first).isDisjoint(with: second))
      return second
    }
    #expect(second.count == 10)
    await store.close()
  }

  @Test("A connection that dies while committing: nobody knows, and that is what is said")
  func diesAtCommit() async throws {
    guard let server = PostgreSQLServer.shared else { return }
    let store = PostgreSQLStore(conninfo: try server.makeDatabase(), connectionsMax: 2)
    try await store.migrate()
    let book = try Book.sample(1)
    try await store.write { (transaction) throws(BookstoreError) in
      // A trigger that the commit fires, and that ends the connection it runs on.
      _ = try run(
        """
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'
        """, on: transaction)
      _ = try run(
        """
        CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON books DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION die()
        """, on: transaction)
    }
    await #expect(throws: BookstoreError.failed(.outcomeUnknown)) {
      try await store.write { (transaction) throws(BookstoreError) in _ = try transaction.add(book) }
    }
    // In the middle of a transaction nothing has happened, and that is known.
    let failure = await #expect(throws: BookstoreError.self) {
      try await store.write { (transaction) throws(BookstoreError) in
        _ = try run("SELECT pg_terminate_backend(pg_backend_pid())", on: transaction)
      }
    }
    guard case .failed(.unavailable)? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    let count = try await store.read { (transaction) throws(BookstoreError) in try transaction.bookCount() }
    #expect(count == 0)
    await store.close()
  }

  @Test("Idle connections that a restart has broken are replaced without anybody noticing")
  func stale() async throws {
    guard let server = PostgreSQLServer() else { return }
    server.start()
    let store = PostgreSQLStore(conninfo: server.uri("postgres"), connectionsMax: 4)
    let seen = Seen()
    // Four at once, so that there are four connections.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          _ = try await store.read { (transaction) throws(BookstoreError) in
            seen.gate.add(1, ordering: .relaxed)
            while seen.gate.load(ordering: .relaxed) < 4 {}
            return try transaction.isAlive()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(store.pressure.connectionsOpened == 4)
    server.killHard()
    server.stop()
    server.start()
    for _ in 0..<8 {
      let isAlive = try await store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }
      #expect(isAlive)
    }
    await store.close()
  }

  @Test("A server that cannot be reached is not asked by everybody: one try in each pause")
  func oneTryAPause() async throws {
    let accepted = Mutex(0)
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        accepted.withLock { $0 += 1 }
        return channel.close()
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    let store = PostgreSQLStore(
      conninfo: "postgres://sluice@127.0.0.1:\(port)/none?sslmode=disable&gssencmode=disable", connectionsMax: 1)
    let begin = ContinuousClock.now
    for _ in 0..<500 {
      await #expect(throws: BookstoreError.self) {
        try await store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }
      }
    }
    let pauses = (ContinuousClock.now - begin) / PostgreSQLStore.retryPause
    #expect(accepted.withLock { $0 } <= Int(pauses) + 2)
    await store.close()
    try await listener.close()
  }
}
