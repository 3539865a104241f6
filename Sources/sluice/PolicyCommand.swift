import ArgumentParser
import GatewayRuntime

/// `sluice policy`.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Work with policies: who may do what.", subcommands: [PolicyTestCommand.self])
}

/// `sluice policy test`.
struct PolicyTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run a table of requests against a policy.",
    discussion: """
      Each test is a line. Exit codes: 0 when every test passes, 1 when one fails, 2 when the table or the \
      configuration cannot be used.
      """)

  @Argument(help: "Tables of tests.", completion: .file())
  var files: [String]

  @Flag(name: .shortAndLong, help: "Show failures only.")
  var quiet = false

  func run() throws {
    var count = 0
    var failures = 0
    var isBroken = false
    for file in files {
      let run = PolicyTestRun(path: file)
      for mistake in run.mistakes { print(mistake) }
      isBroken = isBroken || (run.outcomes.isEmpty && !run.mistakes.isEmpty)
      count += run.outcomes.count
      for outcome in run.outcomes {
        if !outcome.isPassed { failures += 1 }
        if outcome.isPassed && quiet { continue }
        print("\(outcome.isPassed ? "pass" : "FAIL")  \(outcome.name): \(outcome.said)")
      }
    }
    if isBroken { throw ExitCode(2) }
    print("\(count) tests, \(failures) failed")
    if failures > 0 { throw ExitCode(1) }
  }
}
