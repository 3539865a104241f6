import ArgumentParser
import GatewayRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// `sluice serve`: runs the gateway until it is told to stop.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the gateway.",
    discussion: """
      Signals: SIGTERM and SIGINT drain and end with 0; SIGHUP reads the configuration again; SIGUSR1 opens log files \
      again after a rotation. Exit codes: 0 after a drain, 2 for a configuration that is refused, 1 for anything else.
      """)

  @Option(
    name: .long, help: "The configuration file, YAML or TOML, static and dynamic parts in one.", completion: .file())
  var config: String

  @Flag(name: .long, help: "Take keys that Traefik has and Sluice has not yet as warnings.")
  var allowUnsupported = false

  func run() async throws {
    let gateway: Gateway
    do {
      gateway = try await Gateway.start(
        path: config, allowUnsupported: allowUnsupported, version: Sluice.version, tell: Console.error)
    } catch {
      switch error {
      case .refused(let lines):
        for line in lines { Console.error(line) }
        Console.error("sluice: \(config) is refused (\(lines.count) \(lines.count == 1 ? "mistake" : "mistakes"))")
        throw ExitCode(2)
      case .failed(let text):
        Console.error("sluice: \(text)")
        throw ExitCode(1)
      }
    }
    do {
      try await GatewayService(gateway).runUntilStopped { Console.error($0) }
    } catch {
      Console.error("sluice: \(error)")
      throw ExitCode(1)
    }
  }
}

/// Where commands tell people things that are not their output.
enum Console {
  static func error(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { bytes in _ = write(2, bytes.baseAddress, bytes.count) }
  }
}
