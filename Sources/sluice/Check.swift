import ArgumentParser
import ConfigurationLint
import GatewayModel
import GatewayRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// `sluice check`: says what is wrong with configuration files, what contradicts what, and which timeouts hold.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Validate and explain configuration files without starting.",
    discussion: """
      Mistakes are lines `file:line:column: what, expected …, did you mean …`; what is valid and contradicts itself is \
      found under a code with a page in Documentation/findings. A comment `# sluice-check: ignore SL5003` on a line, \
      or above it, ignores that code there. Exit codes: 0 without errors (warnings included), 1 with errors, 2 when \
      the command line is not understood.
      """)

  /// How the report is written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json, sarif
  }

  @Argument(help: "Configuration files, each checked with the files that it names.", completion: .file())
  var files: [String]

  @Option(
    name: .long, parsing: .upToNextOption,
    help:
      "Kubernetes manifests and compose files around the gateway: probes, stop times, Traefik's labels and resources.",
    completion: .file(extensions: ["yml", "yaml"]))
  var with: [String] = []

  @Flag(name: .long, help: "Show every timeout in force for each router, its value and where it comes from.")
  var explain = false

  @Option(name: .long, help: "Show the timeouts of this router only; implies --explain.")
  var router: String?

  @Option(name: .long, help: "How the report is written: text, json or sarif.")
  var format: Format = .text

  @Flag(name: .long, help: "The same as --format json.")
  var json = false

  @Option(name: .long, help: "Do not report this code; may be given several times.")
  var ignore: [String] = []

  @Flag(name: .long, help: "Take keys that Traefik has and Sluice has not yet as warnings.")
  var allowUnsupported = false

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    for code in ignore where FindingCode(rawValue: code.uppercased()) == nil {
      throw ValidationError("--ignore \(code): there is no such code; they are SL1001 and the like")
    }
    if json, format == .sarif { throw ValidationError("--json and --format sarif: choose one") }
  }

  func run() throws {
    let surroundings = Surroundings(reading: with)
    let report = LintReport(
      version: Sluice.version, files: surroundings.files + files.map { check($0, surroundings) })
    if let router, !report.files.contains(where: { !$0.timeouts.isEmpty }), !report.hasErrors {
      Console.error("sluice: there is no router \(router)")
      throw ExitCode(1)
    }
    switch json ? .json : format {
    case .json: print(JSONReport(report).text)
    case .sarif: print(SARIFReport(report).text)
    case .text:
      let text = TextReport(
        report, width: Terminal.width, usesColor: Terminal.usesColor, least: quiet ? .error : .note)
      for line in text.lines { print(line) }
    }
    if report.hasErrors { throw ExitCode(1) }
  }

  private func check(_ file: String, _ surroundings: Surroundings) -> LintReport.File {
    let loaded = LoadedConfiguration.load(
      file, allowUnsupported: allowUnsupported, with: surroundings.manifests.sources)
    var result = LintReport.File(name: file, mistakes: loaded.mistakes)
    guard let configuration = loaded.configuration else { return result }
    result.mistakes = (result.mistakes + Gateway.problems(of: loaded)).inFileOrder()
    let lint = ConfigurationLint(
      LintSubject(configuration: configuration, sources: loaded.sources, manifests: surroundings.manifests))
    result.findings = lint.findings(ignoring: Set(ignore.compactMap { FindingCode(rawValue: $0.uppercased()) }))
    if explain || router != nil { result.timeouts = lint.timeouts(of: router) }
    let http = configuration.dynamic.http
    let counts = [
      (configuration.static.entryPoints.count, "entry point"), (http.routers.count, "router"),
      (http.services.count, "service"), (http.middlewares.count, "middleware"),
    ]
    result.contents = counts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    return result
  }
}

/// The terminal that standard output is, if it is one.
enum Terminal {
  /// Columns; 80 when nothing tells.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Only on a terminal that can, and unless NO_COLOR (no-color.org) is set.
  static var usesColor: Bool {
    guard isatty(STDOUT_FILENO) == 1 else { return false }
    if let no = getenv("NO_COLOR"), no.pointee != 0 { return false }
    return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
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
