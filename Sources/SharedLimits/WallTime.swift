#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The machine's wall clock.
public enum WallTime {
  /// Microseconds since 1970.
  @Sendable
  public static func microseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }
}
