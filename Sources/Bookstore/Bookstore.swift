import Foundation
import Logging

/// The service put together: one store, the use cases on it, the worker behind it.
struct Bookstore: Sendable {
  let store: any Store
  let clock: Clock
  let catalogue: Catalogue
  let ordering: Ordering
  let accounts: Accounts
  let worker: IndexWorker
  let metrics: HTTPMetrics

  /// Brings the schema up to date and reads the signing keys.
  static func open(
    _ store: any Store, clock: Clock, passwords: PasswordHasher.Parameters, logger: Logger
  ) async throws(BookstoreError) -> Bookstore {
    try await store.migrate()
    let tokens = try await TokenIssuer.load(store, now: clock.milliseconds())
    let worker = IndexWorker(store: store, logger: logger)
    let accounts = Accounts(store: store, clock: clock, hasher: PasswordHasher(passwords), tokens: tokens)
    return Bookstore(
      store: store, clock: clock, catalogue: Catalogue(store: store, clock: clock) { worker.wake() },
      ordering: Ordering(store: store, clock: clock) { worker.wake() }, accounts: accounts, worker: worker)
  }

  private init(
    store: any Store, clock: Clock, catalogue: Catalogue, ordering: Ordering, accounts: Accounts, worker: IndexWorker
  ) {
    self.store = store
    self.clock = clock
    self.catalogue = catalogue
    self.ordering = ordering
    self.accounts = accounts
    self.worker = worker
    metrics = HTTPMetrics()
  }

  func dispatcher(_ logger: Logger) -> Dispatcher {
    Dispatcher(table: ServiceTable(self), accounts: accounts, metrics: metrics, logger: logger)
  }

  func close() async {
    await accounts.hasher.close()
    await store.close()
  }

  /// Everything counted and measured. When the database does not answer, what it would have said is left out and
  /// `bookstore_database_up` is 0.
  func metricsText() async -> String {
    var text = MetricsText()
    metrics.write(to: &text)
    let store = store
    let backlog = try? await store.read { (transaction) throws(BookstoreError) in
      let (count, oldestAt) = try transaction.backlog()
      return Backlog(count: count, oldestAt: oldestAt)
    }
    text.single(
      "bookstore_database_up", "gauge", "1 when the database answered this scrape.", backlog == nil ? "0" : "1")
    if let backlog {
      text.single(
        "bookstore_search_outbox_rows", "gauge", "Events that the search index has not heard of.", "\(backlog.count)")
      let lag = backlog.oldestAt.map { Double(max(0, clock.milliseconds() - $0)) / 1000 } ?? 0
      text.single(
        "bookstore_search_lag_seconds", "gauge", "Age of the oldest of them; 0 when there is none.", "\(lag)")
    }
    text.single(
      "bookstore_search_indexed_total", "counter", "Events this process brought into the index.",
      "\(worker.indexedCount)")
    let pressure = store.pressure
    text.single(
      "bookstore_database_transactions", "gauge", "Transactions that run or wait.", "\(pressure.admitted)")
    text.single(
      "bookstore_database_transactions_max", "gauge", "How many may; one more is refused.", "\(pressure.admittedMax)")
    text.single(
      "bookstore_database_overloaded_total", "counter", "Transactions refused because too many waited.",
      "\(pressure.overloaded)")
    text.single(
      "bookstore_database_connections_opened_total", "counter", "Connections opened to the database.",
      "\(pressure.connectionsOpened)")
    let hashing = accounts.hasher.pressure
    text.single(
      "bookstore_password_hashes", "gauge", "Passwords that are hashed or wait for it.", "\(hashing.admitted)")
    text.single(
      "bookstore_password_hashes_refused_total", "counter", "Refused because too many waited.", "\(hashing.refused)")
    return text.text
  }

  private struct Backlog: Sendable {
    let count: Int
    let oldestAt: Int64?
  }
}
