import Foundation
import GatewayModel
import Logging
import Synchronization
import Testing

@testable import Observability

/// Keeps what is logged, for tests.
final class LinesLogged: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in self } }

  func log(event: LogEvent) {
    lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
  }

  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
}

@Suite struct AccessLogWriterTests {
  private let folder = FileManager.default.temporaryDirectory.path + "/sluice-log-\(UUID().uuidString)"

  private func content(_ path: String) throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private func log(_ shard: ShardAccessLog, _ path: String, status: UInt16 = 200) {
    var request = LoggedRequest(path: path)
    request.change = { $0.status = status }
    request.withRecord { shard.append($0, headers: $1) }
  }

  @Test("lines of several shards are in the file when the writer is closed, whole and complete")
  func writes() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a/b/access.log"
    let writer = try AccessLogWriter(path: path, logger: LinesLogged().logger)
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
          for line in 0..<1000 { log(shard, "/\(number)/\(line)") }
          shard.flush()
        }
      }
    }
    #expect(writer.close())
    let lines = try content(path)
    #expect(lines.count == 4000)
    #expect(lines.allSatisfy { $0.hasPrefix("192.0.2.7 - - [") && $0.hasSuffix("12ms") })
    for number in 0..<4 {
      let all: [Substring] = lines.map { $0.split(separator: " ")[6] }
      let paths = all.filter { $0.hasPrefix("/\(number)/") }
      let expected: [Substring] = (0..<1000).map { Substring("/\(number)/\($0)") }
      #expect(paths == expected, "in order")
    }
    #expect(writer.counts == AccessLogWriter.Counts(linesWritten: 4000))
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode.map { $0 & 0o644 } == 0o644 && mode.map { $0 & 0o133 } == 0)
  }

  @Test("what the filters leave out is not written")
  func filters() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let range = try #require(StatusRange("500-599"))
    let writer = try AccessLogWriter(path: folder + "/access.log", logger: LinesLogged().logger)
    let plan = AccessLogPlan(accessLog(.common) { $0.filters.statusCodes = [range] })
    let shard = ShardAccessLog(plan: plan, writer: writer)
    log(shard, "/fine")
    log(shard, "/broken", status: 502)
    shard.flush()
    writer.close()
    #expect(try content(folder + "/access.log").count == 1)
  }

  @Test("after a rotation lines go to the new file, and those from before to the old one")
  func rotation() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/access.log"
    let writer = try AccessLogWriter(path: path, logger: LinesLogged().logger)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    log(shard, "/before")
    shard.flush()
    try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
    writer.reopen()
    // The new file's existence is the event; bounded by the test's own time limit.
    while !FileManager.default.fileExists(atPath: path) { sched_yield() }
    log(shard, "/after")
    shard.flush()
    #expect(writer.close())
    let (old, new) = (try content(path + ".1"), try content(path))
    #expect(old.count == 1 && old[0].contains("/before"))
    #expect(new.count == 1 && new[0].contains("/after"))
  }

  @Test("a full queue drops whole buffers, counts their lines and keeps the shard going")
  func full() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // A pipe that nobody reads is a disk that hangs: opened for both ways, so that opening does not wait.
    let path = folder + "/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDWR)
    let writer = try AccessLogWriter(path: path, queueBytesMax: 256 * 1024, logger: LinesLogged().logger)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    for line in 0..<10_000 { log(shard, "/\(line)") }
    shard.flush()
    let dropped = writer.counts.linesDroppedFull
    #expect(dropped > 5000 && dropped < 10_000)
    // Taking from the pipe lets the writer go on; what it had is not lost.
    #expect(!writer.close(timeoutNanos: 1_000_000))
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var seen: UInt64 = 0
    while seen < 10_000 - dropped {
      let count = read(reader, &bytes, bytes.count)
      #expect(count > 0)
      if count <= 0 { break }
      seen += UInt64(bytes[..<count].count { $0 == 0x0a })
    }
    #expect(writer.close())
    #expect(writer.counts.linesWritten == 10_000 - dropped)
    close(reader)
  }

  @Test("a disk that is full is counted, told once, and waits for nobody")
  func diskFull() throws {
    let logged = LinesLogged()
    let writer = try AccessLogWriter(path: "/dev/full", logger: logged.logger)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    for line in 0..<2000 { log(shard, "/\(line)") }
    shard.flush()
    #expect(writer.close())
    #expect(writer.counts.linesWritten == 0)
    #expect(writer.counts.linesLostToErrors == 2000)
    #expect(writer.counts.errors > 1)
    #expect(logged.all.count == 1)
    #expect(logged.all.first?.contains("No space left") == true)
  }

  @Test("a pipe that nobody reads any more is an error, not the end of the process")
  func brokenPipe() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDWR)
    let writer = try AccessLogWriter(path: path, logger: LinesLogged().logger)
    close(reader)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    log(shard, "/x")
    shard.flush()
    #expect(writer.close())
    #expect(writer.counts == AccessLogWriter.Counts(linesLostToErrors: 1, errors: 1))
  }

  @Test("a path that cannot be opened is an error, and standard output stays open")
  func unopenable() {
    #expect(throws: LogFileError.self) {
      try AccessLogWriter(path: "/proc/nope/access.log", logger: LinesLogged().logger)
    }
    // An earlier version closed descriptor 1 on the way out.
    #expect(fcntl(STDOUT_FILENO, F_GETFD) >= 0)
  }

  @Test("lines handed over after close are counted as dropped")
  func afterClose() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try AccessLogWriter(path: folder + "/access.log", logger: LinesLogged().logger)
    writer.close()
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    log(shard, "/late")
    shard.flush()
    #expect(writer.counts.linesDroppedFull == 1)
  }

  @Test("redaction rules published while running hold for the next line")
  func liveRules() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/access.log"
    let rules = LiveRedactionRules()
    let writer = try AccessLogWriter(path: path, logger: LinesLogged().logger)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer, rules: rules)
    log(shard, "/users/1")
    rules.publish(RedactionRules([.init(try RegularExpression(#"/users/\d+"#), replacement: "/users/:id")]))
    log(shard, "/users/2")
    rules.publish(RedactionRules())
    log(shard, "/users/3")
    shard.flush()
    writer.close()
    let paths = try content(path).map { String($0.split(separator: " ")[6]) }
    #expect(paths == ["/users/1", "/users/:id", "/users/3"])
  }

  @Test("what is dropped shows in the metrics")
  func metrics() throws {
    let metrics = GatewayMetrics(version: "0")
    let writer = try AccessLogWriter(path: "/dev/full", logger: LinesLogged().logger)
    metrics.collect(writer)
    let shard = ShardAccessLog(plan: AccessLogPlan(accessLog(.common)), writer: writer)
    log(shard, "/x")
    shard.flush()
    writer.close()
    let text = String(decoding: metrics.registry.text(.prometheus), as: UTF8.self)
    #expect(text.contains("sluice_access_log_dropped_total{reason=\"disk\"} 1\n"))
    #expect(text.contains("sluice_access_log_dropped_total{reason=\"full\"} 0\n"))
  }
}
