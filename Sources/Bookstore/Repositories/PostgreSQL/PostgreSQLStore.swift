import Foundation
import NIOPosix
import Synchronization

/// The data in PostgreSQL, by libpq, on threads of its own.
///
/// As many threads as connections: a transaction holds a thread from BEGIN to COMMIT, so neither could be used
/// without the other. At most `admittedMax` transactions run or wait. A connection that broke is thrown away and the
/// next transaction opens a new one, so a server that was restarted is used again without anybody noticing; while it
/// cannot be reached, one try every `retryPause` is made and everybody else is told at once.
final class PostgreSQLStore: Store {
  static let connectionsMax = 8
  static let admittedMax = 512
  /// Repetitions of a transaction that got into another's way.
  static let attemptsMax = 5
  static let retryPause = Duration.milliseconds(100)

  private let conninfo: String
  private let statementMilliseconds: Int
  private let threads: NIOThreadPool
  private let admission = Admission(admittedMax)
  private let idle = Mutex<Idle>(Idle())

  private struct Idle: ~Copyable {
    var connections: [PooledConnection] = []
    var isClosed = false
    var opened = 0
    /// Until then the server is not tried again, and why.
    var down: (until: ContinuousClock.Instant, reason: String)?
  }

  /// - Parameters:
  ///   - conninfo: a URI `postgres://…` or a string of keywords, as libpq takes them.
  ///   - statementMilliseconds: the bound of a statement and of the wait for a lock.
  init(
    conninfo: String, connectionsMax: Int = PostgreSQLStore.connectionsMax,
    statementMilliseconds: Int = PostgreSQLConnection.statementMillisecondsMax
  ) {
    self.conninfo = conninfo
    self.statementMilliseconds = statementMilliseconds
    threads = NIOThreadPool(numberOfThreads: connectionsMax)
    threads.start()
  }

  func read<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R {
    try await run(isReadOnly: true) { (transaction) throws(BookstoreError) in try body(transaction) }
  }

  func write<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R {
    try await run(isReadOnly: false) { (transaction) throws(BookstoreError) in try body(transaction) }
  }

  func migrate() async throws(BookstoreError) {
    try await run(isReadOnly: false) { (transaction) throws(BookstoreError) in
      // Two processes that start at once take turns. The number is ours and means nothing.
      _ = try transaction.rows("SELECT pg_advisory_xact_lock(7221973)", [])
      try transaction.migrate(PostgreSQLSchema.migrations)
    }
  }

  func close() async {
    idle.withLock { idle in
      idle.isClosed = true
      idle.connections.removeAll()
    }
    try? await threads.shutdownGracefully()
  }

  var pressure: StorePressure {
    StorePressure(
      admitted: admission.count, admittedMax: admission.countMax, overloaded: admission.refusedCount,
      connectionsOpened: idle.withLock { $0.opened })
  }

  // MARK: One transaction

  private func run<R: Sendable>(
    isReadOnly: Bool, _ body: @escaping @Sendable (PostgreSQLTransaction) throws(BookstoreError) -> R
  ) async throws(BookstoreError) -> R {
    try admission.enter()
    defer { admission.leave() }
    let cancellation = Cancellation()
    let result: Result<R, BookstoreError>
    do {
      result = try await withTaskCancellationHandler {
        try await threads.runIfActive { [self] () -> Result<R, BookstoreError> in
          do throws(BookstoreError) {
            return .success(try transact(isReadOnly: isReadOnly, cancellation, body))
          } catch { return .failure(error) }
        }
      } onCancel: {
        cancellation.cancel()
      }
    } catch {
      // The pool of threads says so: this did not begin.
      throw .failed(Task.isCancelled ? .cancelled : .unavailable("closed"))
    }
    return try result.get()
  }

  private func transact<R>(
    isReadOnly: Bool, _ cancellation: Cancellation,
    _ body: (PostgreSQLTransaction) throws(BookstoreError) -> R
  ) throws(BookstoreError) -> R {
    var attempts = 0
    while true {
      attempts += 1
      let pooled = try checkOut()
      let connection = pooled.connection
      guard cancellation.attach(connection) else {
        checkIn(pooled)
        throw .failed(.cancelled)
      }
      defer {
        cancellation.detach()
        checkIn(pooled)
      }
      do throws(BookstoreError) {
        _ = try connection.rows(isReadOnly ? "BEGIN READ ONLY" : "BEGIN", [])
      } catch {
        // A connection that lay idle while the server was restarted. Nothing has begun: take a new one. Not when the
        // server is there and says nothing: that was waited for once.
        let isStale = connection.isBroken && !pooled.isNew && error != .failed(.timedOut)
        if isStale && attempts <= Self.connectionsMax { continue }
        throw error
      }
      do throws(BookstoreError) {
        let value = try body(PostgreSQLTransaction(connection: connection))
        try commit(connection)
        return value
      } catch {
        if !connection.isBroken && error != .failed(.outcomeUnknown) { rollBack(connection) }
        if error == .failed(.contended) && attempts < Self.attemptsMax { continue }
        throw error
      }
    }
  }

  private func commit(_ connection: PostgreSQLConnection) throws(BookstoreError) {
    do throws(BookstoreError) {
      try connection.uncancelled { () throws(BookstoreError) in _ = try connection.rows("COMMIT", []) }
    } catch {
      // The word was sent and the answer is lost.
      throw connection.isBroken ? .failed(.outcomeUnknown) : error
    }
  }

  private func rollBack(_ connection: PostgreSQLConnection) {
    // A connection on which even this fails is broken, and thrown away for it.
    _ = try? connection.uncancelled { () throws(BookstoreError) in try connection.rows("ROLLBACK", []) }
  }

  // MARK: Connections

  private func checkOut() throws(BookstoreError) -> PooledConnection {
    let found = idle.withLock { idle -> Result<PooledConnection?, BookstoreError> in
      if idle.isClosed { return .failure(.failed(.unavailable("closed"))) }
      if let connection = idle.connections.popLast() { return .success(connection) }
      if let down = idle.down, ContinuousClock.now < down.until { return .failure(.failed(.unavailable(down.reason))) }
      return .success(nil)
    }
    if let connection = try found.get() {
      connection.connection.begin()
      return PooledConnection(connection: connection.connection, isNew: false)
    }
    do throws(BookstoreError) {
      let connection = PooledConnection(connection: try open(), isNew: true)
      idle.withLock { idle in
        idle.opened += 1
        idle.down = nil
      }
      return connection
    } catch {
      if case .failed(.unavailable(let reason)) = error {
        idle.withLock { $0.down = (ContinuousClock.now + Self.retryPause, reason) }
      }
      throw error
    }
  }

  private func open() throws(BookstoreError) -> PostgreSQLConnection {
    try PostgreSQLConnection(conninfo, statementMilliseconds: statementMilliseconds)
  }

  private func checkIn(_ pooled: PooledConnection) {
    guard !pooled.connection.isBroken else { return }
    idle.withLock { idle in
      if !idle.isClosed { idle.connections.append(pooled) }
    }
  }
}

/// A connection between two threads that use it one after the other.
private struct PooledConnection: @unchecked Sendable {
  let connection: PostgreSQLConnection
  /// Opened for this transaction; not one that may have died while it lay idle.
  let isNew: Bool
}

/// Tells the connection that runs a transaction that nobody waits for it.
private final class Cancellation: Sendable {
  /// waiting → running → done; from each to cancelled, which stays.
  private enum State {
    /// No connection yet: cancelling keeps it from getting one.
    case waiting
    /// The eventfd of a connection that is open for as long as this is so.
    case running(wakeup: Int32)
    case cancelled
  }

  private let state = Mutex(State.waiting)

  /// False when it was cancelled before.
  func attach(_ connection: PostgreSQLConnection) -> Bool {
    let wakeup = connection.wakeup
    return state.withLock { state in
      if case .cancelled = state { return false }
      state = .running(wakeup: wakeup)
      return true
    }
  }

  func detach() {
    state.withLock { state in
      if case .running = state { state = .waiting }
    }
  }

  func cancel() {
    state.withLock { state in
      if case .running(let wakeup) = state {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
      }
      state = .cancelled
    }
  }
}
