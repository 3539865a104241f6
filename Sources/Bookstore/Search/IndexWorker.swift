import Logging
import ServiceLifecycle
import Synchronization

/// Brings what happened to books into the index.
///
/// A batch is one transaction: take events from the outbox, write the present state of their books into the index,
/// take the events out. Killed anywhere in between, the events are still there and are dealt with again; an index
/// that is written twice is the same index (at least once, idempotent). Several workers take different rows, and a
/// book's version keeps a slow one from overwriting what a quick one wrote.
///
/// The worker is told of events of its own process; those of others it finds by looking every `pollEvery`.
final class IndexWorker: Service {
  static let batchMax = 200
  static let pollEvery = Duration.milliseconds(500)

  private let store: any Store
  private let logger: Logger
  private let hints: AsyncStream<Void>
  private let hint: AsyncStream<Void>.Continuation
  private let indexed = Atomic<Int>(0)

  init(store: any Store, logger: Logger) {
    self.store = store
    self.logger = logger
    // One hint that waits is enough: whoever heeds it empties the outbox.
    (hints, hint) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Events dealt with since the start.
  var indexedCount: Int { indexed.load(ordering: .relaxed) }

  /// There are events. Never waits.
  func wake() { hint.yield() }

  /// Works until the service stops.
  func run() async throws {
    let (store, logger) = (store, logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [hint] in
        // The outbox is a table: other processes write to it without telling this one.
        while !Task.isCancelled {
          hint.yield()
          do { try await Task.sleep(for: Self.pollEvery) } catch { break }
        }
      }
      for await _ in hints.cancelOnGracefulShutdown() {
        do throws(BookstoreError) {
          while try await workOff(store) == Self.batchMax, !Task.isCancelled {}
        } catch {
          logger.debug("the index waits", metadata: ["error": "\(error)"])
        }
      }
      group.cancelAll()
    }
  }

  /// One batch. How many events it had.
  func workOff(_ store: any Store) async throws(BookstoreError) -> Int {
    let count = try await store.write { (transaction) throws(BookstoreError) in
      let events = try transaction.pending(Self.batchMax)
      var seen: Set<ISBN> = []
      for (_, event) in events where seen.insert(event.isbn).inserted {
        // A book is never deleted; if one were gone there would be nothing to index.
        if let book = try transaction.book(event.isbn) { try transaction.index(book) }
      }
      try transaction.remove(events.map(\.id))
      return events.count
    }
    indexed.add(count, ordering: .relaxed)
    return count
  }
}

/// Builds the index anew from the catalogue: for an index that was lost, or whose way of making words changed.
struct IndexRebuild: Sendable {
  let store: any Store
  let clock: Clock

  /// Empties the index and says of every book that it changed, in one transaction; workers do the rest. Returns how
  /// many books there are.
  func run() async throws(BookstoreError) -> Int {
    let now = clock.milliseconds()
    return try await store.write { (transaction) throws(BookstoreError) in
      try transaction.clearIndex()
      return try transaction.appendAllBooks(at: now)
    }
  }
}
