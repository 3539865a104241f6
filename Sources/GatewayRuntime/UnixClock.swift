#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The wall clock, for what people read.
enum UnixClock {
  /// Seconds since 1970.
  static func seconds() -> Int64 { Int64(time(nil)) }
}
