import Foundation
import GRDB
import Synchronization

/// The data in one file, by SQLite. Nothing to install, and two processes may use the file at once.
///
/// Write-ahead log: readers do not wait for the writer. One writer at a time, by SQLite's own rule; every write
/// transaction begins IMMEDIATE, so that it waits for its turn at the beginning (`busySeconds`) and never has to give
/// up in the middle because somebody else wrote. `synchronous = FULL`: an order that was confirmed survives the power
/// going.
final class SQLiteStore: Store {
  static let busySeconds = 5.0
  static let readersMax = 4
  static let admittedMax = 512

  private let pool: DatabasePool
  private let admission = Admission(admittedMax)
  private let isClosed = Atomic<Bool>(false)

  /// Opens the file, or makes it. Throws `unavailable` with what is wrong.
  init(path: String) throws(BookstoreError) {
    var configuration = Configuration()
    configuration.busyMode = .timeout(Self.busySeconds)
    configuration.maximumReaderCount = Self.readersMax
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
      // Only now: with the write-ahead log GRDB turns it down to NORMAL, after it has prepared the connection.
      try pool.writeWithoutTransaction { database in try database.execute(sql: "PRAGMA synchronous = FULL") }
    } catch {
      throw .failed(.unavailable(Self.reason(error)))
    }
  }

  func read<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R {
    try admit()
    defer { admission.leave() }
    do {
      return try await pool.read { database in try body(SQLiteTransaction(database: database)) }
    } catch { throw Self.failure(error) }
  }

  func write<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R {
    try await writing { (transaction) throws(BookstoreError) in try body(transaction) }
  }

  private func writing<R: Sendable>(
    _ body: @escaping @Sendable (SQLiteTransaction) throws(BookstoreError) -> R
  ) async throws(BookstoreError) -> R {
    try admit()
    defer { admission.leave() }
    do {
      return try await pool.write { database in try body(SQLiteTransaction(database: database)) }
    } catch { throw Self.failure(error) }
  }

  private func admit() throws(BookstoreError) {
    guard !isClosed.load(ordering: .acquiring) else { throw .failed(.unavailable("closed")) }
    try admission.enter()
  }

  func migrate() async throws(BookstoreError) {
    try await writing { (transaction) throws(BookstoreError) in
      // The write lock is held: of two processes that start at once, one does it and the other finds it done.
      try transaction.migrate(SQLiteSchema.migrations)
    }
  }

  func close() async {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    // Behind whatever writes now. A reader that is still busy keeps its own connection until it is done.
    try? await pool.barrierWriteWithoutTransaction { _ in }
    try? pool.close()
  }

  var pressure: StorePressure {
    StorePressure(
      admitted: admission.count, admittedMax: admission.countMax, overloaded: admission.refusedCount,
      connectionsOpened: 1)
  }

  /// SQLite's result codes (https://www.sqlite.org/rescode.html) as what the application knows.
  static func failure(_ error: any Error) -> BookstoreError {
    if let error = error as? BookstoreError { return error }
    if error is CancellationError { return .failed(.cancelled) }
    guard let error = error as? DatabaseError else { return .failed(.broken("\(error)")) }
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED: return .failed(.timedOut)
    case .SQLITE_INTERRUPT, .SQLITE_ABORT: return .failed(.cancelled)
    case .SQLITE_CONSTRAINT: return .failed(.constraint(error.message ?? "constraint"))
    case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_FULL, .SQLITE_CORRUPT, .SQLITE_NOTADB,
      .SQLITE_PERM, .SQLITE_AUTH:
      return .failed(.unavailable(reason(error)))
    default: return .failed(.broken("\(error)"))
    }
  }

  private static func reason(_ error: any Error) -> String {
    (error as? DatabaseError).map { $0.message ?? "\($0.resultCode)" } ?? "\(error)"
  }
}
