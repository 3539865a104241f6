/// A Go process, dead (core) or alive, opened for questions.
///
/// Opening finds the executable, its place in memory, the runtime's tables and the list of goroutines, and then checks
/// the table's row for this version against every goroutine found: the record must point back to itself, its state must
/// exist, its stack pointer must lie on its stack, and its start must be the first instruction of a function. Only an
/// image that passes answers questions. What was found wanting but does no harm stands in `remarks`.
///
/// An image is a reader with caches, for one task at a time; it is not Sendable.
public final class GoProcessImage {
  public let version: GoVersion
  /// The file whose code the process ran.
  public let executablePath: String
  /// What the reader of the findings should know: a core cut short, an identity that could not be compared.
  public internal(set) var remarks: [String] = []

  let source: ProcessSource
  let executable: GoExecutable
  let layout: RuntimeLayout
  let memory: LayeredMemory
  /// What the executable's addresses are moved by (position-independent executables).
  let slide: UInt64
  let module: UInt64
  let table: FunctionTable
  let points: CodePoints
  let walk: StackWalk
  /// Addresses of all `runtime.g`, as the runtime lists them.
  let goroutineAddresses: [UInt64]
  private(set) lazy var threads: [Int32: ThreadState] = Dictionary(
    source.threads().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  private(set) lazy var signalReturns: Set<UInt64> = Set(
    table.entries(named: ["runtime.sigreturn", "runtime.sigreturn__sigaction"]))

  private(set) lazy var mapCode = MapCode(self)
  /// The heap as it is now; nil when its list of spans is damaged or not to be found.
  private(set) lazy var heapSpans: HeapSpans? = try? HeapSpans(self)
  /// Answers of `isConvincingMap`, which walks the whole map.
  var convincing: [MapCandidate: Bool] = [:]
  private(set) lazy var variables = executable.elf.variables()

  /// Opens a core. Without a path the executable is the one the core names.
  public static func core(_ path: String, executable: String? = nil) throws(ImageRefusal) -> GoProcessImage {
    let core = try CoreFile(path: path)
    var file = executable
    if file == nil, let entry = core.entry {
      file = core.mappings.first { $0.region.contains(entry) }?.path
    }
    guard let file else {
      throw .missing(structure: "the executable", reason: "the core does not name it; pass --exe")
    }
    let image = try GoProcessImage(source: .core(core), executable: GoExecutable(path: file))
    if core.missingBytes > 0 {
      image.remarks.append("the core is cut short: \(core.missingBytes) bytes are missing (ulimit -c?)")
    }
    return image
  }

  /// Opens a running process, which goes on running. Needs the right to trace it.
  public static func process(_ pid: Int32, executable: String? = nil) throws(ImageRefusal) -> GoProcessImage {
    let live = try LiveMemory(pid: pid)
    return try GoProcessImage(
      source: .live(live), executable: GoExecutable(path: executable ?? "/proc/\(pid)/exe"))
  }

  init(source: ProcessSource, executable: GoExecutable) throws(ImageRefusal) {
    self.source = source
    self.executable = executable
    version = executable.version
    executablePath = executable.elf.path
    layout = executable.layout
    guard let entry = source.entry else {
      throw .missing(structure: "the entry point", reason: "the source has no auxiliary vector")
    }
    slide = entry &- executable.elf.entry
    guard slide == 0 || executable.elf.isPositionIndependent && slide & 0xfff == 0 else {
      throw .executableMismatch(
        expected: "entry point \(hex(entry))", found: "entry point \(hex(executable.elf.entry))")
    }
    let isConfirmed = try executable.confirmIdentity(slide: slide, in: source.memory)
    memory = LayeredMemory(process: source.memory, executable: executable.elf, slide: slide)
    module = try executable.moduleData(slide: slide, in: memory)
    guard let text = memory.u64(module &+ UInt64(layout.module.text)),
      let functionData = memory.u64(module &+ UInt64(layout.module.functionData))
    else { throw .missing(structure: "the module data", reason: "it cannot be read") }
    table = try FunctionTable(
      executable.functionTable.bytes, address: executable.functionTable.address &+ slide, text: text)
    points = CodePoints(table: table, functionData: functionData, memory: memory)
    walk = StackWalk(memory: memory, points: points)
    goroutineAddresses = try GoroutineList(executable: executable, slide: slide, memory: memory).addresses()
    if !isConfirmed {
      remarks.append("the core does not hold the executable's build id, so that it is the right one is not proved")
    }
    if executable.isSearched {
      remarks.append("the executable has no section headers (sstrip?); its tables were found by their contents")
    }
    try checkLayout()
  }

  /// Believes the version's row only when the goroutines look as it says.
  private func checkLayout() throws(ImageRefusal) {
    var sound = 0
    var unsound = 0
    var firstDefect = ""
    for record in records(limit: 20_000) {
      var defect = record.defect(reasons: layout.waitReasons.count)
      if defect == nil, record.startedAt != 0, table.find(record.startedAt)?.entry != record.startedAt {
        defect = "its start is no function"
      }
      if let defect {
        unsound += 1
        if firstDefect.isEmpty { firstDefect = "goroutine record at \(hex(record.address)): \(defect)" }
      } else {
        sound += 1
      }
    }
    // One or two records may be torn while a process runs, or damaged in a core; a wrong row fails nearly all.
    guard sound > 0, unsound <= sound / 4 else {
      throw .layoutCheckFailed(
        version: version.text, reason: firstDefect.isEmpty ? "no goroutine is alive" : firstDefect)
    }
  }

  /// Whether what is read is of one moment: a core, or a process that is frozen now (the guardian lets go in time).
  var standsStill: Bool {
    guard case .live(let live) = source else { return true }
    return live.isStopped && ProcessFiles.state("/proc/\(live.pid)") == UInt8(ascii: "T")
  }

  /// The records of living goroutines, in the runtime's order.
  func records(limit: Int = .max) -> [GoroutineRecord] {
    var result: [GoroutineRecord] = []
    result.reserveCapacity(min(limit, goroutineAddresses.count))
    withUnsafeTemporaryAllocation(byteCount: layout.goroutine.size, alignment: 8) { buffer in
      for address in goroutineAddresses {
        guard memory.read(at: address, into: buffer) == buffer.count else { continue }
        let record = GoroutineRecord(
          address: address, bytes: UnsafeRawBufferPointer(buffer), layout: layout.goroutine)
        guard record.isAlive else { continue }
        result.append(record)
        if result.count >= limit { break }
      }
    }
    return result
  }

  /// Whether C code is in the process, whose memory may hold Go pointers: the executable has a dynamic loader, and the
  /// runtime's part that C calls back into.
  private(set) lazy var isLinkedToC: Bool =
    executable.elf.segments.contains { $0.type == ELFFile.Segment.interpreter }
    && !table.entries(named: ["runtime.cgocallbackg"]).isEmpty

  /// A record read again; nil when it is gone.
  func record(at address: UInt64) -> GoroutineRecord? {
    guard let bytes = memory.bytes(address, layout.goroutine.size) else { return nil }
    return bytes.withUnsafeBytes { GoroutineRecord(address: address, bytes: $0, layout: layout.goroutine) }
  }

  func moduleWord(_ offset: Int) -> UInt64 { memory.u64(module &+ UInt64(offset)) ?? 0 }

  /// A section of the module's variables, from two neighbouring words of the module data.
  func moduleRegion(_ offset: Int) -> MemoryRegion {
    MemoryRegion(start: moduleWord(offset), end: moduleWord(offset &+ 8))
  }
}
