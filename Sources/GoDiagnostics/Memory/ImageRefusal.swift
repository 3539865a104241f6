/// Why nothing is said about an executable, a core or a process.
///
/// A reader of memory that guesses is worse than none: a wrong offset prints a stack that never was, and somebody
/// spends the night on it. So whatever does not fit the tables is refused, by name, with what was expected. Damage
/// inside an otherwise sound image (one goroutine, one map) is no refusal: it is reported with the finding.
public enum ImageRefusal: Error, Equatable, Sendable {
  /// The file cannot be opened or mapped; `reason` is the system's message.
  case unreadable(path: String, reason: String)
  /// The file is no 64-bit little-endian ELF file for x86-64, or its tables lie outside it.
  case notAnImage(path: String, reason: String)
  /// The executable was not built by Go, or its build information was removed.
  case notGo(path: String)
  /// Built by a Go whose layouts are not in the table (1.19, 1.21 to 1.27 are).
  case unsupportedVersion(String)
  /// The core was written by another executable; the texts name both.
  case executableMismatch(expected: String, found: String)
  /// A structure that every Go program has was not found: the image is damaged or too incomplete.
  case missing(structure: String, reason: String)
  /// The table's row for this version does not fit what memory holds: nothing that follows could be trusted.
  case layoutCheckFailed(version: String, reason: String)
  /// The process may not be read; `capability` is what the reader lacks.
  case notPermitted(pid: Int32, capability: String)
  /// There is no such process (any more).
  case noSuchProcess(pid: Int32)
}

extension ImageRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .notAnImage(let path, let reason): "\(path) is not an ELF image for x86-64: \(reason)"
    case .notGo(let path): "\(path) carries no Go build information"
    case .unsupportedVersion(let version):
      "\(version) is not in the table of runtime layouts (Go 1.19 and 1.21 to 1.27 are); refusing to guess"
    case .executableMismatch(let expected, let found):
      "the executable is not the one that wrote the core: the core says \(expected), the executable \(found)"
    case .missing(let structure, let reason): "cannot find \(structure): \(reason)"
    case .layoutCheckFailed(let version, let reason):
      "memory does not fit the layouts of \(version): \(reason); refusing to guess"
    case .notPermitted(let pid, let capability):
      "process \(pid) may not be read: run as its user, or with \(capability)"
    case .noSuchProcess(let pid): "there is no process \(pid)"
    }
  }
}
