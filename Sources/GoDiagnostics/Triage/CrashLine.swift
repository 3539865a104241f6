/// A line with which the runtime names a crash.
enum CrashLine: Equatable {
  case panic(String)
  case fatal(String)
  case signal(name: String, words: String)

  /// nil for every other line. Go 1.26 indents a fatal error raised within a deferred call by a tab.
  init?(_ line: String) {
    if line.hasPrefix("panic: ") {
      self = .panic(String(line.dropFirst(7)))
    } else if line.hasPrefix("fatal error: ") {
      self = .fatal(String(line.dropFirst(13)))
    } else if line.hasPrefix("\tfatal error: ") {
      self = .fatal(String(line.dropFirst(14)))
    } else if line.hasPrefix("SIG"), let colon = line.firstIndex(of: ":") {
      let name = line[..<colon]
      guard name.count > 4, name.count < 12, name.utf8.allSatisfy({ (65...90).contains($0) || (48...57).contains($0) })
      else { return nil }
      self = .signal(name: String(name), words: String(line[colon...].dropFirst(2)))
    } else {
      return nil
    }
  }
}
