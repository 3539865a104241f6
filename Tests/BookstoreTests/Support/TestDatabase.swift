import Foundation

@testable import Bookstore

/// The databases that every test of a store runs on.
enum TestDatabase: String, CaseIterable, Sendable, CustomStringConvertible {
  case sqlite, postgreSQL

  var description: String { rawValue }

  /// Those that there are here.
  static var available: [TestDatabase] { PostgreSQLServer.shared == nil ? [.sqlite] : allCases }

  /// Runs `body` with an empty store of its own.
  func withStore(isMigrated: Bool = true, _ body: (any Store) async throws -> Void) async throws {
    let store: any Store
    var file: String?
    switch self {
    case .sqlite:
      let path = NSTemporaryDirectory() + "/bookstore-\(UUID().uuidString).sqlite"
      file = path
      store = try SQLiteStore(path: path)
    case .postgreSQL:
      guard let server = PostgreSQLServer.shared else { return }
      store = PostgreSQLStore(conninfo: try server.makeDatabase())
    }
    if isMigrated { try await store.migrate() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(store)) } catch { result = .failure(error) }
    await store.close()
    for suffix in ["", "-wal", "-shm"] {
      if let file { try? FileManager.default.removeItem(atPath: file + suffix) }
    }
    try result.get()
  }
}

extension Book {
  static func sample(_ number: Int, stock: Int = 10, title: String? = nil, currency: Currency = .eur) throws -> Book {
    let seed = try Seed.book(number)
    return Book(
      isbn: seed.isbn,
      details: try Details(
        title: title ?? seed.details.title, authors: seed.details.authors, subjects: seed.details.subjects,
        publishedYear: seed.details.publishedYear, description: seed.details.description),
      price: try Money.price(1000 + Int64(number), currency), stock: try Stock(stock), sold: 0, version: 1)
  }
}

extension User {
  static func sample(_ name: String = "reader", role: Role = .customer) throws -> User {
    User(
      id: .random(), email: try EmailAddress("\(name)@example.org"), name: name, role: role, status: .active,
      createdAt: 1)
  }
}
