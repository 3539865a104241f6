import Glibc

/// What every Prometheus client says of its process, read from `/proc/self` at the scrape.
///
/// Names: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics.
enum ProcessMetrics {
  static func collect(into registry: MetricsRegistry) {
    let cpu = MetricFamily(
      "process_cpu_seconds_total", .counter, help: "User and system time of the process.", unit: "seconds")
    let resident = MetricFamily("process_resident_memory_bytes", .gauge, help: "Resident memory.", unit: "bytes")
    let virtual = MetricFamily("process_virtual_memory_bytes", .gauge, help: "Virtual memory.", unit: "bytes")
    let open = MetricFamily("process_open_fds", .gauge, help: "Open file descriptors.")
    let most = MetricFamily("process_max_fds", .gauge, help: "Limit on open file descriptors.")
    let start = MetricFamily(
      "process_start_time_seconds", .gauge, help: "Unix time at which the process began.", unit: "seconds")
    let threads = MetricFamily("process_threads", .gauge, help: "Threads of the process.")
    func one(_ family: MetricFamily, _ value: @escaping @Sendable () -> Double?) {
      registry.collect(family) { value().map { [MetricSample(value: $0)] } ?? [] }
    }
    one(cpu) { cpuSeconds() }
    one(resident) { statField(23).map { Double($0) * Double(sysconf(Int32(_SC_PAGESIZE))) } }
    one(virtual) { statField(22).map(Double.init) }
    one(threads) { statField(19).map(Double.init) }
    one(open) { openDescriptors().map(Double.init) }
    one(most) { descriptorLimit() }
    one(start) { startTime() }
  }

  private static func cpuSeconds() -> Double? {
    var usage = rusage()
    guard getrusage(0, &usage) == 0 else { return nil }
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Field number `index` of `/proc/self/stat`, counted from the process id as in proc(5), but from zero.
  private static func statField(_ index: Int) -> Int64? {
    // The name, field 1, may hold spaces and parentheses: what follows begins behind the last parenthesis.
    guard let text = read("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return index - 2 < fields.count ? Int64(fields[index - 2]) : nil
  }

  private static func startTime() -> Double? {
    guard let ticks = statField(21), let text = read("/proc/stat") else { return nil }
    let boot = text.split(separator: "\n").first { $0.hasPrefix("btime ") }?.dropFirst(6)
    guard let boot = boot.flatMap({ Double($0) }) else { return nil }
    return boot + Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
    }
    // The one that reads the directory is not the process's own.
    return max(0, count - 1)
  }

  private static func descriptorLimit() -> Double? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    return limit.rlim_cur == rlim_t.max ? .infinity : Double(limit.rlim_cur)
  }

  private static func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    // These files are short; /proc/stat grows with the processors.
    while bytes.count < 1 << 20 {
      let chunk = [UInt8](unsafeUninitializedCapacity: 16 * 1024) { buffer, count in
        count = max(0, Glibc.read(file, buffer.baseAddress, buffer.count))
      }
      if chunk.isEmpty { break }
      bytes += chunk
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
