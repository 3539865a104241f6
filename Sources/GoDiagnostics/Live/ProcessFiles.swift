import Glibc

/// Small files and folders of `/proc`. Their size is known only by reading them.
enum ProcessFiles {
  /// At most `limit` bytes; nil when the file cannot be opened.
  static func contents(_ path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while result.count < limit {
      let got = Glibc.read(descriptor, &block, block.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { break }
      result += block[0..<min(got, limit - result.count)]
    }
    return result
  }

  /// Entries of a folder that are numbers (threads, processes), sorted.
  static func numbers(in path: String) -> [Int32] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var result: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let number = Int32(name) { result.append(number) }
    }
    return result.sorted()
  }

  /// The file a link of `/proc` names.
  static func link(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let length = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { readlink(path, $0, 4096) } ?? 0 }
    }
    return length > 0 ? String(decoding: buffer[0..<length], as: UTF8.self) : nil
  }

  /// The state letter of a process or thread (`T` is stopped); nil when it is gone.
  static func state(_ folder: String) -> UInt8? {
    guard let line = contents("\(folder)/stat", limit: 4096), let close = line.lastIndex(of: UInt8(ascii: ")")),
      close + 2 < line.count
    else { return nil }
    return line[close + 2]
  }
}
