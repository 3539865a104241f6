#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Where `sluice load` puts its results: opened before the run, so that a wrong path costs no run of ten minutes.
struct ResultFiles {
  private let json: Place?
  private let html: Place?

  private enum Place {
    case output
    case file(Int32, path: String)
  }

  /// - Parameter json: a path, `-` for standard output, or nil; `html` likewise.
  /// - Throws: `LoadCommandMistake` with the system's reason.
  init(json: String?, html: String?) throws(LoadCommandMistake) {
    if json == "-", html == "-" {
      throw LoadCommandMistake("--json - and --html -: standard output takes one of them")
    }
    self.json = try json.map(Self.open)
    self.html = try html.map(Self.open)
  }

  /// Whether standard output is one of them, so that the table goes elsewhere.
  var takesOutput: Bool {
    for case .output? in [json, html] { return true }
    return false
  }

  func write(json: @autoclosure () throws -> String, html: @autoclosure () -> String) throws {
    if let place = self.json { try Self.write(try json(), to: place) }
    if let place = self.html { try Self.write(html(), to: place) }
  }

  /// What is there stays as it is until there is a result.
  private static func open(_ path: String) throws(LoadCommandMistake) -> Place {
    if path == "-" { return .output }
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw LoadCommandMistake("\(path) cannot be written: \(reason)") }
    return .file(descriptor, path: path)
  }

  private static func write(_ text: String, to place: Place) throws(LoadCommandMistake) {
    guard case .file(let descriptor, let path) = place else { return print(text, terminator: "") }
    defer { close(descriptor) }
    // A device has no length to change.
    _ = ftruncate(descriptor, 0)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw LoadCommandMistake("\(path) cannot be written: \(reason)") }
      rest = rest.dropFirst(count)
    }
  }

  private static var reason: String { String(cString: strerror(errno)) }
}
