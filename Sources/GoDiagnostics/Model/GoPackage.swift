/// Whose code a function is: the runtime's, the standard library's, or the program's.
///
/// "Name the user line" needs this for stripped binaries, `-trimpath` builds and cores alike, so it
/// goes by the function's package path. The standard library owns path roots without a dot; a list of
/// them is exact and short, and a program may still call its module "image" — then the file decides
/// where it can: the library's files lie in `…/src/<package>/` or, trimmed, in `<package>/`.
public enum GoPackage {
  private static let roots: Set<String> = [
    "archive", "arena", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug",
    "embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io",
    "iter", "log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices",
    "sort", "strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique",
    "unsafe", "vendor", "weak",
  ]

  /// The import path of `function`: "net/http" of "net/http.(*conn).serve".
  public static func path(of function: String) -> Substring {
    let bytes = function.utf8
    var index = bytes.startIndex
    var slash: String.Index?
    while index < bytes.endIndex, bytes[index] != UInt8(ascii: "("), bytes[index] != UInt8(ascii: "[") {
      if bytes[index] == UInt8(ascii: "/") { slash = index }
      index = bytes.index(after: index)
    }
    let name = slash.map { bytes.index(after: $0) } ?? bytes.startIndex
    guard let dot = bytes[name...].firstIndex(of: UInt8(ascii: ".")) else { return function[...] }
    return function[..<dot]
  }

  /// The runtime itself, with the packages it keeps its insides in.
  public static func isRuntime(_ function: String) -> Bool {
    if function == "panic" { return true }
    let path = path(of: function)
    return path == "runtime" || path.hasPrefix("runtime/internal/") || path.hasPrefix("internal/runtime/")
      || path == "internal/abi" || path == "internal/cpu"
  }

  /// A file of the standard library: "…/src/runtime/panic.go", or "runtime/panic.go" with -trimpath. Its package need
  /// not be the function's: the runtime lends functions to others (sync.fatal lies in runtime/panic.go).
  private static func isLibraryFile(_ file: String) -> Bool {
    if file.isEmpty || file.hasPrefix("<") { return true }
    let relative: Substring
    if file.hasPrefix("/") {
      guard let source = file.firstRange(of: "/src/") else { return false }
      relative = file[source.upperBound...]
    } else {
      relative = file[...]
    }
    return roots.contains(String(relative.prefix { $0 != "/" }))
  }

  /// The program's own code or that of a module it uses: not the runtime, not the standard library,
  /// not a stub that cgo generated.
  public static func isProgram(_ frame: Goroutine.Frame) -> Bool {
    if isRuntime(frame.function) || frame.file.hasSuffix("_cgo_gotypes.go") { return false }
    let path = path(of: frame.function)
    if path.isEmpty || path.hasPrefix("type:") || path.hasPrefix("go:") { return false }
    let root = path.prefix { $0 != "/" }
    guard roots.contains(String(root)) else { return true }
    return !isLibraryFile(frame.file)
  }
}

extension Goroutine {
  /// The first frame of the program, innermost first: the line to look at.
  public var programFrame: Frame? { frames.first { GoPackage.isProgram($0) } }

  /// One of the runtime's own goroutines: collector, finalizer, scavenger.
  public var isSystem: Bool {
    if let created = createdBy?.function {
      return GoPackage.path(of: created) == "runtime" && created != "runtime.main" && !isFinalizing
    }
    guard let start = frames.last(where: { !$0.function.hasPrefix("runtime.goexit") })?.function else { return false }
    return GoPackage.path(of: start) == "runtime" && start != "runtime.main"
  }

  /// The finalizer and cleanup goroutines run the program's functions.
  private var isFinalizing: Bool { frames.contains { GoPackage.isProgram($0) } }
}
