import Glibc

/// The file a log is appended to, or standard output.
///
/// Opened with `O_APPEND`, so that several writers and a rotation by copying do not overwrite each other. The mode is
/// 0644 as Traefik's: log shippers run as other users; secrets are not in it.
struct LogFile: ~Copyable {
  /// Nil: standard output, which is never closed.
  let path: String?
  private var descriptor: Int32

  /// Opens the file, making its directory when it is missing. The error is `errno`'s.
  init(path: String?) throws(LogFileError) {
    // Opened before `self` is whole: what throws after that runs `deinit`, which would close standard output.
    let opened = if let path { try Self.open(path) } else { STDOUT_FILENO }
    self.path = path
    descriptor = opened
  }

  deinit { if path != nil { close(descriptor) } }

  /// Opens the path again, after somebody has renamed the file. The old file stays open when that fails.
  mutating func reopen() throws(LogFileError) {
    guard let path else { return }
    let opened = try Self.open(path)
    close(descriptor)
    descriptor = opened
  }

  /// Writes everything, or throws and says how many bytes were written before.
  func write(_ bytes: UnsafeRawBufferPointer) throws(LogFileError) {
    var written = 0
    while written < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if count > 0 {
        written += count
      } else if count < 0 && errno == EAGAIN {
        // Standard output may be a pipe that somebody made non-blocking: wait until it takes bytes, at most a second.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if poll(&wait, 1, 1000) <= 0 { throw LogFileError(number: EAGAIN, bytesWritten: written) }
      } else if count == 0 || errno != EINTR {
        throw LogFileError(number: count == 0 ? ENOSPC : errno, bytesWritten: written)
      }
    }
  }

  private static func open(_ path: String) throws(LogFileError) -> Int32 {
    var end = path.index(after: path.startIndex)
    while let slash = path[end...].firstIndex(of: "/") {
      mkdir(String(path[..<slash]), 0o755)
      end = path.index(after: slash)
    }
    let opened = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    if opened < 0 { throw LogFileError(number: errno, bytesWritten: 0) }
    return opened
  }
}

/// Why a log file could not be opened or written.
public struct LogFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The value of `errno`.
  public let number: Int32
  /// What had been written of the bytes given.
  public let bytesWritten: Int

  public var description: String { String(cString: strerror(number)) }
}
