import Foundation
import Synchronization

/// A server of another project that a test starts on a free port of 127.0.0.1, and that ends with this object.
final class RunningServer: Sendable {
  struct NotStarted: Error {
    let what: String
  }

  let port: Int
  let folder: String
  private let process: Mutex<Process>

  /// Whether the program is here; tests that need it say why they skip otherwise.
  static func isInstalled(_ program: String) -> Bool {
    ProcessInfo.processInfo.environment["PATH", default: "/usr/bin"].split(separator: ":")
      .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
  }

  /// Starts `program` and waits until it says `readiness`, with no more than a minute between two words of it.
  ///
  /// - Parameter arguments: made of the port and an empty folder.
  init(
    _ program: String, port: Int? = nil, readiness: String,
    _ arguments: (_ port: Int, _ folder: String) throws -> [String]
  ) throws {
    self.port = try port ?? Self.freePort()
    folder = NSTemporaryDirectory() + "sluice-\(program)-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    child.arguments = [program] + (try arguments(self.port, folder))
    child.currentDirectoryURL = URL(fileURLWithPath: folder)
    let output = Pipe()
    child.standardOutput = output
    child.standardError = output
    try child.run()
    process = Mutex(child)
    var text = ""
    while !text.contains(readiness) {
      var poller = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, 60_000) > 0 else {
        child.terminate()
        throw NotStarted(what: "\(program) says nothing: \(text)")
      }
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty, text.utf8.count < 1 << 20 else { throw NotStarted(what: text) }
      text += String(decoding: data, as: UTF8.self)
    }
    // Whoever writes into a full pipe stands still.
    output.fileHandleForReading.readabilityHandler = { handle in
      if handle.availableData.isEmpty { handle.readabilityHandler = nil }
    }
  }

  deinit { stop() }

  func signal(_ number: Int32) {
    process.withLock { _ = kill($0.processIdentifier, number) }
  }

  /// Ends the server at once.
  func stop() {
    process.withLock { process in
      guard process.isRunning else { return }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// A port of 127.0.0.1 that nobody else gets, to the end of this process.
  ///
  /// The socket that has it stays, and never listens: the kernel gives its port to nobody who asks for any, refuses who
  /// connects, and lets whoever names it listen there, since both say SO_REUSEADDR. A server that is killed and started
  /// again finds its port, and one that stays away leaves it to nobody.
  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard result else { throw NotStarted(what: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// Runs a program to its end and gives what it wrote.
  @discardableResult
  static func run(_ arguments: [String]) throws -> String {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    child.arguments = arguments
    let output = Pipe()
    child.standardOutput = output
    child.standardError = FileHandle.nullDevice
    try child.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    child.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}

extension RunningServer {
  static func redis(
    port: Int? = nil, _ more: (_ port: Int, _ folder: String) throws -> [String] = { _, _ in [] }
  ) throws -> RunningServer {
    try RunningServer("redis-server", port: port, readiness: "Ready to accept connections") { port, folder in
      let more = try more(port, folder)
      let plain = more.contains("--tls-port") ? [] : ["--port", "\(port)"]
      return plain + ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"] + more
    }
  }

  /// What `redis-cli` says.
  @discardableResult
  func cli(_ arguments: String...) throws -> String {
    try Self.run(["redis-cli", "-p", "\(port)"] + arguments).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
