/// One goroutine as a source showed it: a traceback, a pprof profile, a core file or a live process.
///
/// Every reader of this target produces this type, so grouping, classification, filters and reports
/// are written once and a stack from a core can be compared word for word with the runtime's own text.
///
/// The words are the runtime's: `state` is what stands between the brackets of a traceback header
/// without its suffixes ("chan receive", "IO wait", "sync.Mutex.Lock"). A value the source does not
/// have is nil or empty, never a guess.
public struct Goroutine: Sendable, Hashable {
  /// The runtime's goroutine id; nil where the source has none (pprof profiles).
  public var id: UInt64?
  /// The runtime's words for what the goroutine does: "running", "chan send", "IO wait".
  public var state: String
  /// Whole minutes the goroutine has waited. The garbage collector sets the start of the wait when it
  /// first sees the goroutine blocked, so this is a lower bound, and absent without a collection.
  public var waitMinutes: Int?
  /// The goroutine is wired to its thread (`runtime.LockOSThread`).
  public var locked: Bool
  /// The runtime itself proved the goroutine unreachable ("(leaked)" in the header, Go 1.26 and later).
  public var leaked: Bool
  /// pprof labels, in the source's order.
  public var labels: [Label]
  /// The stack, innermost call first.
  public var frames: [Frame]
  /// The `go` statement that started it; nil for the main goroutine and where the source has none.
  public var createdBy: Creation?
  /// How many frames the runtime left out ("...100 frames elided..."); nil when it does not say.
  public var elidedFrames: Int?
  /// False when the runtime could not print the stack ("goroutine running on other thread").
  public var stackAvailable: Bool

  public init(
    id: UInt64?, state: String, waitMinutes: Int? = nil, locked: Bool = false, leaked: Bool = false,
    labels: [Label] = [], frames: [Frame] = [], createdBy: Creation? = nil, elidedFrames: Int? = nil,
    stackAvailable: Bool = true
  ) {
    self.id = id
    self.state = state
    self.waitMinutes = waitMinutes
    self.locked = locked
    self.leaked = leaked
    self.labels = labels
    self.frames = frames
    self.createdBy = createdBy
    self.elidedFrames = elidedFrames
    self.stackAvailable = stackAvailable
  }

  /// A pprof label: `{tenant: acme}` of a traceback header or `# labels: {"tenant":"acme"}` of a profile.
  public struct Label: Sendable, Hashable {
    public var key: String
    public var value: String

    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// One call on a stack.
  public struct Frame: Sendable, Hashable {
    /// The full name as the runtime prints it: "net/http.(*conn).serve", "main.main.func1".
    public var function: String
    /// The source file as the compiler recorded it; empty when unknown.
    public var file: String
    /// The line in `file`; 0 when unknown.
    public var line: Int
    /// The words between the parentheses, as printed ("0xc00007c450, 0x3f4?"); nil when the source has none.
    public var arguments: String?
    /// The program counter, when the source prints it.
    public var pc: UInt64?
    /// The call was inlined into the next frame ("(...)" in a traceback).
    public var inlined: Bool

    public init(
      function: String, file: String = "", line: Int = 0, arguments: String? = nil, pc: UInt64? = nil,
      inlined: Bool = false
    ) {
      self.function = function
      self.file = file
      self.line = line
      self.arguments = arguments
      self.pc = pc
      self.inlined = inlined
    }
  }

  /// Who started the goroutine.
  public struct Creation: Sendable, Hashable {
    /// The function that holds the `go` statement.
    public var function: String
    public var file: String
    public var line: Int
    /// The id of the goroutine that ran it (Go 1.21 and later).
    public var goroutine: UInt64?

    public init(function: String, file: String = "", line: Int = 0, goroutine: UInt64? = nil) {
      self.function = function
      self.file = file
      self.line = line
      self.goroutine = goroutine
    }
  }
}
