/// The runtime's words for why a goroutine waits, by number.
///
/// The words are stable from release to release, the numbers are not: 1.21 inserted the mutexes, 1.25 a line in the
/// middle, 1.26 sorted the table anew. So there is a table a version, put together from the pieces that did not move.
enum WaitReasons {
  static func table(_ minor: Int) -> [String] {
    switch minor {
    case 19: early + last19
    case 21: early + locks + tail
    case 22: early + locks + tail + tracing
    case 23: early + locks + tail + tracing + weak
    case 24: early + locks + group + tail + tracing + weak + bubble
    case 25:
      Array(early[..<18]) + ["GOMAXPROCS updater (idle)"] + Array(early[18...]) + locks + group + tail + tracing + weak
        + durable
    default: sorted + locks + group + tail + tracing + weak + durable
    }
  }

  private static let early = [
    "", "GC assist marking", "IO wait", "chan receive (nil chan)", "chan send (nil chan)", "dumping heap",
    "garbage collection", "garbage collection scan", "panicwait", "select", "select (no cases)", "GC assist wait",
    "GC sweep wait", "GC scavenge wait", "chan receive", "chan send", "finalizer wait", "force gc (idle)",
    "semacquire", "sleep", "sync.Cond.Wait",
  ]
  private static let last19 = [
    "timer goroutine (idle)", "trace reader (blocked)", "wait for GC cycle", "GC worker (idle)", "preempted",
    "debug call",
  ]
  private static let sorted = [
    "", "GC assist marking", "IO wait", "dumping heap", "garbage collection", "garbage collection scan", "panicwait",
    "GC assist wait", "GC sweep wait", "GC scavenge wait", "finalizer wait", "force gc (idle)",
    "GOMAXPROCS updater (idle)", "semacquire", "sleep", "chan receive (nil chan)", "chan send (nil chan)",
    "select (no cases)", "select", "chan receive", "chan send", "sync.Cond.Wait",
  ]
  private static let locks = ["sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock"]
  private static let group = ["sync.WaitGroup.Wait"]
  private static let tail = [
    "trace reader (blocked)", "wait for GC cycle", "GC worker (idle)", "GC worker (active)", "preempted", "debug call",
    "GC mark termination", "stopping the world",
  ]
  private static let tracing = [
    "flushing proc caches", "trace goroutine status", "trace proc status", "page trace flush", "coroutine",
  ]
  private static let weak = ["GC weak to strong wait"]
  private static let bubble = [
    "synctest.Run", "synctest.Wait", "chan receive (synctest)", "chan send (synctest)", "select (synctest)",
  ]
  private static let durable = [
    "synctest.Run", "synctest.Wait", "chan receive (durable)", "chan send (durable)", "select (durable)",
    "sync.WaitGroup.Wait (durable)", "cleanup wait",
  ]
}
