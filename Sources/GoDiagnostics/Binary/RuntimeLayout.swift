/// Where the runtime's structures keep their fields, for each minor version on linux/amd64.
///
/// The numbers come from the DWARF of real programs of each release. There is no row for 1.20, nor for a version we
/// have not seen: a row that is a little wrong reads plausible nonsense. Even a row that should be right is believed
/// only after `GoProcessImage` has checked it against the goroutines it finds.
struct RuntimeLayout {
  /// Offsets in `runtime.g`.
  struct Goroutine {
    let size: Int
    let schedulerBasePointer, syscallStackPointer, syscallProgramCounter: Int
    let status, id, waitSince, waitReason, lockedThread: Int
    /// Go 1.21 and later.
    let parent: Int?
    let createdAt, startedAt, waiting, labels: Int
    let stackLow = 0
    let stackHigh = 8
    let panic = 32
    let thread = 48
    let schedulerStackPointer = 56
    let schedulerProgramCounter = 64
    /// `sched.g`, which points back to the goroutine.
    let selfPointer = 72
  }

  /// Offsets in `runtime.m`.
  struct Thread {
    let systemID, signalGoroutine, currentGoroutine, id, throwing, dying, allLink: Int
  }

  /// Offsets in `runtime.sudog`: a goroutine in a queue.
  struct Waiter {
    let element, waitLink, channel: Int
    let goroutine = 0
  }

  /// Offsets in `runtime.mspan`, and of `allspans` in `runtime.mheap`.
  struct Span {
    let elementSize, spanClass, state, allSpans: Int
    let start = 24
    let pages = 32
  }

  /// Offsets in `runtime.moduledata`.
  struct Module {
    let types, typesEnd, functionData: Int
    let text = 176
    let textEnd = 184
    let noPointerData = 192
    let data = 208
    let bss = 224
    let noPointerBSS = 240
  }

  let version: GoVersion
  let goroutine: Goroutine
  let thread: Thread
  let waiter: Waiter
  let span: Span
  let module: Module
  let waitReasons: [String]

  init(_ version: GoVersion) throws(ImageRefusal) {
    self.version = version
    let minor = version.minor
    guard minor == 19 || (21...27).contains(minor) else { throw .unsupportedVersion(version.text) }
    goroutine = Self.goroutine(minor)
    thread = Self.thread(minor)
    waiter =
      minor >= 26
      ? Waiter(element: 32, waitLink: 72, channel: 96) : Waiter(element: 24, waitLink: 64, channel: 80)
    span = Span(
      elementSize: minor == 21 ? 112 : 104, spanClass: minor == 21 ? 106 : 98, state: minor == 21 ? 107 : 99,
      allSpans: minor == 19 ? 65856 : 65864)
    switch minor {
    case 19: module = Module(types: 280, typesEnd: 288, functionData: 304)
    case 27: module = Module(types: 296, typesEnd: 312, functionData: 344)
    default: module = Module(types: 296, typesEnd: 304, functionData: 320)
    }
    waitReasons = WaitReasons.table(minor)
  }

  private static func goroutine(_ minor: Int) -> Goroutine {
    switch minor {
    case 19:
      Goroutine(
        size: 392, schedulerBasePointer: 104, syscallStackPointer: 112, syscallProgramCounter: 120, status: 144,
        id: 152, waitSince: 168, waitReason: 176, lockedThread: 232, parent: nil, createdAt: 296, startedAt: 312,
        waiting: 328, labels: 360)
    case 21, 22:
      Goroutine(
        size: 408, schedulerBasePointer: 104, syscallStackPointer: 112, syscallProgramCounter: 120, status: 144,
        id: 152, waitSince: 168, waitReason: 176, lockedThread: 208, parent: 272, createdAt: 280, startedAt: 296,
        waiting: 312, labels: 344)
    case 23, 24:
      Goroutine(
        size: 432, schedulerBasePointer: 104, syscallStackPointer: 112, syscallProgramCounter: 120, status: 152,
        id: 160, waitSince: 176, waitReason: 184, lockedThread: 216, parent: 280, createdAt: 288, startedAt: 304,
        waiting: 320, labels: 352)
    case 25:
      Goroutine(
        size: 440, schedulerBasePointer: 96, syscallStackPointer: 104, syscallProgramCounter: 112, status: 144,
        id: 152, waitSince: 168, waitReason: 176, lockedThread: 208, parent: 272, createdAt: 280, startedAt: 296,
        waiting: 312, labels: 344)
    default:
      Goroutine(
        size: 456, schedulerBasePointer: 96, syscallStackPointer: 104, syscallProgramCounter: 112, status: 144,
        id: 152, waitSince: 168, waitReason: 176, lockedThread: 208, parent: 280, createdAt: 288, startedAt: 304,
        waiting: 320, labels: 352)
    }
  }

  private static func thread(_ minor: Int) -> Thread {
    switch minor {
    case 19, 21:
      Thread(
        systemID: 72, signalGoroutine: 80, currentGoroutine: 192, id: 232, throwing: 244, dying: 268, allLink: 336)
    case 22, 23:
      Thread(
        systemID: 72, signalGoroutine: 80, currentGoroutine: 192, id: 232, throwing: 244, dying: 268, allLink: 328)
    case 24:
      Thread(
        systemID: 72, signalGoroutine: 80, currentGoroutine: 192, id: 232, throwing: 244, dying: 268, allLink: 352)
    case 25:
      Thread(
        systemID: 64, signalGoroutine: 72, currentGoroutine: 184, id: 224, throwing: 236, dying: 260, allLink: 344)
    default:
      Thread(
        systemID: 64, signalGoroutine: 72, currentGoroutine: 184, id: 232, throwing: 244, dying: 268, allLink: 352)
    }
  }
}
