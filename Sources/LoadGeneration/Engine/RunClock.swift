import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// What the threads of one run share: when it began, and whether somebody wants it to end.
final class RunClock: Sendable {
  private let start = Atomic<Int64>(.max)
  private let wanted = Atomic<Bool>(false)

  /// Nanoseconds of the monotonic clock.
  static func monotonic() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Lets the run begin.
  func begin() { start.store(Self.monotonic(), ordering: .releasing) }

  /// Nanoseconds since the begin; nil before it.
  var origin: Int64? {
    let value = start.load(ordering: .acquiring)
    return value == .max ? nil : value
  }

  /// Asks every thread to send no more.
  func stop() { wanted.store(true, ordering: .relaxed) }

  /// Whether the end was asked for.
  var isStopped: Bool { wanted.load(ordering: .relaxed) }
}
