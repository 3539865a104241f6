#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// `Fuzzing/Corpus/<target>`: inputs that failed once, and seeds that reach deep. It only grows.
enum Corpus {
  static let names = ["request", "response", "chunked"]

  static func files(_ target: String) throws -> [String] {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    // This file is Tests/GatewayDataPlaneTests/HTTP1/Corpus.swift.
    parts.removeLast(4)
    let folder = parts.joined(separator: "/") + "/Fuzzing/Corpus/" + target
    guard let directory = opendir(folder) else { throw UnreadableFile(path: folder) }
    defer { closedir(directory) }
    var files: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { files.append(folder + "/" + name) }
    }
    return files.sorted()
  }
}
