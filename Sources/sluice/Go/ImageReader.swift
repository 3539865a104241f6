import ArgumentParser
import GoDiagnostics

/// Core files and live processes, for the commands that read them.
enum ImageReader {
  /// What an image tells, for the commands that also read texts; nil when neither is given.
  static func findings(
    core: String?, exe: String?, pid: Int?, stop: Bool = false, threads: Bool = false
  ) throws -> ImageFindings? {
    if let core { return try ImageFindings.core(core, executable: exe, threads: threads) }
    guard let pid else { return nil }
    guard let number = Int32(exactly: pid) else { throw ValidationError("\(pid) is no process id.") }
    return try ImageFindings.process(number, executable: exe, stop: stop, threads: threads)
  }

  /// Opens a core or a process; a process is frozen while `body` runs when `stop` says so.
  static func open(
    core: String?, exe: String?, pid: Int32?, stop: Bool, _ body: (GoProcessImage, String) throws -> Void
  ) throws {
    if let core {
      try body(GoProcessImage.core(core, executable: exe), core)
    } else if let pid, stop {
      try GoProcessImage.frozen(pid, executable: exe) { try body($0, "process \(pid)") }
    } else if let pid {
      try body(GoProcessImage.process(pid, executable: exe), "process \(pid)")
    }
  }
}
