import ArgumentParser
import GoDiagnostics

/// `sluice gclog`: whether a garbage collector's log shows a leak, pressure or neither.
struct GCLogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gclog",
    abstract: "Judge a garbage collector's log: leak, pressure or steady; pauses, stalls, time to the limit.",
    discussion: "Reads Go (GODEBUG=gctrace=1), ZGC with one generation and two, and G1. The collector is recognised.")

  @Argument(help: "The log; - for standard input.")
  var file: String

  @Option(help: "The memory limit in megabytes (GOMEMLIMIT, the container's, -Xmx), when the log does not say.")
  var limit: Double?

  @Flag(help: "Print JSON, schema sluice.gclog/1.")
  var json = false

  @Option(help: "Write a picture of the live heap.")
  var svg: String?

  func run() throws {
    var reader = GCLogReader()
    try InputFile.read(file) { reader.feed($0) }
    let report = GCReport(reader.finish(), limitMegabytes: limit)
    guard report.cycles > 0 else {
      throw InputFile.Failure(description: "\(file): no collection of Go, ZGC or G1 in it")
    }
    if let svg { try InputFile.write([UInt8](HeapPlot.svg(report).utf8), to: svg) }
    json ? InputFile.print(try report.json()) : InputFile.print(report: GCTerminal.text(report))
  }
}
