import Foundation
import Synchronization

@testable import Bookstore

/// A real PostgreSQL of this test run: own directory, free port of 127.0.0.1, gone with the test process.
///
/// A shell stands between: it ends the server when its standard input ends, and that ends with this process, whatever
/// became of it. The server refuses to run as root, so root hands it to the user that Debian's package makes.
final class PostgreSQLServer: Sendable {
  let port: Int
  private let directory: String
  private let programs: String
  /// Never released: the shell takes its directory away.
  private let isShared: Bool
  private let running = Mutex<Running?>(nil)

  private struct Running {
    let shell: Process
    let input: Pipe
    let pid: Int32
  }

  /// One for all tests that only need databases of their own. Nil, with the reason printed, when there is no
  /// PostgreSQL.
  static let shared: PostgreSQLServer? = {
    guard let server = PostgreSQLServer(isShared: true) else { return nil }
    server.start()
    return server
  }()

  /// Makes the directory. Nil when PostgreSQL is not installed.
  init?(isShared: Bool = false) {
    self.isShared = isShared
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    guard let newest = versions.max(by: { (Int($0) ?? 0) < (Int($1) ?? 0) }) else {
      print("No PostgreSQL under /usr/lib/postgresql: its tests are skipped. scripts/install-dependencies installs it.")
      return nil
    }
    programs = "/usr/lib/postgresql/\(newest)/bin"
    port = Self.freePort()
    directory = NSTemporaryDirectory() + "/bookstore-pg-\(getpid())-\(port)"
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    if getuid() == 0 { _ = Self.run("/bin/chown", ["postgres", directory]) }
    let arguments = ["-D", "\(directory)/data", "-A", "trust", "-U", "sluice", "--no-sync", "-E", "UTF8", "--locale=C"]
    let (program, all) = unprivileged("\(programs)/initdb", arguments)
    guard Self.run(program, all) == 0 else {
      print("initdb failed: tests with PostgreSQL are skipped.")
      return nil
    }
  }

  deinit {
    stop()
    try? FileManager.default.removeItem(atPath: directory)
  }

  private func unprivileged(_ program: String, _ arguments: [String]) -> (String, [String]) {
    guard getuid() == 0 else { return (program, arguments) }
    return ("/usr/bin/setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program] + arguments)
  }

  /// Starts the server and waits until it answers.
  func start() {
    for _ in 0..<40 {
      launch()
      if waitUntilReady() { return }
      // After a kill, the memory of the old one is in use until its children have noticed.
      stop()
    }
    let log = (try? String(contentsOfFile: "\(directory)/log", encoding: .utf8)) ?? "no log"
    print("PostgreSQL did not start, and the tests that need it will fail: \(log.suffix(2000))")
  }

  private func launch() {
    let (program, arguments) = unprivileged(
      "\(programs)/postgres",
      ["-D", "\(directory)/data", "-p", "\(port)", "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1",
        "-c", "max_connections=60"])
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    let end = "kill -KILL $child 2>/dev/null" + (isShared ? "; rm -rf '\(directory)'" : "")
    shell.arguments = [
      "-c", "\"$@\" >'\(directory)/log' 2>&1 & child=$!; echo $child; cat >/dev/null; \(end)", "sh", program,
    ] + arguments
    let (input, output) = (Pipe(), Pipe())
    shell.standardInput = input
    shell.standardOutput = output
    guard (try? shell.run()) != nil else { return }
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    let pid = Int32(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    running.withLock { $0 = Running(shell: shell, input: input, pid: pid) }
  }

  private func waitUntilReady() -> Bool {
    for _ in 0..<200 {
      if (try? PostgreSQLConnection(uri("postgres"))) != nil { return true }
      let isAlive = running.withLock { $0.map { kill($0.pid, 0) == 0 } ?? false }
      guard isAlive else { return false }
      // An event to wait for: 20 ms of a descriptor that never becomes ready.
      poll(nil, 0, 20)
    }
    return false
  }

  /// As the power going: SIGKILL, no goodbye to anybody.
  func killHard() {
    running.withLock { running in
      if let running { kill(running.pid, SIGKILL) }
    }
  }

  func stop() {
    let old = running.withLock { running in
      defer { running = nil }
      return running
    }
    guard let old else { return }
    try? old.input.fileHandleForWriting.close()
    old.shell.waitUntilExit()
  }

  func uri(_ database: String) -> String { "postgres://sluice@127.0.0.1:\(port)/\(database)" }

  /// A new, empty database.
  func makeDatabase() throws -> String {
    let name = "t" + UUID().uuidString.lowercased().filter { $0 != "-" }
    let (program, arguments) = (
      "\(programs)/createdb", ["-h", "127.0.0.1", "-p", "\(port)", "-U", "sluice", "-T", "template0", name]
    )
    guard Self.run(program, arguments) == 0 else { throw CocoaError(.executableLoad) }
    return uri(name)
  }

  private static func run(_ program: String, _ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// A port of 127.0.0.1 that nobody else gets, to the end of this process.
  ///
  /// The socket that has it stays, and never listens: the kernel gives its port to nobody who asks for any, and lets
  /// whoever names it listen there, since both say SO_REUSEADDR.
  private static func freePort() -> Int {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(socket, raw, length)
        getsockname(socket, raw, &length)
      }
      return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
  }
}
