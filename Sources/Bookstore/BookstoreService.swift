import Foundation
public import Logging
import ServiceLifecycle
import UnixSignals

/// Where the bookstore keeps its data.
public enum BookstoreDatabase: Sendable, Hashable {
  /// One file, made when it is not there.
  case sqlite(path: String)
  /// A URI `postgres://…` or `postgresql://…`, as libpq reads it.
  case postgreSQL(uri: String)

  /// Reads `sqlite:PATH`, a path, or a URI of PostgreSQL. Nil for a URI of anything else.
  public init?(_ text: String) {
    if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
      self = .postgreSQL(uri: text)
    } else if text.hasPrefix("sqlite:") {
      self = .sqlite(path: String(text.dropFirst("sqlite:".count)))
    } else if text.isEmpty || text.contains("://") {
      return nil
    } else {
      self = .sqlite(path: text)
    }
  }

  /// For people: without a password.
  public var description: String {
    switch self {
    case .sqlite(let path): return "SQLite \(path)"
    case .postgreSQL(let uri):
      guard let components = URLComponents(string: uri) else { return "PostgreSQL" }
      return "PostgreSQL \(components.host ?? "")\(components.port.map { ":\($0)" } ?? "")\(components.path)"
    }
  }

  func open() throws(BookstoreError) -> any Store {
    switch self {
    case .sqlite(let path): try SQLiteStore(path: path)
    case .postgreSQL(let uri): PostgreSQLStore(conninfo: uri)
    }
  }
}

/// What the bookstore is started with.
public struct BookstoreSettings: Sendable {
  public var host: String
  /// 0 takes a free one.
  public var port: Int
  public var database: BookstoreDatabase
  /// Books to fill an empty catalogue with.
  public var seedCount: Int
  /// Whether to make the two accounts that everybody knows the passwords of.
  public var makesDevelopmentAccounts: Bool

  public init(
    host: String, port: Int, database: BookstoreDatabase, seedCount: Int, makesDevelopmentAccounts: Bool
  ) {
    self.host = host
    self.port = port
    self.database = database
    self.seedCount = seedCount
    self.makesDevelopmentAccounts = makesDevelopmentAccounts
  }

  /// How many books there are when nobody says.
  public static let seedCountDefault = Seed.bookCountDefault
  public static let seedCountMax = Seed.bookCountMax
}

/// Why the bookstore did not start.
public enum BookstoreStartFailure: Error, Sendable {
  /// The database cannot be reached or used; what it said.
  case database(String)
  /// The address cannot be listened on; what the system said.
  case listen(any Error)
  case other(String)
}

/// The bookstore as a program: start, serve, stop.
public enum BookstoreService {
  /// Accounts for development; everybody knows their passwords.
  static let developmentAccounts = [
    (email: "admin@bookstore.example", name: "Admin", password: "bookstore-admin", role: User.Role.admin),
    (email: "demo@bookstore.example", name: "Demo", password: "bookstore-demo", role: .customer),
  ]

  /// Runs until SIGTERM or SIGINT, then lets requests finish. `tell` gets the lines for who started it.
  public static func run(
    _ settings: BookstoreSettings, logger: Logger, tell: @escaping @Sendable (String) -> Void
  ) async throws(BookstoreStartFailure) {
    // First, so that a port that is taken makes no database and no books.
    do { try await BookstoreServer.probe(settings.host, settings.port) } catch { throw .listen(error) }
    let bookstore = try await open(settings.database, logger)
    do {
      try await prepare(bookstore, settings, tell)
      try await serve(bookstore, settings, logger, tell)
    } catch {
      await bookstore.close()
      throw error
    }
    await bookstore.close()
  }

  /// Empties the search index and has every book indexed again, here and by whatever instance runs. Returns how many
  /// books there are.
  public static func rebuildIndex(
    _ database: BookstoreDatabase, logger: Logger
  ) async throws(BookstoreStartFailure) -> Int {
    let bookstore = try await open(database, logger)
    let result: Result<Int, BookstoreError>
    do throws(BookstoreError) {
      let count = try await IndexRebuild(store: bookstore.store, clock: bookstore.clock).run()
      while try await bookstore.worker.workOff(bookstore.store) > 0 {}
      result = .success(count)
    } catch { result = .failure(error) }
    await bookstore.close()
    do throws(BookstoreError) { return try result.get() } catch { throw failure(error) }
  }

  private static func open(
    _ database: BookstoreDatabase, _ logger: Logger
  ) async throws(BookstoreStartFailure) -> Bookstore {
    let store: any Store
    do throws(BookstoreError) { store = try database.open() } catch { throw failure(error) }
    do throws(BookstoreError) {
      let clock = Clock { Int64(Date().timeIntervalSince1970 * 1000) }
      return try await Bookstore.open(store, clock: clock, passwords: .owasp, logger: logger)
    } catch {
      await store.close()
      throw failure(error)
    }
  }

  private static func failure(_ error: BookstoreError) -> BookstoreStartFailure {
    switch error {
    case .failed(.unavailable(let reason)): .database(reason)
    case .failed(.timedOut): .database("it did not answer in time")
    default: .other("\(error)")
    }
  }

  private static func prepare(
    _ bookstore: Bookstore, _ settings: BookstoreSettings, _ tell: @Sendable (String) -> Void
  ) async throws(BookstoreStartFailure) {
    do throws(BookstoreError) {
      let added = try await Seed(store: bookstore.store, clock: bookstore.clock).run(settings.seedCount)
      let count = try await bookstore.store.read { (transaction) throws(BookstoreError) in
        try transaction.bookCount()
      }
      tell(
        "bookstore: \(settings.database.description), \(count) books\(added > 0 ? " (\(added) generated now)" : "")")
      guard settings.makesDevelopmentAccounts else { return }
      try await makeAccounts(bookstore)
      for account in developmentAccounts {
        tell("bookstore: account \(account.email), password \(account.password), role \(account.role.rawValue)")
      }
    } catch { throw failure(error) }
  }

  private static func makeAccounts(_ bookstore: Bookstore) async throws(BookstoreError) {
    for account in developmentAccounts {
      let email = try refusing { () throws(Refusal) in try EmailAddress(account.email) }
      let isThere = try await bookstore.store.read { (transaction) throws(BookstoreError) in
        try transaction.credentials(email) != nil
      }
      guard !isThere else { continue }
      do throws(BookstoreError) {
        _ = try await bookstore.accounts.register(
          email: email, name: account.name, password: account.password, role: account.role)
      } catch {
        // Another instance that starts at the same time was first.
        guard error == .refused(.emailTaken) else { throw error }
      }
    }
  }

  private static func serve(
    _ bookstore: Bookstore, _ settings: BookstoreSettings, _ logger: Logger,
    _ tell: @escaping @Sendable (String) -> Void
  ) async throws(BookstoreStartFailure) {
    let host = settings.host
    let server = BookstoreServer(
      host: host, port: settings.port, dispatcher: bookstore.dispatcher(logger), logger: logger,
      onListening: { tell("bookstore listens on http://\(host.contains(":") ? "[\(host)]" : host):\($0)") })
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: bookstore.worker, successTerminationBehavior: .gracefullyShutdownGroup),
        .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    // The server has its own deadline; this one is for what should not happen.
    configuration.maximumGracefulShutdownDuration = .seconds(30)
    do { try await ServiceGroup(configuration: configuration).run() } catch {
      // Somebody else took the port since it was looked at.
      if BookstoreServer.isOfAddress(error) { throw .listen(error) }
      throw .other("\(host):\(settings.port): \(error)")
    }
  }
}
