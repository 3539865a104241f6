#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// What the process was started with.
enum ProcessEnvironment {
  /// Nil for a variable that is missing or empty.
  static func value(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    let value = String(cString: text)
    return value.isEmpty ? nil : value
  }
}
