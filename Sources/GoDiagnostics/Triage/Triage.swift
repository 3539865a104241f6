/// From everything there is to one verdict with its evidence.
///
/// The order is that of a person on call: what the process said (stderr), how it ended (exit status,
/// kernel log), then what was saved (dumps, core). Each source is judged alone, then compared. Where
/// two contradict, both are shown and the stronger is named: a process that SIGKILL ended (137) cannot
/// have printed its end, so the kernel's record wins; a process that printed a complete crash and
/// ended with 2 or 134 was not killed by the kernel, whatever older lines the log holds.
/// Pure: no clock, no files. Time stamps of the kernel log are corrected by the boot time it is given.
///
/// Here are the order and the text; `TriageImage` reads memory, `TriageSystem` what the kernel and the exit status say.
public struct Triage {
  let input: TriageInput
  var report: TriageReport
  var classification: CrashClassification?
  /// The text whose crash is judged.
  var text: CrashText?
  var textSource = "stderr"

  /// Judges everything that is there, and says what is missing.
  public static func report(_ input: TriageInput) -> TriageReport {
    var triage = Triage(input)
    triage.judge()
    return triage.report
  }

  private init(_ input: TriageInput) {
    self.input = input
    report = TriageReport(
      verdict: .init(kind: .unknown, certainty: .d, meaning: "", remedy: "", runbook: ""))
  }

  private mutating func judge() {
    readText()
    readImage()
    readKernelLog()
    readExitStatus()
    findRace()
    report.verdict.meaning = report.verdict.kind.meaning
    report.verdict.remedy = report.verdict.kind.remedy
    report.verdict.runbook = report.verdict.kind.runbook
    sortTimeline()
    readGroups()
    report.gc = input.gc
    if let gc = input.gc { say("gc log", gc.sentence) }
    var advice = TriageAdvice(input: input, report: report, text: text)
    advice.give()
    report.missing = advice.missing
    report.next = advice.next
  }

  mutating func say(_ source: String, _ statement: String, quote: String? = nil) {
    report.evidence.append(.init(source: source, statement: statement, quote: quote))
  }

  /// Dates of one form sort as text. Where a time has none, the order of the sources stays.
  private mutating func sortTimeline() {
    guard report.timeline.allSatisfy({ LogTime.find($0.time) != nil }) else { return }
    report.timeline.sort { $0.time < $1.time }
  }

  // MARK: What the process wrote

  private mutating func readText() {
    var texts: [(String, CrashText)] = []
    if let stderr = input.stderr { texts.append(("stderr", stderr)) }
    texts += input.dumps.map { ("dump \($0.name)", $0.text) }
    for (source, candidate) in texts {
      guard let found = CrashClassification(candidate) else { continue }
      if let first = classification {
        guard first.kind != found.kind, found.kind != .signalDump else { continue }
        report.disagreements.append(
          .init(
            statements: [
              .init(source: textSource, statement: "says \(first.kind.rawValue)", quote: first.line),
              .init(source: source, statement: "says \(found.kind.rawValue)", quote: found.line),
            ], stronger: textSource, reason: "it is the first of the texts given"))
        continue
      }
      classification = found
      text = candidate
      textSource = source
    }
    if text == nil { text = texts.first { $0.1.goroutinesSeen > 0 }?.1 }
    guard let found = classification, let text else { return }
    report.verdict.kind = found.kind
    report.verdict.certainty = found.certainty
    report.verdict.line = found.line
    if let line = found.line {
      say(textSource, "the process named its end itself", quote: line)
    } else {
      say(textSource, "there is no first line; the innermost frames of the first goroutine decide")
    }
    if let time = text.time {
      report.timeline.append(.init(time: time, source: textSource, event: found.line ?? found.kind.rawValue))
    }
    if let signal = found.signal { say(textSource, Self.fault(signal), quote: signal) }
    for (number, panic) in found.panics.enumerated() where number > 0 {
      say(textSource, "while that panic unwound, a deferred call raised another", quote: panic)
    }
    if text.recoveredPanics > 0 {
      say(textSource, "\(text.recoveredPanics) earlier panic(s) were caught by net/http and are not the cause")
    }
    if text.isTruncated { say(textSource, "the text ends within a goroutine: it was cut") }
    readSite(text, found)
  }

  /// "[signal SIGSEGV: … addr=0x8 pc=0x…]": what the address tells.
  private static func fault(_ line: String) -> String {
    guard let at = line.firstRange(of: "addr=0x")?.upperBound,
      let address = UInt64(line[at...].prefix { $0.isHexDigit }, radix: 16)
    else { return "the processor reported a fault" }
    if address < 4096 { return "the address is that of a field \(address) bytes into a nil pointer's target" }
    return "the address \(RaceFinder.hex(address)) is not a field of nil: the pointer held a wrong value"
  }

  mutating func readSite(_ text: CrashText, _ found: CrashClassification) {
    let index = Self.siteIndex(text.goroutines, found)
    guard let index else { return }
    let goroutine = text.goroutines[index]
    guard let frame = Self.siteFrame(goroutine, found.kind) else { return }
    report.verdict.site = .init(
      goroutine: goroutine.id, function: frame.function, file: frame.file, line: frame.line)
    say(textSource, "goroutine \(goroutine.id ?? 0) was in \(frame.function)", quote: "\(frame.file):\(frame.line)")
    if found.kind == .stackOverflow, let recursion = Recursion(goroutine) {
      report.recursion = recursion
      say(
        textSource, "the stack repeats \(recursion.cycle.count) call(s), \(recursion.depth) frames deep",
        quote: recursion.cycle.joined(separator: " ← "))
    }
  }

  static func siteIndex(_ goroutines: [Goroutine], _ found: CrashClassification) -> Int? {
    switch found.kind {
    case .threadExhaustion:
      // The goroutine that asked for the last thread is accidental: the many in system calls are the cause.
      var counts: [String: (count: Int, first: Int)] = [:]
      for (index, goroutine) in goroutines.enumerated() where goroutine.state == "syscall" || goroutine.locked {
        guard let frame = goroutine.programFrame else { continue }
        counts["\(frame.function):\(frame.line)", default: (0, index)].count += 1
      }
      return counts.values.max { ($0.count, $1.first) < ($1.count, $0.first) }?.first ?? found.crashing
    case .deadlock:
      // With all levels shown the runtime's own goroutines may come first.
      return goroutines.firstIndex { $0.id == 1 && $0.programFrame != nil }
        ?? goroutines.firstIndex { !$0.isSystem && $0.programFrame != nil } ?? found.crashing
    case .signalDump:
      return goroutines.firstIndex { $0.state == "running" && $0.id != 0 && $0.programFrame != nil }
    default:
      return found.crashing
    }
  }

  /// For panics: where the first panic was raised, which stands below the last "panic(" frame; what
  /// stands above are deferred calls that ran, and perhaps panicked, because of it.
  static func siteFrame(_ goroutine: Goroutine, _ kind: VerdictKind) -> Goroutine.Frame? {
    guard kind != .goexitPanic,
      let last = goroutine.frames.lastIndex(where: { $0.function == "panic" || $0.function == "runtime.gopanic" })
    else { return goroutine.programFrame }
    return goroutine.frames[last...].first { GoPackage.isProgram($0) } ?? goroutine.programFrame
  }

  // MARK: Parties and groups

  private mutating func findRace() {
    guard report.verdict.kind.isMapRace else { return }
    if let text, let crashing = classification?.crashing, text.goroutines.indices.contains(crashing) {
      let said = classification?.line
      let detections = (text.preamble + text.trailer).count { $0 == said }
      report.race = RaceFinder(
        kind: report.verdict.kind, goroutines: text.goroutines, crashing: crashing, detections: detections
      ).find()
    }
    if let found = input.image?.race, found.certainty >= (report.race?.certainty ?? .d) {
      report.race = found
      say(input.image?.source ?? "core", "\(found.parties.count) parties found by the map's address")
    }
    guard let race = report.race else { return }
    report.verdict.certainty = race.certainty
    switch race.certainty {
    case .a: say(textSource, "\(race.parties.count) goroutines are in map code on \(race.map ?? "one map")")
    case .b: say(textSource, "one goroutine is in map code on \(race.map ?? "a map"), another holds that map")
    case .c where race.map == nil: say(textSource, "\(race.parties.count) goroutines noticed, and were running")
    case .c: say(textSource, "\(race.parties.count) goroutines were given the same pointer \(race.map ?? "")")
    case .d where race.othersCaptured:
      say(textSource, "only the goroutine that noticed is certain; others that could run are candidates")
    case .d: say(textSource, "only the goroutine that noticed was printed: the other party was not captured")
    }
  }

  private mutating func readGroups() {
    var grouper = GoroutineGrouper()
    let source = input.image?.goroutines ?? input.dumps.first?.text.goroutines ?? text?.goroutines ?? []
    guard !source.isEmpty else { return }
    for goroutine in source { grouper.add(goroutine) }
    var groups = GoroutineReport(grouper, source: input.image?.source ?? input.dumps.first?.name ?? textSource)
    for group in groups.groups where [.provenLeaked, .stuckForever, .stuckCandidate, .lockConvoy].contains(group.class)
    {
      say(groups.source, "\(group.count) goroutine(s) \(group.class.rawValue): \(group.headline)")
    }
    groups.groups = Array(groups.groups.prefix(50))
    report.goroutines = groups
  }
}
