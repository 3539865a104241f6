/// The runtime's words for a wait, made comparable between versions and sources.
///
/// Go 1.19 says "semacquire" for mutexes, read-write mutexes and WaitGroups; 1.21 names the mutexes,
/// 1.24 the WaitGroup. pprof profiles have no state at all. Both are mended by what stands on the stack:
/// the function that parked the goroutine tells why it waits.
public enum WaitState {
  /// "semacquire" refined by its caller; every other state as it is.
  public static func refined(_ goroutine: Goroutine) -> String {
    guard goroutine.state == "semacquire" else { return goroutine.state }
    return semaphore(goroutine.frames) ?? goroutine.state
  }

  /// The state of a goroutine whose source has none, from its frames; "running" when nothing parked it.
  public static func derived(_ frames: [Goroutine.Frame]) -> String {
    for frame in frames.prefix(12) {
      let name = frame.function
      switch name {
      case "runtime.chansend1", "runtime.chansend": return "chan send"
      case "runtime.chanrecv1", "runtime.chanrecv2", "runtime.chanrecv": return "chan receive"
      case "runtime.selectgo": return "select"
      case "runtime.block": return "select (no cases)"
      case "runtime.netpollblock", "internal/poll.runtime_pollWait": return "IO wait"
      case "time.Sleep", "runtime.timeSleep": return "sleep"
      case "sync.runtime_notifyListWait": return "sync.Cond.Wait"
      case "runtime.notetsleepg", "os/signal.signal_recv": return "syscall"
      case "syscall.Syscall", "syscall.Syscall6", "syscall.RawSyscall6", "runtime.cgocall": return "syscall"
      case "runtime.semacquire1", "sync.runtime_Semacquire", "sync.runtime_SemacquireMutex",
        "internal/sync.runtime_SemacquireMutex", "sync.runtime_SemacquireRWMutexR",
        "sync.runtime_SemacquireRWMutex", "sync.runtime_SemacquireWaitGroup":
        return semaphore(frames) ?? "semacquire"
      case "runtime.gcBgMarkWorker": return "GC worker (idle)"
      case "runtime.bgsweep": return "GC sweep wait"
      case "runtime.bgscavenge": return "GC scavenge wait"
      case "runtime.runfinq": return "finalizer wait"
      case "runtime.forcegchelper": return "force gc (idle)"
      default: continue
      }
    }
    // debug=1 hides runtime frames: what is left of a park is a stack that begins in the program.
    return frames.first.map { $0.function.hasPrefix("runtime.gopark") } == true ? "waiting" : "running"
  }

  private static func semaphore(_ frames: [Goroutine.Frame]) -> String? {
    for frame in frames.prefix(10) {
      let name = frame.function
      if name.hasSuffix("sync.(*Mutex).lockSlow") || name.hasSuffix("sync.(*Mutex).Lock") { return "sync.Mutex.Lock" }
      if name == "sync.(*RWMutex).RLock" || name == "sync.runtime_SemacquireRWMutexR" { return "sync.RWMutex.RLock" }
      if name == "sync.(*RWMutex).Lock" { return "sync.RWMutex.Lock" }
      if name == "sync.(*WaitGroup).Wait" { return "sync.WaitGroup.Wait" }
      if name.hasPrefix("internal/poll.(*fdMutex)") { return "fd lock" }
    }
    return nil
  }

  /// Waits that only another goroutine can end.
  static let synchronizing: Set<String> = [
    "chan send", "chan receive", "select", "semacquire", "sync.Cond.Wait", "sync.Mutex.Lock", "sync.RWMutex.RLock",
    "sync.RWMutex.Lock", "sync.WaitGroup.Wait",
  ]
}
