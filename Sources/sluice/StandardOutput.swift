#if canImport(Glibc)
  @preconcurrency import Glibc
#else
  @preconcurrency import Musl
#endif

/// The end of what commands print.
enum StandardOutput {
  /// Writes what is still buffered. Returns why something was lost, nil when nothing was.
  ///
  /// A reader that has had enough (`sluice check … | head`) is no failure: the process ends as by SIGPIPE, which says
  /// nothing, also where a library has switched the signal off.
  static func finish() -> String? {
    guard fflush(stdout) != 0 || ferror(stdout) != 0 else { return nil }
    let code = errno
    if code == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    return String(cString: strerror(code))
  }
}
