/// From what a dying process wrote to a kind.
///
/// The runtime's strings are stable between versions and were checked against real output of Go 1.19
/// to 1.27, so the kind is a lookup, not a score. Three rules keep it honest. Only lines where the
/// runtime writes them count: at the start of a line, in the part before the first goroutine. A fatal
/// error or runtime error nobody listed is `runtimeInternal` with the raw line. Without a first line
/// (files of SetCrashOutput lack "fatal error:") frames decide, with less certainty, and only when
/// they can mean one thing.
public struct CrashClassification: Sendable, Equatable {
  public var kind: VerdictKind
  public var certainty: Certainty
  /// The line that decided, as written; nil when frames did.
  public var line: String?
  /// The panic messages, outermost last: "first", "second" of a panic within a deferred call.
  public var panics: [String] = []
  /// "[signal SIGSEGV: …]" as written.
  public var signal: String?
  /// Index of the goroutine that crashed in the text's list.
  public var crashing: Int?
}

extension CrashClassification {
  private static let fatals: [(String, VerdictKind)] = [
    ("concurrent map writes", .mapWriteWrite),
    ("concurrent map read and map write", .mapReadWrite),
    ("concurrent map iteration and map write", .mapIterateWrite),
    ("concurrent map clone and map write", .mapCloneWrite),
    ("small map with no empty slot", .mapNoEmptySlot),
    ("stack overflow", .stackOverflow),
    ("fault", .badPointer),
    ("unexpected signal during runtime execution", .runtimeCrash),
    ("all goroutines are asleep - deadlock!", .deadlock),
    ("no goroutines (main called runtime.Goexit) - deadlock!", .deadlock),
    ("out of memory", .outOfMemory),
    ("runtime: out of memory", .outOfMemory),
    ("runtime: cannot allocate memory", .outOfMemory),
    ("cannot allocate memory", .outOfMemory),
    ("thread exhaustion", .threadExhaustion),
    ("newosproc", .threadExhaustion),
    ("runtime.newosproc", .threadExhaustion),
    ("sync: unlock of unlocked mutex", .mutexMisuse),
    ("sync: Unlock of unlocked RWMutex", .mutexMisuse),
    ("sync: RUnlock of unlocked RWMutex", .mutexMisuse),
  ]

  private static let panicMessages: [(String, VerdictKind)] = [
    ("assignment to entry in nil map", .nilMapWrite),
    ("runtime error: invalid memory address or nil pointer dereference", .nilDereference),
    ("runtime error: index out of range", .indexOutOfRange),
    ("runtime error: slice bounds out of range", .indexOutOfRange),
    ("runtime error: cannot convert slice", .indexOutOfRange),
    ("runtime error: integer divide by zero", .divideByZero),
    ("runtime error: makeslice: ", .allocationSize),
    ("runtime error: makechan: ", .allocationSize),
    ("runtime error: growslice: ", .allocationSize),
    ("makechan: size out of range", .allocationSize),
    ("interface conversion: ", .typeAssertion),
    ("sync: negative WaitGroup counter", .waitGroupMisuse),
    ("sync: WaitGroup misuse", .waitGroupMisuse),
    ("sync: WaitGroup is reused", .waitGroupMisuse),
    ("WaitGroup is reused", .waitGroupMisuse),
    ("send on closed channel", .channelMisuse),
    ("close of closed channel", .channelMisuse),
    ("close of nil channel", .channelMisuse),
    ("runtime error: ", .runtimeInternal),
  ]

  /// Classifies `text`; nil when it holds no crash.
  public init?(_ text: CrashText) {
    let crashing = Self.crashingIndex(text)
    guard let found = Self.decisiveLine(text.preamble) else {
      guard let kind = Self.kindFromFrames(text) else { return nil }
      self.init(kind: kind, certainty: .b, line: nil, crashing: crashing)
      return
    }
    let line = text.preamble[found.index]
    switch found.line {
    case .fatal(let message):
      let kind = Self.fatals.first { Self.names(message, $0.0) }?.1 ?? .runtimeInternal
      self.init(kind: kind, certainty: .a, line: line, crashing: crashing)
      panics = Self.panicChain(text.preamble)
    case .panic:
      let panics = Self.panicChain(text.preamble, from: found.index)
      let first = panics.first ?? ""
      var kind = Self.panicMessages.first { first.hasPrefix($0.0) }?.1 ?? .userPanic
      let frames = crashing.map { text.goroutines[$0].frames } ?? []
      if kind == .userPanic, frames.contains(where: { $0.function == "runtime.Goexit" }) { kind = .goexitPanic }
      self.init(kind: kind, certainty: .a, line: line, crashing: crashing)
      self.panics = panics
    case .signal(let name, _):
      let kind = Self.kindOfSignal(name, Array(text.preamble[found.index...].prefix(12)))
      self.init(kind: kind, certainty: .a, line: line, crashing: crashing)
    }
    signal = text.preamble.last { $0.hasPrefix("[signal ") }
    if text.goroutines.isEmpty { certainty = .b }
  }

  init(kind: VerdictKind, certainty: Certainty, line: String?, crashing: Int?) {
    self.kind = kind
    self.certainty = certainty
    self.line = line
    self.crashing = crashing
  }

  /// "fault" must be the whole message; two racing goroutines may glue theirs together.
  private static func names(_ message: String, _ word: String) -> Bool {
    message == word || (word != "fault" && message.hasPrefix(word))
      || message.hasPrefix("\(word)fatal error: ") || message.hasPrefix("\(word) [recovered]")
  }

  /// A panic first and a tab-indented fatal error behind: the fatal error ended the process. Otherwise
  /// the first line of the newest crash; what follows a "panic:" is part of its value.
  private static func decisiveLine(_ lines: [String]) -> (index: Int, line: CrashLine)? {
    // Lines behind an older process's "exit status" belong to this one.
    let start = lines.lastIndex { $0.hasPrefix("exit status ") }.map { $0 + 1 } ?? 0
    guard start <= lines.count, let first = lines[start...].firstIndex(where: { CrashLine($0) != nil }),
      let line = CrashLine(lines[first])
    else { return nil }
    if case .panic = line, let fatal = lines[first...].firstIndex(where: { $0.hasPrefix("\tfatal error: ") }),
      case .fatal(let message)? = CrashLine(lines[fatal]), fatals.contains(where: { names(message, $0.0) })
    {
      return (fatal, .fatal(message))
    }
    return (first, line)
  }

  /// "panic: first", "\tpanic: second": the messages without "[recovered]" marks, root cause first.
  private static func panicChain(_ lines: [String], from start: Int = 0) -> [String] {
    var messages: [String] = []
    for line in lines[min(start, lines.count)...].prefix(64) {
      guard line.hasPrefix("panic: ") || (line.hasPrefix("\tpanic: ") && !messages.isEmpty) else { continue }
      var message = String(line.drop { $0 == "\t" }.dropFirst(7))
      for mark in [" [recovered, repanicked]", " [recovered]"] where message.hasSuffix(mark) {
        message.removeLast(mark.count)
      }
      messages.append(message)
    }
    return messages
  }

  /// A signal that a thread raised against itself (sigcode > 0, or abort's tkill) in C is a fault of C;
  /// one that another process or kill(2) sent is a request for this dump.
  private static func kindOfSignal(_ name: String, _ lines: [String]) -> VerdictKind {
    let inC = lines.contains {
      $0.hasPrefix("signal arrived during cgo execution") || $0.hasPrefix("signal arrived on non-Go thread")
    }
    var code: Int64 = 0
    if let line = lines.first(where: { $0.contains(" sigcode=") }),
      let at = line.firstRange(of: " sigcode=")?.upperBound
    {
      let digits = line[at...].prefix { $0.isNumber }
      code = Int64(truncatingIfNeeded: UInt64(digits) ?? 0)
    }
    guard ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGABRT", "SIGILL", "SIGTRAP", "SIGSYS"].contains(name) else {
      return .signalDump
    }
    let raisedItself = code > 0 || code == -6
    guard raisedItself else { return .signalDump }
    return inC ? .cgoFault : name == "SIGABRT" ? .signalDump : .runtimeCrash
  }

  /// The first goroutine printed is the crashing one; goroutine 0 is the thread's own stack.
  private static func crashingIndex(_ text: CrashText) -> Int? {
    text.goroutines.firstIndex { $0.id != 0 && $0.state == "running" && !$0.frames.isEmpty }
      ?? text.goroutines.firstIndex { $0.id != 0 && !$0.frames.isEmpty }
  }

  private static func kindFromFrames(_ text: CrashText) -> VerdictKind? {
    if text.runtimeStack.contains(where: { $0.function == "runtime.newstack" }) { return .stackOverflow }
    if text.runtimeStack.contains(where: { $0.function == "runtime.checkdead" }) { return .deadlock }
    guard let first = text.goroutines.first(where: { $0.id != 0 }) else { return nil }
    let names = first.frames.prefix(8).map(\.function)
    guard let stop = names.firstIndex(where: { $0.hasSuffix(".fatal") || $0 == "runtime.throw" }) else {
      return names.first == "runtime.gopanic" || names.first == "panic" ? .userPanic : nil
    }
    if names.contains("sync.(*Mutex).unlockSlow") || names.contains("internal/sync.(*Mutex).unlockSlow")
      || names.contains("sync.(*RWMutex).rUnlockSlow") || names.contains("sync.(*RWMutex).Unlock")
    {
      return .mutexMisuse
    }
    for name in names[stop...] {
      switch MapOperation(function: name) {
      case .write, .delete, .clear: return .mapWriteWrite
      case .read: return .mapReadWrite
      case .iterate: return .mapIterateWrite
      case .clone: return .mapCloneWrite
      case nil: continue
      }
    }
    return names[stop] == "runtime.throw" ? .runtimeInternal : nil
  }
}
