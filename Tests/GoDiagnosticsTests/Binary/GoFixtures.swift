import Foundation

/// Real Go programs of every version that can be had, and what they left when they ended.
///
/// Layouts are proved by programs, not by fixtures: `scripts/go-toolchains` puts compilers under `.build/go/MINOR`, and
/// each program is built and run once a test run. A version that is not there is skipped, and says so.
enum GoFixtures {
  static let versions = ["1.19", "1.21", "1.22", "1.23", "1.24", "1.25", "1.26", "1.27"]

  /// How a program is linked.
  enum Link: String, CaseIterable, Sendable {
    case plain, stripped, pie, pieStripped
    /// With C in it, linked by the system's linker.
    case withC

    var flags: [String] {
      switch self {
      case .plain, .withC: []
      case .stripped: ["-ldflags=-s -w"]
      case .pie: ["-buildmode=pie"]
      case .pieStripped: ["-buildmode=pie", "-ldflags=-s -w"]
      }
    }
  }

  struct Crash {
    let executable: String
    let core: String
    let output: String
    let errors: String
  }

  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  private static let package = root.deletingLastPathComponent().deletingLastPathComponent()
  private static let lock = NSLock()

  /// A folder for what this test run builds, beside the toolchains.
  static let store: URL = {
    let base = toolchains.deletingLastPathComponent().appendingPathComponent("go-programs")
    try? FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
    return base
  }()

  private static let toolchains: URL = {
    if let path = ProcessInfo.processInfo.environment["SLUICE_GO_TOOLCHAINS"] { return URL(fileURLWithPath: path) }
    return package.appendingPathComponent(".build/go")
  }()

  /// Runs `body` when the toolchain is there, else prints why not.
  static func with(_ version: String, _ body: () throws -> Void) throws {
    guard FileManager.default.isExecutableFile(atPath: compiler(version)) else {
      print("skipped: no Go \(version) at \(compiler(version)); run scripts/go-toolchains")
      return
    }
    do { try body() } catch let missing as Missing { print("skipped on Go \(version): \(missing)") }
  }

  private static func compiler(_ version: String) -> String {
    toolchains.appendingPathComponent("\(version)/bin/go").path
  }

  /// Builds `Programs/NAME`, once.
  static func executable(_ name: String, _ version: String, _ link: Link = .plain, experiment: String = "") throws
    -> String
  {
    lock.lock()
    defer { lock.unlock() }
    let suffix = experiment.isEmpty ? "" : "-\(experiment)"
    let target = store.appendingPathComponent("\(name)-\(version)-\(link.rawValue)\(suffix)")
    if FileManager.default.isExecutableFile(atPath: target.path) { return target.path }
    let folder = root.appendingPathComponent("Programs/\(name)")
    let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".go") }
      .sorted()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: compiler(version))
    process.currentDirectoryURL = folder
    process.arguments = ["build", "-trimpath"] + link.flags + ["-o", target.path] + sources
    var environment = [
      "HOME": store.path, "GOCACHE": store.appendingPathComponent("cache-\(version)").path, "GOTOOLCHAIN": "local",
      "GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": link == .withC ? "1" : "0", "PATH": "/usr/bin:/bin",
    ]
    if !experiment.isEmpty { environment["GOEXPERIMENT"] = experiment }
    process.environment = environment
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Missing(description: "go build: \(String(decoding: text, as: UTF8.self))")
    }
    return target.path
  }

  /// A copy as `sstrip` makes it: no section headers, and nothing behind the last byte that is loaded.
  static func withoutSections(_ executable: String) throws -> String {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: executable)))
    func word<T: FixedWidthInteger>(_ at: Int, _ type: T.Type) -> T {
      bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: T.self)) }
    }
    let table = Int(word(32, UInt64.self))
    let ends = (0..<Int(word(56, UInt16.self))).map { index in
      Int(word(table + index * 56 + 8, UInt64.self) + word(table + index * 56 + 32, UInt64.self))
    }
    for at in Array(40..<48) + Array(58..<64) { bytes[at] = 0 }
    bytes.removeLast(bytes.count - (ends.max() ?? bytes.count))
    let path = executable + ".sstripped"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Lets a program end with a core, and keeps the core for the run. `abortWhen` is a word of its output after which it
  /// gets SIGABRT; without it the program is expected to crash by itself.
  static func crash(
    _ program: String, _ arguments: [String], _ version: String, _ link: Link = .plain, experiment: String = "",
    abortWhen: String? = nil
  ) throws -> Crash {
    let executable = try executable(program, version, link, experiment: experiment)
    let label = ([program] + arguments + [version, link.rawValue, experiment]).joined(separator: "-")
    let folder = store.appendingPathComponent("run-\(label)-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.currentDirectoryURL = folder
    process.arguments = ["-c", "ulimit -c unlimited; exec \"$@\" 2>errors", "sh", executable] + arguments
    process.environment = ["GOTRACEBACK": "crash", "PATH": "/usr/bin:/bin"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var text = Data()
    if let abortWhen {
      while !String(decoding: text, as: UTF8.self).contains(abortWhen) {
        let more = output.fileHandleForReading.availableData
        if more.isEmpty { break }
        text += more
      }
      kill(process.processIdentifier, SIGABRT)
    }
    text += output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    guard let core = files.first(where: { $0.hasPrefix("core") }) else {
      throw Missing(description: "this system writes no core file into the working folder (core_pattern, ulimit)")
    }
    return Crash(
      executable: executable, core: folder.appendingPathComponent(core).path,
      output: String(decoding: text, as: UTF8.self),
      errors: (try? String(contentsOf: folder.appendingPathComponent("errors"), encoding: .utf8)) ?? "")
  }

  /// Removes what a crash left; cores are large.
  static func discard(_ crash: Crash) {
    try? FileManager.default.removeItem(at: URL(fileURLWithPath: crash.core).deletingLastPathComponent())
  }

  /// Starts a program and waits for a word of its output; `body` gets its process id, then it is killed.
  static func running(
    _ program: String, _ arguments: [String], _ version: String, _ link: Link = .plain, ready: String,
    errors: FileHandle? = nil, _ body: (Process) throws -> Void
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try executable(program, version, link))
    process.arguments = arguments
    process.environment = ["GOTRACEBACK": "system"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = errors ?? FileHandle.nullDevice
    try process.run()
    defer {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
    }
    var text = Data()
    while !String(decoding: text, as: UTF8.self).contains(ready) {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw Missing(description: "\(program) ended before it was ready") }
      text += more
    }
    try body(process)
  }
}
