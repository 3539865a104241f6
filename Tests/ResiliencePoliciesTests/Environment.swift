#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Variables of the environment that change a test run.
enum Environment {
  static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }
}
