import Glibc

/// A thread of its own for blocking writes. No event loop and no cooperative pool may wait for a disk.
enum WriterThread {
  private final class Work {
    var file: LogFile
    let body: @Sendable (inout LogFile) -> Void

    init(_ file: consuming LogFile, _ body: @escaping @Sendable (inout LogFile) -> Void) {
      self.file = file
      self.body = body
    }
  }

  /// Starts a thread that runs `body` with the file, which is closed when it ends.
  static func start(_ file: consuming LogFile, _ body: @escaping @Sendable (inout LogFile) -> Void) {
    let work = Unmanaged.passRetained(Work(file, body)).toOpaque()
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, { pointer in
      guard let pointer else { return nil }
      // Signals are for the threads that expect them. A pipe that nobody reads any more is then an error of `write`,
      // not the end of the process.
      var signals = sigset_t()
      sigfillset(&signals)
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      let work = Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue()
      work.body(&work.file)
      return nil
    }, work)
    // Out of threads at the start of the process: nothing the product could do would work either.
    precondition(result == 0, "a thread for the access log could not be made")
    pthread_detach(thread)
  }
}

/// A flag that threads set and one thread waits for; waiting takes it back.
final class ThreadSignal: Sendable {
  // The C library's objects must not move and are made for several threads, which Swift cannot know.
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>
  private nonisolated(unsafe) let isSet: UnsafeMutablePointer<Bool>

  init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    isSet = .allocate(capacity: 1)
    isSet.initialize(to: false)
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
    isSet.deallocate()
  }

  func set() {
    pthread_mutex_lock(mutex)
    isSet.pointee = true
    pthread_mutex_unlock(mutex)
    pthread_cond_signal(condition)
  }

  func wait() {
    pthread_mutex_lock(mutex)
    while !isSet.pointee { pthread_cond_wait(condition, mutex) }
    isSet.pointee = false
    pthread_mutex_unlock(mutex)
  }

  /// False when the time passed before the flag was set.
  func wait(timeoutNanos: UInt64) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let nanos = UInt64(deadline.tv_nsec) + timeoutNanos % 1_000_000_000
    deadline.tv_sec += Int(min(timeoutNanos, 1 << 60) / 1_000_000_000) + Int(nanos / 1_000_000_000)
    deadline.tv_nsec = Int(nanos % 1_000_000_000)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isSet.pointee {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return isSet.pointee }
    }
    // A second waiter is told as well.
    return true
  }
}
