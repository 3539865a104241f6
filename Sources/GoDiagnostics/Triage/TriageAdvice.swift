/// What is missing, how to have it next time, and what to run now.
///
/// Advice depends on the verdict: a core does not help against the kernel's OOM killer, and
/// "attach a debugger" does not help when the process is gone. Settings are exact, to be pasted.
struct TriageAdvice {
  let input: TriageInput
  let report: TriageReport
  let text: CrashText?
  var missing: [TriageReport.Missing] = []
  var next: [String] = []

  init(input: TriageInput, report: TriageReport, text: CrashText?) {
    self.input = input
    self.report = report
    self.text = text
  }

  mutating func give() {
    giveText()
    giveRace()
    giveImage()
    giveKernel()
    giveNext()
  }

  private mutating func lack(_ what: String, _ why: String, _ setting: String) {
    missing.append(.init(what: what, why: why, setting: setting))
  }

  private var kind: VerdictKind { report.verdict.kind }

  private mutating func giveText() {
    if input.stderr == nil, input.image == nil {
      lack(
        "stderr", "the runtime names the crash there and nowhere else",
        "kubectl logs --previous POD, journalctl -u UNIT, or debug.SetCrashOutput(file, debug.CrashOptions{}) in main")
    }
    if text?.isTruncated == true {
      lack(
        "the end of the text", "it was cut: runtime.Stack and debug=2 stop at 64 MB, log pipelines earlier",
        "raise the pipeline's limit, or write the crash to a file: debug.SetCrashOutput")
    }
    if input.exitCode == nil {
      lack(
        "exit status", "it tells a kill (137) from a crash (2, 134)",
        "kubectl get pod POD -o jsonpath='{..lastState.terminated.exitCode}', or systemctl show -p ExecMainStatus UNIT")
    }
  }

  private mutating func giveRace() {
    guard let race = report.race, race.certainty == .c || race.certainty == .d else { return }
    if !race.othersCaptured {
      lack(
        "the other party",
        "Go 1.26 and later print only the goroutine that noticed; nothing else of it was captured",
        "GOTRACEBACK=system (all goroutines) or GOTRACEBACK=crash (and a core)")
    } else if text?.goroutines.contains(where: { !$0.stackAvailable && $0.state == "running" }) == true {
      lack(
        "the other party's stack", "it ran on another thread, and the runtime prints no stack of such a goroutine",
        "GOTRACEBACK=crash with ulimit -c unlimited: a core has it")
    } else {
      lack(
        "runtime frames with arguments", "the default traceback hides map functions, whose arguments name the map",
        "GOTRACEBACK=system, or GOTRACEBACK=crash with ulimit -c unlimited")
    }
  }

  private mutating func giveImage() {
    guard input.image == nil, kind != .kernelOOM else { return }
    let why =
      switch kind {
      case _ where kind.isMapRace: "it names the map, its type and the goroutines on it"
      case .deadlock: "it tells which channels and locks the goroutines hold"
      case .runtimeCrash, .badPointer, .cgoFault, .runtimeInternal: "memory around the fault is only there"
      default: "it holds every goroutine with its stack"
      }
    lack(
      "core file", why,
      "GOTRACEBACK=crash, ulimit -c unlimited, sysctl kernel.core_pattern=/var/crash/core.%e.%p (on the host)")
  }

  private mutating func giveKernel() {
    guard input.kernelLog == nil, input.exitCode == 137 || kind == .unknown else { return }
    lack(
      "kernel log", "SIGKILL leaves no text in the process; the OOM killer writes here",
      "dmesg -T | grep -iE 'oom|killed process', or journalctl -k --since '1 hour ago'")
  }

  private mutating func giveNext() {
    let site = report.verdict.site
    let image = input.names.image ?? "--core CORE --exe EXE"
    // A text that triage was given, else the image, else a place to put one.
    let dump = input.names.text ?? input.names.image ?? "FILE"
    switch kind {
    case _ where kind.isMapRace:
      next.append("go test -race ./... and go build -race: the race detector names both sides")
      next.append("sluice maps \(image)" + (report.race?.map.map { " --holders \($0)" } ?? ""))
    case .deadlock, .signalDump:
      next.append("sluice goroutines \(dump) --filter 'minutes > 1'")
    case .outOfMemory, .kernelOOM:
      if input.gc == nil { next.append("GODEBUG=gctrace=1 in the environment, then sluice gclog FILE") }
      next.append("curl -s http://HOST/debug/pprof/heap -o heap.pb.gz && go tool pprof -top heap.pb.gz")
    case .threadExhaustion:
      next.append("sluice goroutines \(dump) --filter 'state == \"syscall\"'")
    case .unknown:
      next.append("sluice goroutines --pid PID, when the process still runs: it is not stopped")
      next.append("gcore -o core PID, then sluice triage --core core.PID --exe EXE")
    default: break
    }
    let stuck = report.goroutines?.groups.contains {
      [.provenLeaked, .stuckForever, .stuckCandidate].contains($0.class)
    }
    if stuck == true {
      next.append("sluice leakproof \(image): which of the stuck goroutines nothing can wake any more")
    }
    if let site, site.line > 0 { next.append("look at \(site.file):\(site.line)") }
    next.append("read \(report.verdict.kind.runbook)")
  }
}
