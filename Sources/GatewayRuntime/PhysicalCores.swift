#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// How many event loops there are when the configuration does not say: one for each physical core the process may use.
///
/// Two hardware threads of one core share its execution units, so a second loop there adds little but jitter. Cores are
/// told apart by the lists of thread siblings in sysfs; only processors in the process's affinity mask count, so that
/// `taskset` and cpusets of containers are respected. A CPU quota (cgroup v2 `cpu.max`) lowers the number further.
enum PhysicalCores {
  static func count() -> Int {
    var cores: Set<String> = []
    for processor in allowedProcessors() {
      let path = "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
      cores.insert(firstLine(path) ?? "cpu\(processor)")
    }
    return max(1, min(cores.count, quota() ?? Int.max))
  }

  private static func allowedProcessors() -> [Int] {
    // Linux gives the mask as text, which spares the macros that Swift cannot import.
    guard let text = read("/proc/self/status"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") })
    else { return [0] }
    var processors: [Int] = []
    for part in line.dropFirst("Cpus_allowed_list:".count).split(separator: ",") {
      let ends = part.split(separator: "-").compactMap { Int($0.trimmed) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 4096 else { continue }
      processors += Array(first...last)
    }
    return processors.isEmpty ? [0] : processors
  }

  /// Whole cores of the cgroup's quota, rounded up.
  private static func quota() -> Int? {
    guard let line = firstLine("/sys/fs/cgroup/cpu.max") else { return nil }
    let parts = line.split(separator: " ").compactMap { Int($0) }
    guard parts.count == 2, parts[1] > 0 else { return nil }
    return max(1, (parts[0] + parts[1] - 1) / parts[1])
  }

  private static func firstLine(_ path: String) -> String? {
    read(path)?.split(separator: "\n").first.map(String.init)
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16 * 1024)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
