import ArgumentParser
import GatewayModel
import GatewayRuntime

/// `sluice check`: says everything that is wrong with configuration files, without starting.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Validate configuration files without starting.",
    discussion: """
      Each mistake is a line `file:line:column: what, expected …, did you mean …`. \
      Exit codes: 0 when every file is taken (warnings included), 2 when one is refused.
      """)

  @Argument(help: "Configuration files, each checked with the files that it names.", completion: .file())
  var files: [String]

  @Flag(name: .long, help: "Take keys that Traefik has and Sluice has not yet as warnings.")
  var allowUnsupported = false

  @Flag(name: .shortAndLong, help: "Say nothing about files that are fine.")
  var quiet = false

  func run() throws {
    var isRefused = false
    for file in files {
      let loaded = LoadedConfiguration.load(file, allowUnsupported: allowUnsupported)
      for mistake in loaded.mistakes { print(mistake.description) }
      guard let configuration = loaded.configuration else {
        isRefused = true
        continue
      }
      let problems = Gateway.problems(of: configuration)
      for problem in problems { print("\(file): \(problem)") }
      if !problems.isEmpty {
        isRefused = true
        continue
      }
      if quiet { continue }
      let http = configuration.dynamic.http
      print(
        "\(file): fine (\(configuration.static.entryPoints.count) entry points, \(http.routers.count) routers, "
          + "\(http.services.count) services, \(http.middlewares.count) middlewares)")
    }
    if isRefused { throw ExitCode(2) }
  }
}

/// `sluice schema`.
struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a JSON Schema of the configuration, for editors.",
    discussion: """
      Save it and put `# yaml-language-server: $schema=FILE` at the top of a configuration file: the editor then \
      completes keys, explains them and marks mistakes.
      """)

  func run() { print(JSONSchema.text()) }
}
