import ArgumentParser
import Foundation
import GoDiagnostics

/// `sluice triage`: from what there is of a crash to a verdict with its evidence.
struct TriageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "triage",
    abstract: "Say why a Go service crashed, hung or was killed, from what was saved of it.",
    discussion: """
      Takes what there is and says what is missing. Certainty: A confirmed, B likely, C from text only, D only the \
      detector was seen.
      """)

  @Option(help: "What the process wrote to stderr, or the log that holds it; - for standard input.")
  var stderr: String?

  @Option(help: "Kernel log: dmesg, dmesg -T or journalctl -k.")
  var dmesg: String?

  @Option(
    help: """
      When the machine of --dmesg booted: 2026-11-21T05:00:00Z, or seconds since 1970 (there: grep btime /proc/stat). \
      Without it the log's own clock line counts, else this machine's boot.
      """)
  var bootTime: String?

  @Option(help: "Exit status as the shell or the container runtime reports it.")
  var exitCode: Int?

  @Option(help: "A goroutine dump of the process. May be given more than once.")
  var dump: [String] = []

  @Option(help: "Core file.")
  var core: String?

  @Option(help: "The executable, for --core and --pid and to find the process in the kernel log.")
  var exe: String?

  @Option(help: "Garbage-collector log: GODEBUG=gctrace=1, or -Xlog:gc of a JVM.")
  var gcLog: String?

  @Option(help: "A process that still runs. It is read, not stopped.")
  var pid: Int?

  @Flag(help: "Print JSON, schema sluice.triage/1.")
  var json = false

  @Option(help: "Write one self-contained page.")
  var html: String?

  func validate() throws {
    guard stderr != nil || dmesg != nil || exitCode != nil || !dump.isEmpty || core != nil || pid != nil || gcLog != nil
    else {
      throw ValidationError("Give at least one of --stderr, --dmesg, --exit-code, --dump, --core, --pid, --gc-log.")
    }
    guard bootTime == nil || dmesg != nil else { throw ValidationError("--boot-time goes with --dmesg.") }
    if let bootTime { _ = try Self.seconds(bootTime) }
  }

  /// Seconds since 1970 of "2026-11-21T05:00:00Z", "2026-11-21 05:00:00" (UTC) or "1795237200".
  static func seconds(_ text: String) throws -> Double {
    if let number = Double(text), number > 0, number < 1e11 { return number }
    let words = text.replacing(" ", with: "T", maxReplacements: 1)
    for form in [words, words + "Z"] {
      if let date = try? Date(form, strategy: .iso8601) { return date.timeIntervalSince1970 }
    }
    throw ValidationError("--boot-time \(text) is no time; write 2026-11-21T05:00:00Z or seconds since 1970.")
  }

  func run() throws {
    var input = TriageInput()
    input.exitCode = exitCode
    input.pid = pid
    input.processName = exe.map { URL(filePath: $0).lastPathComponent }
    if let stderr { input.stderr = try crashText(stderr) }
    if let dmesg {
      let log = KernelLog(try InputFile.tail(dmesg, bytesMax: 64 << 20))
      let here = Date().timeIntervalSince1970 - ProcessInfo.processInfo.systemUptime
      input.kernelLog = log
      input.boot = try BootTime.choose(
        told: bootTime.map(Self.seconds), log: log, here: here, uptime: ProcessInfo.processInfo.systemUptime)
    }
    for path in dump { input.dumps.append(.init(name: path, text: try crashText(path))) }
    if let gcLog {
      var reader = GCLogReader()
      try InputFile.read(gcLog) { reader.feed($0) }
      input.gc = GCReport(reader.finish())
    }
    input.image = try ImageReader.findings(core: core, exe: exe, pid: pid)
    input.names = names
    let report = Triage.report(input)
    if let html {
      let page = TriagePage.html(report, pictures: try pictures(report))
      try InputFile.write([UInt8](page.utf8), to: html)
    }
    json ? InputFile.print(try report.json()) : InputFile.print(report: TriageTerminal.text(report))
  }

  /// The arguments as they were given, quoted for a shell.
  private var names: TriageInput.Names {
    func quoted(_ word: String) -> String {
      let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+=:,@%".contains($0)) }
      return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
    var names = TriageInput.Names()
    if let core {
      names.image = "--core \(quoted(core))" + (exe.map { " --exe \(quoted($0))" } ?? "")
    } else if let pid {
      names.image = "--pid \(pid)"
    }
    names.text = (dump.first ?? stderr).flatMap { $0 == "-" ? nil : quoted($0) }
    return names
  }

  /// The map of a race, and who holds it, drawn from the core or the process.
  private func pictures(_ report: TriageReport) throws -> [(title: String, svg: String)] {
    guard core != nil || pid != nil, let race = report.race, let word = race.map?.dropFirst(2),
      let address = UInt64(word, radix: 16)
    else { return [] }
    var pictures: [(title: String, svg: String)] = []
    try ImageReader.open(core: core, exe: exe, pid: pid.flatMap { Int32(exactly: $0) }, stop: false) { image, _ in
      pictures.append(("Map \(race.map ?? "")", image.map(at: address).svg()))
      pictures.append(("Who holds it", image.holders(of: address).svg()))
    }
    return pictures
  }

  private func crashText(_ path: String) throws -> CrashText {
    var reader = CrashTextReader()
    try InputFile.read(path) { reader.feed($0) }
    return reader.finish()
  }
}
