import ArgumentParser

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The command. Subcommands parse and print; what they do is in the libraries.
@main
struct Sluice: AsyncParsableCommand {
  /// The product's version, in `sluice version`, `/api/version` and `sluice_build_info`.
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "A self-protecting API gateway that reads Traefik v3's configuration.",
    discussion: """
      Start with `sluice serve --config FILE`; check a file without starting with `sluice check FILE`. \
      Shell completions: `sluice --generate-completion-script bash|zsh|fish`.
      """,
    version: version,
    subcommands: [
      Serve.self, Check.self, PolicyCommand.self, Schema.self, DevCert.self, DevSpire.self,
      SVIDCommand.self, Whoami.self, LoadCommand.self,
      BookstoreCommand.self,
      Version.self,
    ],
    groupedSubcommands: [
      CommandGroup(
        name: "Go diagnostics",
        subcommands: [
          TriageCommand.self, GoroutinesCommand.self, MapsCommand.self, WatchCommand.self, GCLogCommand.self,
          LeakproofCommand.self, GoBenchCommand.self,
        ])
    ])

  /// As ArgumentParser's own, but `check` ends with 2 when its command line is not understood, as linters do.
  /// And what was printed has to have arrived: a report that is lost on a full disk is no success.
  static func main() async {
    var code = ExitCode.success
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      code = exitCode(for: error)
      let text = fullMessage(for: error)
      if !text.isEmpty {
        // Help, and what completes command lines, are output.
        if code.isSuccess { print(text) } else { Console.error(text) }
      }
      let isCheck = CommandLine.arguments.dropFirst().first == "check"
      if isCheck, code == .validationFailure { code = ExitCode(2) }
    }
    if let reason = StandardOutput.finish() {
      Console.error("sluice: standard output cannot be written: \(reason)")
      if code.isSuccess { code = .failure }
    }
    Glibc.exit(code.rawValue)
  }
}

/// `sluice version`.
struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")

  func run() { print("sluice \(Sluice.version)") }
}
