import Glibc

/// The memory of a process that runs, through `/proc/PID/mem`.
///
/// Reading it needs the right to trace the process, but no ptrace: the process is neither attached to nor stopped, and
/// does not notice. It changes while it is read; the readers above look twice where that matters. With `isStopped` the
/// process stands still (see `FrozenProcess`), and the kernel tells stack pointer and program counter of each thread.
final class LiveMemory: MemoryReader {
  let pid: Int32
  let entry: UInt64?
  /// Set while the process is frozen.
  var isStopped = false
  private let descriptor: Int32

  init(pid: Int32) throws(ImageRefusal) {
    guard pid > 0, access("/proc/\(pid)", F_OK) == 0 else { throw .noSuchProcess(pid: pid) }
    self.pid = pid
    descriptor = open("/proc/\(pid)/mem", O_RDONLY | O_CLOEXEC)
    let failure = errno
    guard descriptor >= 0 else {
      if failure == ENOENT || failure == ESRCH { throw .noSuchProcess(pid: pid) }
      throw .notPermitted(pid: pid, capability: "CAP_SYS_PTRACE")
    }
    let vector = ProcessFiles.contents("/proc/\(pid)/auxv", limit: 4096) ?? []
    var entry: UInt64?
    for at in stride(from: 0, to: vector.count &- 15, by: 16) where vector.u64(at) == 9 {
      entry = vector.u64(at + 8)
    }
    self.entry = entry
  }

  deinit { close(descriptor) }

  @inline(__always)
  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard address < 1 << 62, let base = buffer.baseAddress else { return 0 }
    var done = 0
    while done < buffer.count {
      let got = pread(descriptor, base + done, buffer.count &- done, off_t(address) &+ off_t(done))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { break }
      done &+= got
    }
    return done
  }

  func writableRegions() -> [MemoryRegion] {
    let maps = ProcessFiles.contents("/proc/\(pid)/maps", limit: 256 << 20) ?? []
    var result: [MemoryRegion] = []
    for line in maps.split(separator: UInt8(ascii: "\n")) {
      // 00400000-0048c000 rw-p 00000000 fd:01 1234 /path
      let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard words.count >= 2, words[1].starts(with: Array("rw".utf8)) else { continue }
      let bounds = words[0].split(separator: UInt8(ascii: "-"))
      guard bounds.count == 2, let start = UInt64(String(decoding: bounds[0], as: UTF8.self), radix: 16),
        let end = UInt64(String(decoding: bounds[1], as: UTF8.self), radix: 16)
      else { continue }
      result.append(MemoryRegion(start: start, end: end))
    }
    return result
  }

  /// `/proc/PID/task/TID/syscall` of a stopped thread ends with stack pointer and program counter.
  func stoppedThreads() -> [ThreadState] {
    guard isStopped else { return [] }
    return ProcessFiles.numbers(in: "/proc/\(pid)/task").compactMap { id in
      guard let line = ProcessFiles.contents("/proc/\(pid)/task/\(id)/syscall", limit: 512) else { return nil }
      let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\n" }
      guard words.count >= 3 else { return nil }
      let numbers = words.map { UInt64($0.hasPrefix("0x") ? $0.dropFirst(2) : $0, radix: 16) ?? 0 }
      return ThreadState(
        id: id, programCounter: numbers[numbers.count - 1], stackPointer: numbers[numbers.count - 2],
        registers: numbers)
    }
  }

  static func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
