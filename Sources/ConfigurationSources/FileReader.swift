#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Whole files, with the system's own words when one cannot be had.
public enum FileReader {
  /// Why a file could not be had.
  public struct Failure: Error, CustomStringConvertible, Sendable {
    public var description: String

    public init(description: String) { self.description = description }
  }

  /// The bytes of a whole file; a larger one than `bytesMax` is a failure, and so is what is no file: a pipe without a
  /// writer would be waited for without end.
  public static func read(_ path: String, bytesMax: Int) -> Result<[UInt8], Failure> {
    // Without O_NONBLOCK the open itself waits for a pipe's writer. Files do not heed it.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return .failure(Failure(description: lastError(path))) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return .failure(Failure(description: lastError())) }
    guard status.st_mode & S_IFMT == S_IFREG else { return .failure(Failure(description: "not a regular file")) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      if count == 0 { return .success(bytes) }
      if count < 0 {
        if errno == EINTR { continue }
        return .failure(Failure(description: lastError()))
      }
      bytes.append(contentsOf: chunk[..<count])
      if bytes.count > bytesMax { return .failure(Failure(description: "larger than \(bytesMax) bytes")) }
    }
  }

  static func lastError() -> String { String(cString: strerror(errno)) }

  /// The same for a file that could not be opened; where its name is a link to nothing, with the target.
  private static func lastError(_ path: String) -> String {
    let text = lastError()
    guard errno == ENOENT, let target = SymbolicLink.target(of: path) else { return text }
    return "a link to \(target): \(text)"
  }
}
