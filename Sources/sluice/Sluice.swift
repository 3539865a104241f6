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
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      guard CommandLine.arguments.dropFirst().first == "check", exitCode(for: error) == .validationFailure else {
        exit(withError: error)
      }
      Console.error(fullMessage(for: error))
      Glibc.exit(2)
    }
  }
}

/// `sluice version`.
struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")

  func run() { print("sluice \(Sluice.version)") }
}
