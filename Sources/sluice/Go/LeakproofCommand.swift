import ArgumentParser
import GoDiagnostics

/// `sluice leakproof`: goroutines that nothing can wake any more.
struct LeakproofCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leakproof",
    abstract: "Prove goroutines leaked: nothing that runs can reach what they wait for.",
    discussion: """
      Marks the heap of a core from variables, registers and the stacks of everything that can run. A blocked \
      goroutine whose channel or lock is not reached is leaked. The scan is conservative: a stale word may hide a \
      leak, a live goroutine is not accused. With C in the program all its memory is searched as well; what could \
      not be searched is listed. Works for Go 1.19 and 1.21 to 1.27, also on stripped programs.
      """)

  @Option(help: "Core file.")
  var core: String?

  @Option(help: "The executable, when it cannot be found.")
  var exe: String?

  @Option(help: "A process that runs; it is frozen while it is read.")
  var pid: Int32?

  @Flag(help: "Print JSON, schema sluice.leakproof/1.")
  var json = false

  func validate() throws {
    guard (core == nil) != (pid == nil) else { throw ValidationError("Give --core or --pid.") }
  }

  func run() throws {
    try ImageReader.open(core: core, exe: exe, pid: pid, stop: true) { image, source in
      let document = LeakDocument(try image.leakProof(), image: image, source: source)
      json ? InputFile.print(try document.json()) : InputFile.print(report: document.terminalText())
    }
  }
}
