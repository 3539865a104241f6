import ArgumentParser
import Bookstore
import GatewayDataPlane
import GatewayModel
import Logging

/// `sluice bookstore`: the sample service.
struct BookstoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bookstore",
    abstract: "The sample service: books, search, accounts and orders.",
    discussion: """
      Keeps its data in one SQLite file, or in PostgreSQL with --database postgres://user@host/name. What it can be \
      asked is described at /docs and /openapi.json. SIGTERM and SIGINT let requests finish. Exit codes: 0 after \
      that, 3 when the database cannot be reached or used, 64 for a command line that is not understood, 1 for \
      anything else.
      """,
    subcommands: [BookstoreServe.self, BookstoreRebuildSearch.self], defaultSubcommand: BookstoreServe.self)

  /// The log of a command: warnings and worse, on standard error.
  static func logger() -> Logger {
    var logger = Logger(label: "bookstore") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .warning
    return logger
  }

  static func fail(_ failure: BookstoreStartFailure, _ database: BookstoreDatabase) -> ExitCode {
    switch failure {
    case .database(let reason):
      Console.error("bookstore: the database cannot be used: \(database.description): \(reason)")
      return ExitCode(3)
    case .listen(let cause):
      Console.error("bookstore: \(cause)")
      return ExitCode(1)
    case .other(let reason):
      Console.error("bookstore: \(reason)")
      return ExitCode(1)
    }
  }
}

/// Where the data is, the same for every subcommand.
struct DatabaseOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A SQLite file, made when it is not there, or postgres://user:password@host:port/name.", valueName: "file|uri"))
  var database = "bookstore.sqlite"

  /// The place. Ends the command when the text names none.
  func place() throws -> BookstoreDatabase {
    guard let place = BookstoreDatabase(database) else {
      throw ValidationError(
        "--database is a file, sqlite:FILE or postgres://user@host/name, not \(database.debugDescription).")
    }
    return place
  }
}

/// `sluice bookstore [serve]`.
struct BookstoreServe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "serve", abstract: "Run the service (the default).")

  @Option(help: "Port to listen on; 0 takes a free one and prints it.")
  var port = 9100

  @Option(help: "Address to listen on.")
  var host = "127.0.0.1"

  @OptionGroup var database: DatabaseOption

  @Option(help: "How many books to generate when there is none; 0 for none.")
  var seed = BookstoreSettings.seedCountDefault

  @Flag(
    inversion: .prefixedNo,
    help:
      """
      Make the accounts admin and demo, whose passwords everybody knows. On by default for 127.0.0.1, ::1 and \
      localhost.
      """
  )
  var developmentAccounts: Bool?

  func validate() throws {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port is a number from 0 to 65535, not \(port).")
    }
    guard (0...BookstoreSettings.seedCountMax).contains(seed) else {
      throw ValidationError("--seed is a number from 0 to \(BookstoreSettings.seedCountMax), not \(seed).")
    }
    _ = try database.place()
  }

  func run() async throws {
    let place = try database.place()
    let isLocal = ["127.0.0.1", "::1", "localhost"].contains(host)
    let settings = BookstoreSettings(
      host: host, port: port, database: place, seedCount: seed,
      makesDevelopmentAccounts: developmentAccounts ?? isLocal)
    do throws(BookstoreStartFailure) {
      try await BookstoreService.run(settings, logger: BookstoreCommand.logger(), tell: Console.error)
    } catch {
      if case .listen(let cause) = error {
        Console.error("bookstore: \(ListenError.ofCommand(host, port, cause))")
        throw ExitCode(1)
      }
      throw BookstoreCommand.fail(error, place)
    }
  }
}

/// `sluice bookstore rebuild-search`.
struct BookstoreRebuildSearch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild-search",
    abstract: "Empty the search index and build it again from the catalogue; instances may run meanwhile.")

  @OptionGroup var database: DatabaseOption

  func validate() throws { _ = try database.place() }

  func run() async throws {
    let place = try database.place()
    do throws(BookstoreStartFailure) {
      let count = try await BookstoreService.rebuildIndex(place, logger: BookstoreCommand.logger())
      print("\(count) books are in the search index")
    } catch { throw BookstoreCommand.fail(error, place) }
  }
}
