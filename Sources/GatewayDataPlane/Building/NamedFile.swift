#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// A file that the configuration names, before a library opens it: the library says neither that it is not there nor
/// that it is a pipe, for whose writer it would wait.
enum NamedFile {
  /// The system's words.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Why a file could not be read, for people.
  static func refusal(_ path: String) -> String {
    do throws(Failure) {
      try check(path)
      return "cannot read \(path): too large"
    } catch {
      return "cannot read \(path): \(error)"
    }
  }

  static func check(_ path: String) throws(Failure) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(description: "not a regular file")
    }
  }
}
