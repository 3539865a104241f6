import GoDiagnostics

/// The most memory this process had resident since `reset`, as the kernel counts it (proc(5): VmHWM, clear_refs).
enum PeakMemory {
  /// From here on the peak counts anew. False where the kernel does not offer it; the peak is then that of the process.
  static func reset() -> Bool {
    do {
      try InputFile.write(Array("5".utf8), into: "/proc/self/clear_refs")
      return true
    } catch {
      return false
    }
  }

  /// In bytes; nil where there is no such file.
  static func bytes() -> Int? {
    guard let status = try? InputFile.tail("/proc/self/status", bytesMax: 1 << 20) else { return nil }
    for line in String(decoding: status, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmHWM:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
