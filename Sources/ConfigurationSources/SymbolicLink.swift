#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// One step along a symbolic link.
enum SymbolicLink {
  /// What the link at `path` says, as a path from where `path` starts; nil where there is no link.
  static func target(of path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let target = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard !target.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return target }
    return path[...slash] + target
  }
}
