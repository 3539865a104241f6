import ArgumentParser
import Foundation
import GoDiagnostics

/// `sluice goroutines`: goroutine dumps of any form, grouped, classified, compared.
struct GoroutinesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "goroutines",
    abstract: "Group the goroutines of a dump, an endpoint, a process or a core, and find leaks among them.",
    discussion: """
      Reads tracebacks (SIGQUIT, runtime.Stack, debug=2), profiles (debug=0, debug=1), gzip, and logs that hold them. \
      Compare two with: sluice goroutines diff A B.
      A filter is an expression over state, minutes, id, function, top, file, createdBy, locked, leaked and label.NAME:
        --filter 'state == "chan send" && minutes > 10'
      """)

  @Argument(help: "Dump files, - for standard input, or http(s) URLs; `diff A B` compares two.")
  var sources: [String] = []

  @OptionGroup var endpoint: EndpointOptions

  @Option(help: "A process that runs. It is read, not stopped, unless --stop.")
  var pid: Int?

  @Option(help: "Core file.")
  var core: String?

  @Option(help: "The executable of --core or --pid, when it cannot be found.")
  var exe: String?

  @Flag(help: "With --pid: freeze the process while it is read, for one consistent picture.")
  var stop = false

  @Flag(help: "With --pid or --core: list the runtime's threads (M) and processors (P) too.")
  var threads = false

  @Option(help: "Only goroutines for which this is true.")
  var filter: String?

  @Option(help: "Leave out goroutines whose first frame outside the runtime is this function (goleak).")
  var ignoreTopFunction: [String] = []

  @Option(help: "Leave out goroutines with this function anywhere on the stack (goleak).")
  var ignoreAnyFunction: [String] = []

  @Option(help: "Leave out goroutines started by this function (goleak).")
  var ignoreCreatedBy: [String] = []

  @Flag(help: "Stacks with different arguments are different groups.")
  var exact = false

  @Option(help: "Show so many groups.")
  var top = 30

  @Option(help: "So many alike, waiting for --stuck-minutes, are a leak candidate.")
  var stuckCount = 10

  @Option(help: "Minutes of waiting that make --stuck-count alike a candidate.")
  var stuckMinutes = 10

  @Flag(help: "Print JSON, schema sluice.goroutines/1 (with diff: sluice.goroutines-diff/1).")
  var json = false

  private var isDiff: Bool { sources.first == "diff" }

  func validate() throws {
    if isDiff {
      guard sources.count == 3 else { throw ValidationError("diff takes two dumps: sluice goroutines diff A B.") }
    } else if sources.isEmpty, pid == nil, core == nil {
      throw ValidationError("Give a dump, a URL, --pid or --core.")
    }
    guard top > 0, stuckCount > 0, stuckMinutes >= 0 else { throw ValidationError("Numbers are above zero.") }
  }

  func run() throws {
    if isDiff {
      let diff = GoroutineDiff(try report([sources[1]]), try report([sources[2]]))
      json ? InputFile.print(try diff.json()) : InputFile.print(report: GoroutineTerminal.text(diff, top: top))
      return
    }
    var report: GoroutineReport
    if let image = try ImageReader.findings(core: core, exe: exe, pid: pid, stop: stop, threads: threads) {
      var grouper = GoroutineGrouper(exact: exact, filter: try parsedFilter())
      for goroutine in image.goroutines { grouper.add(goroutine) }
      report = GoroutineReport(grouper, source: image.source, limits: limits)
      report.scheduler = image.scheduler
    } else {
      report = try self.report(sources)
    }
    if !json, let scheduler = report.scheduler { InputFile.print(report: scheduler.terminalText()) }
    json ? InputFile.print(try report.json()) : InputFile.print(report: GoroutineTerminal.text(report, top: top))
  }

  private var limits: ClassThresholds {
    var limits = ClassThresholds()
    limits.count = stuckCount
    limits.minutes = stuckMinutes
    return limits
  }

  private func parsedFilter() throws -> GoroutineFilter? {
    let ignored =
      ignoreTopFunction.map { GoroutineFilter.Ignore.topFunction($0) }
      + ignoreAnyFunction.map { .anyFunction($0) } + ignoreCreatedBy.map { .createdBy($0) }
    guard filter != nil || !ignored.isEmpty else { return nil }
    do {
      return try GoroutineFilter(filter, ignoring: ignored)
    } catch {
      throw ValidationError("--\(error)")
    }
  }

  private func report(_ sources: [String]) throws -> GoroutineReport {
    var grouper = GoroutineGrouper(exact: exact, filter: try parsedFilter())
    for source in sources {
      var reader = DumpReader(grouper: grouper)
      do {
        if EndpointOptions.isAddress(source) {
          let body = try endpoint.body(source)
          try body.withUnsafeBytes { try reader.feed($0) }
        } else {
          try InputFile.read(source) { try reader.feed($0) }
        }
        grouper = try reader.finish()
      } catch let failure as DumpReader.Failure {
        throw InputFile.Failure(description: "\(source): \(failure)")
      }
    }
    return GoroutineReport(grouper, source: sources.joined(separator: ", "), limits: limits)
  }
}
