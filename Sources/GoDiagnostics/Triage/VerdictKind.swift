/// Why the process ended, in the words of `triage --json` (schema 1; the words are stable).
public enum VerdictKind: String, Sendable, Codable, CaseIterable {
  case mapWriteWrite = "map-write-write"
  case mapReadWrite = "map-read-write"
  case mapIterateWrite = "map-iterate-write"
  case mapCloneWrite = "map-clone-write"
  case mapNoEmptySlot = "map-no-empty-slot"
  case nilMapWrite = "nil-map-write"
  case stackOverflow = "stack-overflow"
  case nilDereference = "nil-dereference"
  case badPointer = "bad-pointer"
  case runtimeCrash = "runtime-crash"
  case cgoFault = "cgo-fault"
  case deadlock
  case outOfMemory = "out-of-memory"
  case kernelOOM = "kernel-oom"
  case threadExhaustion = "thread-exhaustion"
  case mutexMisuse = "mutex-misuse"
  case waitGroupMisuse = "waitgroup-misuse"
  case channelMisuse = "channel-misuse"
  case indexOutOfRange = "index-out-of-range"
  case divideByZero = "divide-by-zero"
  case allocationSize = "allocation-size"
  case typeAssertion = "type-assertion"
  case userPanic = "user-panic"
  case goexitPanic = "goexit-panic"
  case signalDump = "signal-dump"
  case runtimeInternal = "runtime-internal"
  case unknown

  /// Two goroutines used one map at a time.
  public var isMapRace: Bool {
    switch self {
    case .mapWriteWrite, .mapReadWrite, .mapIterateWrite, .mapCloneWrite, .mapNoEmptySlot: true
    default: false
    }
  }

  /// The runbook page, relative to the repository.
  public var runbook: String { "Documentation/go/\(rawValue).md" }

  /// One sentence for the person on call.
  public var meaning: String {
    switch self {
    case .mapWriteWrite: "Two goroutines wrote one map at the same time."
    case .mapReadWrite: "One goroutine read a map while another wrote it."
    case .mapIterateWrite: "One goroutine ranged over a map while another wrote it."
    case .mapCloneWrite: "One goroutine cloned a map while another wrote it."
    case .mapNoEmptySlot: "A small map lost count of its slots: several goroutines wrote it."
    case .nilMapWrite: "The program wrote to a map that was never made."
    case .stackOverflow: "A goroutine's stack reached its limit: recursion without end."
    case .nilDereference: "The program used a nil pointer."
    case .badPointer: "The program used an address that is not mapped: unsafe code, cgo, or a mapped file that shrank."
    case .runtimeCrash: "The runtime itself faulted: its memory was damaged, most often by unsafe code or cgo."
    case .cgoFault: "C code called through cgo crashed."
    case .deadlock: "Every goroutine waits for another: none can ever run."
    case .outOfMemory: "The runtime asked the system for memory and was refused."
    case .kernelOOM: "The kernel killed the process for its memory."
    case .threadExhaustion: "The process reached its limit of threads: goroutines block in system calls or cgo."
    case .mutexMisuse: "A mutex was unlocked that was not locked."
    case .waitGroupMisuse: "A WaitGroup's counter went below zero, or it was reused too early."
    case .channelMisuse: "A closed channel was sent to or closed again, or a nil channel was closed."
    case .indexOutOfRange: "An index or slice bound lies outside."
    case .divideByZero: "An integer was divided by zero."
    case .allocationSize: "A size given to make is negative or larger than memory."
    case .typeAssertion: "A value in an interface is of another type than the program asserts."
    case .userPanic: "The program called panic."
    case .goexitPanic: "A deferred call panicked while runtime.Goexit ended its goroutine."
    case .signalDump: "A signal from outside made the runtime print its goroutines."
    case .runtimeInternal: "The runtime stopped itself with a message that has no kind of its own here."
    case .unknown: "What there is does not say why the process ended."
    }
  }

  /// What usually mends it.
  public var remedy: String {
    switch self {
    case .mapWriteWrite, .mapReadWrite, .mapIterateWrite, .mapNoEmptySlot:
      "Guard the map with one sync.RWMutex held by every reader and writer, use sync.Map, or give it to one goroutine."
    case .mapCloneWrite: "Clone under the lock that the writers hold."
    case .nilMapWrite: "Make the map where its owner is made; a nil map can be read, not written."
    case .stackOverflow: "End the recursion named above: a depth argument, or a loop with its own stack."
    case .nilDereference: "Check the pointer at the site, and the error of the call that returned it."
    case .badPointer: "Review unsafe.Pointer, mmap and cgo near the site; run with -d=checkptr."
    case .runtimeCrash: "Look for unsafe and cgo, test with -race and -d=checkptr; then report it to the Go project."
    case .cgoFault: "Debug the C function named above with a core and gdb; check lifetimes of memory passed to C."
    case .deadlock: "Follow who holds what each goroutine waits for; add timeouts or contexts to the waits."
    case .outOfMemory: "Find what grows (heap profile, sluice gclog), raise the limit, set GOMEMLIMIT below it."
    case .kernelOOM: "Set GOMEMLIMIT to about 90 % of the container's limit, and find what grows."
    case .threadExhaustion: "Bound concurrent blocking calls with a semaphore; look at the largest syscall group."
    case .mutexMisuse: "Pair every Unlock with one Lock: defer it right behind, and never copy a mutex."
    case .waitGroupMisuse: "Call Add before the go statement, Done once with defer."
    case .channelMisuse: "Let only the sender close, once; signal readers with a context or a done channel."
    case .indexOutOfRange: "Check the length before the index at the site."
    case .divideByZero: "Check the divisor at the site."
    case .allocationSize: "Check sizes that come from outside before make."
    case .typeAssertion: "Use the form with two results, v, ok := x.(T)."
    case .userPanic: "Read the message and the site; return an error where the caller can go on."
    case .goexitPanic: "Look at the deferred call; t.FailNow and runtime.Goexit run deferred calls too."
    case .signalDump: "Find who sent the signal (liveness probe, operator, systemd watchdog) and read the groups."
    case .runtimeInternal: "Search the Go issue tracker for the raw line; keep the core."
    case .unknown: "Collect what is named under Missing."
    }
  }
}

/// How sure a verdict is.
public enum Certainty: String, Sendable, Codable, Comparable {
  /// Confirmed: the runtime or the kernel says so, and the stack or both parties are at hand.
  case a = "A"
  /// Likely: said by one source without its stack, or inferred from frames.
  case b = "B"
  /// From text only: equal argument values in stacks.
  case c = "C"
  /// Only the detector was seen, or only an exit status.
  case d = "D"

  /// The less certain one is smaller.
  public static func < (left: Certainty, right: Certainty) -> Bool { left.rawValue > right.rawValue }
}
