/// What the system says of the end of the process: the kernel's log and the exit status.
extension Triage {
  mutating func readKernelLog() {
    guard let log = input.kernelLog else { return }
    let mine = log.events(of: input.processName, pid: input.pid)
    for event in mine.suffix(20) {
      let time = TriageTime.words(event.time, bootTime: input.boot?.seconds)
      report.timeline.append(.init(time: time, source: "kernel log", event: event.line))
    }
    if let boot = input.boot, mine.contains(where: { if case .monotonic = $0.time { true } else { false } }) {
      let date = TriageTime.words(.monotonic(0), bootTime: boot.seconds)
      say("kernel log", "its times count from boot, taken as \(date): \(boot.origin.rawValue)")
    }
    guard let kill = mine.last(where: { if case .oomKill = $0.what { true } else { false } }) else {
      if let fault = mine.last {
        say("kernel log", "a fault outside Go's handlers was recorded", quote: fault.line)
        if classification == nil { report.verdict = verdict(.cgoFault, .b, line: fault.line) }
      } else {
        say("kernel log", "no process was killed for memory; the kernel logs nothing for Go panics and fatal errors")
      }
      return
    }
    let killed = TriageReport.Evidence(
      source: "kernel log", statement: "the kernel killed \(kill.process) for its memory", quote: kill.line)
    report.evidence.append(killed)
    let named = input.processName != nil || input.pid != nil
    guard let found = classification, found.kind != .signalDump else {
      report.verdict = verdict(.kernelOOM, input.exitCode == 137 || named ? .a : .b, line: kill.line)
      return
    }
    let kernelWins = input.exitCode == 137
    report.disagreements.append(
      .init(
        statements: [
          .init(source: textSource, statement: "says \(found.kind.rawValue)", quote: found.line), killed,
        ],
        stronger: kernelWins ? "kernel log" : textSource,
        reason: kernelWins
          ? "exit status 137 is SIGKILL: a killed process cannot have printed its end, so the text is of an older one"
          : "the process printed a complete crash, which a killed process cannot"))
    if kernelWins { report.verdict = verdict(.kernelOOM, .a, line: kill.line) }
  }

  private func verdict(_ kind: VerdictKind, _ certainty: Certainty, line: String?) -> TriageReport.Verdict {
    .init(kind: kind, certainty: certainty, site: nil, line: line, meaning: "", remedy: "", runbook: "")
  }

  mutating func readExitStatus() {
    guard let code = input.exitCode else { return }
    let kind = report.verdict.kind
    let statement: String
    switch code {
    case 0: statement = "0: the program ended by itself without an error"
    case 1: statement = "1: os.Exit(1) or log.Fatal, no panic"
    case 2: statement = "2: what the Go runtime exits with after a panic, fatal error or fatal signal"
    case 134: statement = "134: SIGABRT, raised by the runtime after GOTRACEBACK=crash, or by abort in C"
    case 137: statement = "137: SIGKILL, from the kernel's OOM killer, a container runtime, or kill -9"
    case 139: statement = "139: SIGSEGV without Go's handler: C code, or the runtime before its start"
    case 143: statement = "143: SIGTERM, the usual request to stop"
    case 129...192: statement = "\(code): ended by signal \(code - 128)"
    default: statement = "\(code): chosen by the program"
    }
    say("exit status", statement)
    guard let found = classification, kind == found.kind else { return }
    if code == 2 || code == 134 { return }
    report.disagreements.append(
      .init(
        statements: [
          .init(source: textSource, statement: "says \(found.kind.rawValue)", quote: found.line),
          .init(source: "exit status", statement: statement),
        ], stronger: code == 137 ? "exit status" : textSource,
        reason: "after this crash the runtime exits with 2, or 134 with GOTRACEBACK=crash; the text may be older"))
  }
}
