import CPostgres
import Foundation

/// One connection of libpq, on one thread at a time.
///
/// Statements are sent without waiting and the answer is waited for with poll(2) on two things: the socket, and an
/// eventfd by which another thread says that nobody wants the answer any more. So a statement that nobody wants is
/// cancelled at the server, a server that does not answer at all costs `answerSeconds`, and neither needs a second
/// thread. Parameters are always bound, never written into the text.
final class PostgreSQLConnection {
  static let connectSecondsMax = 3
  /// The server gives up a statement, or the wait for a lock, after this.
  static let statementMillisecondsMax = 10_000

  private let raw: OpaquePointer
  /// What a server needs at most to say something: half as much again as its own `statement_timeout`.
  private let answerSeconds: Double
  /// Written to by whoever cancels.
  let wakeup: Int32
  private(set) var isBroken = false
  private var isCancelled = false
  /// While committing nobody cancels: the question would only be whether it happened.
  private var heedsCancellation = true

  /// Connects. Throws `unavailable` with what the server, or the network, said.
  ///
  /// - Parameter statementMilliseconds: the bound of a statement; tests that hold locks set it far away.
  init(
    _ conninfo: String, statementMilliseconds: Int = PostgreSQLConnection.statementMillisecondsMax
  ) throws(BookstoreError) {
    answerSeconds = Double(statementMilliseconds) * 1.5 / 1000
    let options = [
      ("dbname", conninfo), ("connect_timeout", "\(Self.connectSecondsMax)"), ("application_name", "sluice bookstore"),
      ("client_encoding", "UTF8"), ("keepalives_idle", "10"), ("tcp_user_timeout", "15000"),
    ]
    let pointer = Self.connect(options)
    guard let pointer else { throw .failed(.unavailable("out of memory")) }
    guard PQstatus(pointer) == CONNECTION_OK, PQsetnonblocking(pointer, 1) == 0 else {
      let message = Self.message(pointer)
      PQfinish(pointer)
      throw .failed(.unavailable(message))
    }
    raw = pointer
    wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard wakeup >= 0 else { throw .failed(.unavailable("no descriptor is left")) }
    // Notices (a table that is there already) are not for our standard error.
    PQsetNoticeProcessor(raw, { _, _ in }, nil)
    let milliseconds = SQLValue.text("\(statementMilliseconds)")
    for setting in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
      _ = try rows("SELECT set_config(?1, ?2, false)", [.text(setting), milliseconds])
    }
  }

  deinit {
    PQfinish(raw)
    if wakeup >= 0 { close(wakeup) }
  }

  private static func connect(_ options: [(String, String)]) -> OpaquePointer? {
    let texts = options.flatMap { [strdup($0.0), strdup($0.1)] }
    defer { texts.forEach { free($0) } }
    var keywords: [UnsafePointer<CChar>?] = stride(from: 0, to: texts.count, by: 2).map { UnsafePointer(texts[$0]) }
    var values: [UnsafePointer<CChar>?] = stride(from: 1, to: texts.count, by: 2).map { UnsafePointer(texts[$0]) }
    keywords.append(nil)
    values.append(nil)
    return PQconnectdbParams(keywords, values, 1)
  }

  private static func message(_ raw: OpaquePointer) -> String {
    String(cString: PQerrorMessage(raw)).split(whereSeparator: \.isNewline).joined(separator: "; ")
  }

  /// Before a job: what an earlier one was told is forgotten.
  func begin() {
    var count: UInt64 = 0
    _ = read(wakeup, &count, 8)
    isCancelled = false
    heedsCancellation = true
  }

  /// Runs `body` without heeding cancellation.
  func uncancelled<R>(_ body: () throws(BookstoreError) -> R) throws(BookstoreError) -> R {
    heedsCancellation = false
    defer { heedsCancellation = true }
    return try body()
  }

  /// The rows of one statement.
  func rows(_ sql: SQL, _ values: [SQLValue]) throws(BookstoreError) -> [SQLRow] {
    guard !isBroken else { throw .failed(.unavailable("the connection was lost")) }
    if heedsCancellation && isCancelled { throw .failed(.cancelled) }
    try send(sql, values)
    let deadline = Self.now() + answerSeconds
    var answer: Result<[SQLRow], BookstoreError> = .success([])
    while let result = try nextResult(until: deadline) {
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK: answer = .success(Self.decode(result))
      case PGRES_COMMAND_OK: break
      default: answer = .failure(failure(result))
      }
    }
    return try answer.get()
  }

  private func send(_ sql: SQL, _ values: [SQLValue]) throws(BookstoreError) {
    // One buffer of texts that end with zero; libpq takes pointers into it.
    var bytes: [CChar] = []
    var offsets: [Int?] = []
    for value in values {
      switch value {
      case .null: offsets.append(nil)
      case .integer(let number):
        offsets.append(bytes.count)
        bytes += "\(number)".utf8CString
      case .text(let text):
        guard !text.utf8.contains(0) else { throw .failed(.broken("a zero byte in a text")) }
        offsets.append(bytes.count)
        bytes += text.utf8CString
      }
    }
    let sent = bytes.withUnsafeBufferPointer { buffer in
      let pointers = offsets.map { offset in offset.flatMap { buffer.baseAddress?.advanced(by: $0) } }
      return PQsendQueryParams(raw, sql.dollarText, Int32(pointers.count), nil, pointers, nil, nil, 0)
    }
    guard sent == 1 else { throw lost() }
    let deadline = Self.now() + answerSeconds
    while true {
      switch PQflush(raw) {
      case 0: return
      case 1: try wait(Int16(POLLIN | POLLOUT), until: deadline)
      default: throw lost()
      }
    }
  }

  private func nextResult(until deadline: Double) throws(BookstoreError) -> OpaquePointer? {
    while PQisBusy(raw) == 1 { try wait(Int16(POLLIN), until: deadline) }
    return PQgetResult(raw)
  }

  /// Waits for the socket, heeds the eventfd, takes in what came.
  private func wait(_ events: Int16, until deadline: Double) throws(BookstoreError) {
    let left = deadline - Self.now()
    guard left > 0 else {
      isBroken = true
      throw .failed(.timedOut)
    }
    // A negative descriptor is passed over by poll.
    let listens = heedsCancellation && !isCancelled
    var descriptors = [
      pollfd(fd: PQsocket(raw), events: events, revents: 0),
      pollfd(fd: listens ? wakeup : -1, events: Int16(POLLIN), revents: 0),
    ]
    let count = poll(&descriptors, 2, Int32(min(left, 60) * 1000) + 1)
    if count < 0 && errno != EINTR { throw lost() }
    if descriptors[1].revents != 0 { cancelAtServer() }
    if descriptors[0].revents & Int16(POLLIN | POLLERR | POLLHUP) != 0 && PQconsumeInput(raw) == 0 { throw lost() }
  }

  private func cancelAtServer() {
    isCancelled = true
    guard let handle = PQgetCancel(raw) else { return }
    defer { PQfreeCancel(handle) }
    var message = [CChar](repeating: 0, count: 256)
    // When this fails the statement runs to its end, which is bounded too.
    _ = PQcancel(handle, &message, 256)
  }

  private func lost() -> BookstoreError {
    isBroken = true
    return .failed(.unavailable(Self.message(raw)))
  }

  private static func decode(_ result: OpaquePointer) -> [SQLRow] {
    let columns = PQnfields(result)
    return (0..<PQntuples(result)).map { row in
      SQLRow(
        values: (0..<columns).map { column in
          if PQgetisnull(result, row, column) == 1 { return .null }
          return .text(String(cString: PQgetvalue(result, row, column)))
        })
    }
  }

  private func failure(_ result: OpaquePointer) -> BookstoreError {
    guard let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map({ String(cString: $0) }) else {
      return lost()
    }
    let failure = SQLState.failure(state, String(cString: PQresultErrorMessage(result)), isCancelled: isCancelled)
    // After these the server closes the connection, or has; the next transaction gets a new one.
    if case .unavailable = failure { isBroken = true }
    return .failed(failure)
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// PostgreSQL's error codes (its manual, appendix A) as what the application knows.
enum SQLState {
  static func failure(_ state: String, _ message: String, isCancelled: Bool) -> StoreFailure {
    let line = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? state
    switch state {
    // serialization_failure, deadlock_detected: the same transaction again may well succeed.
    case "40001", "40P01": return .contended
    // query_canceled: by us, or by statement_timeout.
    case "57014": return isCancelled ? .cancelled : .timedOut
    // lock_not_available: lock_timeout.
    case "55P03": return .timedOut
    // idle_in_transaction_session_timeout, too_many_connections, invalid authorization, no such database,
    // read_only_sql_transaction: another server is the primary now.
    case "25P03", "53300", "28000", "28P01", "3D000", "25006": return .unavailable(line)
    default: break
    }
    switch state.prefix(2) {
    // Connection exceptions, operator intervention, no resources, system error.
    case "08", "57", "53", "58": return .unavailable(line)
    case "23": return .constraint(line)
    default: return .broken("\(state): \(line)")
    }
  }
}
