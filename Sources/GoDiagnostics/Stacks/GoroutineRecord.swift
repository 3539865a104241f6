/// A `runtime.g` as it lies in memory.
struct GoroutineRecord {
  let address: UInt64
  let id: UInt64
  /// The status without the collector's scan bit.
  let status: UInt32
  let isScanned: Bool
  let waitReason: Int
  let stack: MemoryRegion
  let thread: UInt64
  let panic: UInt64
  let stackPointer, programCounter, basePointer: UInt64
  let syscallStackPointer, syscallProgramCounter: UInt64
  let selfPointer: UInt64
  let waitSince: Int64
  let lockedThread: UInt64
  let createdAt, startedAt: UInt64
  let parent: UInt64
  let waiting: UInt64
  let labels: UInt64

  init(address: UInt64, bytes: UnsafeRawBufferPointer, layout: RuntimeLayout.Goroutine) {
    func word(_ offset: Int) -> UInt64 {
      offset <= bytes.count &- 8
        ? UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) : 0
    }
    self.address = address
    id = word(layout.id)
    let status = UInt32(truncatingIfNeeded: word(layout.status))
    self.status = status & ~0x1000
    isScanned = status & 0x1000 != 0
    waitReason = Int(word(layout.waitReason) & 0xff)
    stack = MemoryRegion(start: word(layout.stackLow), end: word(layout.stackHigh))
    thread = word(layout.thread)
    panic = word(layout.panic)
    stackPointer = word(layout.schedulerStackPointer)
    programCounter = word(layout.schedulerProgramCounter)
    basePointer = word(layout.schedulerBasePointer)
    syscallStackPointer = word(layout.syscallStackPointer)
    syscallProgramCounter = word(layout.syscallProgramCounter)
    selfPointer = word(layout.selfPointer)
    waitSince = Int64(bitPattern: word(layout.waitSince))
    lockedThread = word(layout.lockedThread)
    createdAt = word(layout.createdAt)
    startedAt = word(layout.startedAt)
    parent = layout.parent.map(word) ?? 0
    waiting = word(layout.waiting)
    labels = word(layout.labels)
  }

  static let running: UInt32 = 2
  static let syscall: UInt32 = 3
  static let waiting: UInt32 = 4
  static let leaked: UInt32 = 10

  /// Neither unused (0), nor dead (6), nor set aside for callbacks from C (11).
  var isAlive: Bool { status != 0 && status != 6 && status != 11 }

  /// Whether the scheduler's stack pointer is the goroutine's own: it does not run, and is in no system call.
  var isParked: Bool { status == 1 || status == 4 || status == 9 || status == 10 }

  /// What is wrong with the record; nil when it is what a goroutine must be.
  func defect(reasons: Int) -> String? {
    if selfPointer != address { return "sched.g does not point back to it" }
    if id == 0 || id > 1 << 48 { return "its id is \(id)" }
    if status > 11 || status == 7 { return "its status is \(status)" }
    if stack.size == 0 || stack.start == 0 { return "its stack is empty" }
    if isParked, stackPointer < stack.start || stackPointer > stack.end { return "its stack pointer is off its stack" }
    if status == Self.waiting, waitReason >= reasons { return "its wait reason is \(waitReason)" }
    return nil
  }

  /// The runtime's word for the state.
  func state(_ reasons: [String]) -> String {
    if status == Self.waiting || status == Self.leaked, waitReason != 0 {
      return waitReason < reasons.count ? reasons[waitReason] : "unknown wait reason"
    }
    return switch status {
    case 0: "idle"
    case 1: "runnable"
    case 2: "running"
    case 3: "syscall"
    case 4: "waiting"
    case 5: "moribund"
    case 6: "dead"
    case 8: "copystack"
    case 9: "preempted"
    case 10: "leaked"
    case 11: "waiting for cgo callback"
    default: "???"
    }
  }
}
