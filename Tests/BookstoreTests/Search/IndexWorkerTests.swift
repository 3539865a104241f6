import Logging
import Testing

@testable import Bookstore

@Suite struct IndexWorkerTests {
  private func worker(_ store: any Store) -> IndexWorker { IndexWorker(store: store, logger: Logger(label: "test")) }

  @Test("What happens to a book reaches the index, once it is worked off", arguments: TestDatabase.available)
  func follows(database: TestDatabase) async throws {
    try await database.withStore { store in
      let clock = Clock { 5000 }
      let catalogue = Catalogue(store: store, clock: clock) {}
      let book = try Book.sample(1, title: "Walking")
      _ = try await catalogue.add(book.isbn, book.details, book.price, book.stock)
      #expect(try await catalogue.search("walk", PageRequest(1)).total == 0)
      let backlog = try await store.read { (transaction) throws(BookstoreError) in
        let (count, oldest) = try transaction.backlog()
        return [Int64(count), oldest ?? 0]
      }
      #expect(backlog == [1, 5000])
      #expect(try await worker(store).workOff(store) == 1)
      #expect(try await worker(store).workOff(store) == 0)
      #expect(try await catalogue.search("walk", PageRequest(1)).total == 1)
      _ = try await catalogue.replace(book.isbn, try Book.sample(1, title: "Running").details, book.price)
      _ = try await worker(store).workOff(store)
      #expect(try await catalogue.search("walk", PageRequest(1)).total == 0)
      #expect(try await catalogue.search("run", PageRequest(1)).total == 1)
    }
  }

  @Test("Several workers, some of which fail halfway, lose nothing", arguments: TestDatabase.available)
  func atLeastOnce(database: TestDatabase) async throws {
    try await database.withStore { store in
      let added = try await Seed(store: store, clock: Clock { 1 }).run(900)
      #expect(added == 900)
      let workers = (0..<3).map { _ in worker(store) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in workers {
          group.addTask { while try await worker.workOff(store) > 0 {} }
        }
        group.addTask {
          for _ in 0..<3 {
            // As far as a worker that is killed gets: written, not committed.
            try? await store.write { (transaction) throws(BookstoreError) in
              let events = try transaction.pending(50)
              for (_, event) in events {
                if let book = try transaction.book(event.isbn) { try transaction.index(book) }
              }
              try transaction.remove(events.map(\.id))
              throw .failed(.broken("killed"))
            }
          }
        }
        try await group.waitForAll()
      }
      while try await worker(store).workOff(store) > 0 {}
      let (indexed, backlog) = try await store.read { (transaction) throws(BookstoreError) in
        guard let sql = transaction as? any SQLTransaction else { throw .failed(.broken("no SQL")) }
        return (try sql.count("SELECT count(*) FROM search_documents"), try transaction.backlog().count)
      }
      #expect(indexed == 900)
      #expect(backlog == 0)
    }
  }

  @Test("An index that is rebuilt finds what it found", arguments: TestDatabase.available)
  func rebuilds(database: TestDatabase) async throws {
    try await database.withStore { store in
      _ = try await Seed(store: store, clock: Clock { 1 }).run(300)
      while try await worker(store).workOff(store) > 0 {}
      let catalogue = Catalogue(store: store, clock: Clock { 1 }) {}
      let before = try await catalogue.search("the", PageRequest(1)).total
      #expect(before > 0)
      #expect(try await IndexRebuild(store: store, clock: Clock { 2 }).run() == 300)
      #expect(try await catalogue.search("the", PageRequest(1)).total == 0)
      while try await worker(store).workOff(store) > 0 {}
      #expect(try await catalogue.search("the", PageRequest(1)).total == before)
    }
  }
}
