/// What there is to judge. Everything is optional; what is missing is said in the report.
public struct TriageInput: Sendable {
  public var stderr: CrashText?
  public var kernelLog: KernelLog?
  public var exitCode: Int?
  /// Goroutine dumps taken from the process, with the names of their files.
  public var dumps: [Dump] = []
  public var image: ImageFindings?
  public var gc: GCReport?
  /// The program's name, to find it in the kernel log.
  public var processName: String?
  public var pid: Int?
  /// When the machine of the kernel log booted, to give its lines a date.
  public var boot: BootTime?

  /// What the sources are called where the command runs, so that the commands to run next can be pasted.
  public var names = Names()

  public init() {}

  /// Sources by the names they have where the command runs.
  public struct Names: Sendable {
    /// A core, a process's id or its executable as arguments of a command: "--core core.1 --exe server".
    public var image: String?
    /// A text with goroutines.
    public var text: String?

    public init() {}
  }

  /// A text with goroutines that was saved before the end.
  public struct Dump: Sendable {
    public var name: String
    public var text: CrashText

    public init(name: String, text: CrashText) {
      self.name = name
      self.text = text
    }
  }
}

/// What a core file or a live process showed.
public struct ImageFindings: Sendable {
  /// "core" or "process".
  public var source: String
  public var goVersion: String?
  public var goroutines: [Goroutine]
  /// Index in `goroutines` of the one that crashed.
  public var crashing: Int?
  /// The crash message found in memory.
  public var message: String?
  public var race: MapRace?
  /// Sentences worth showing: integrity of maps, holders.
  public var notes: [String]
  /// The runtime's threads and processors, where they were asked for.
  public var scheduler: SchedulerState?

  public init(
    source: String, goVersion: String? = nil, goroutines: [Goroutine], crashing: Int? = nil, message: String? = nil,
    race: MapRace? = nil, notes: [String] = []
  ) {
    self.source = source
    self.goVersion = goVersion
    self.goroutines = goroutines
    self.crashing = crashing
    self.message = message
    self.race = race
    self.notes = notes
  }
}
