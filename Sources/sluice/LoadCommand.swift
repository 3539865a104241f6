import ArgumentParser
import Dispatch
import Foundation
import GatewayModel
import LoadGeneration

/// `sluice load`: sends load, measures it, and says whether what was expected held.
struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Send load to a target on this host, and measure it from when each request was due.",
    discussion: """
      sluice load http://127.0.0.1:8080/ --rate 500 --duration 30s --expect 'p99 < 50ms' --expect 'errors == 0'

      An open loop (--rate) sends at its rate whether answers come or not; --closed sends on each connection when its \
      answer is there. Expectations: status 503 > 0, status 2xx ratio > 0.99, header X-State == open, header X-State \
      absent, p99 < 50ms, min, mean, max, rate >= 900, requests, responses, errors == 0, errors timeout == 0.

      Exit codes: 0 when all that was expected held, 1 when something did not, 2 when the run could not begin. \
      Ctrl-C ends a run early, with its report.
      """)

  @Argument(help: "Where to: http://host:port/path or https://… With --mix, paths come from the mix.")
  var url: String

  @Option(help: "Requests a second: 500, 100..2000 (a ramp), or phases 100/10s,500/20s.")
  var rate: String?

  @Flag(help: "Closed loop: each connection sends when it has its answer.")
  var closed = false

  @Option(help: "How long: 500ms, 10s, 2m; 10s when nothing is said. Phases of --rate have their own lengths.")
  var duration: String?

  @Flag(help: "Random gaps as independent users make them (a Poisson process), not equal ones.")
  var poisson = false

  @Option(name: .shortAndLong, help: "Connections in all.")
  var connections = 64

  @Option(name: .shortAndLong, help: "Threads; connections and rate are shared among them.")
  var threads = 1

  @Flag(help: "HTTP/2: over TLS by ALPN, else with prior knowledge.")
  var http2 = false

  @Option(help: "Streams at once on a connection of HTTP/2; 16 when nothing is said.")
  var streams: Int?

  @Flag(name: .customLong("no-keepalive"), help: "A new connection for each request.")
  var noKeepAlive = false

  @Option(name: .shortAndLong, help: "The method.")
  var method = "GET"

  @Option(name: [.customShort("H"), .long], help: "A field, 'Name: value'; may be repeated.")
  var header: [String] = []

  @Option(help: "The body.")
  var body: String?

  @Option(help: "A file that is the body.", completion: .file())
  var bodyFile: String?

  @Option(help: "A mix of requests, YAML (Documentation/load.md).", completion: .file())
  var mix: String?

  @Option(help: "The seed of everything random; the same one gives the same requests.")
  var seed: UInt64?

  @Option(help: "How long an answer may take, and a request may wait for a connection.")
  var timeout: String = "10s"

  @Flag(help: "Take any certificate.")
  var insecure = false

  @Option(help: "A file of certificates to trust.", completion: .file())
  var ca: String?

  @Option(help: "A file of the certificate (and its chain) to show to the server; needs --key.", completion: .file())
  var cert: String?

  @Option(help: "A file of that certificate's key.", completion: .file())
  var key: String?

  @Option(help: "What has to hold at the end; may be repeated.")
  var expect: [String] = []

  @Option(help: "Write the result as JSON (sluice.load/1) to this file; - is standard output.", completion: .file())
  var json: String?

  @Option(help: "Write a page with plots to this file; - is standard output.", completion: .file())
  var html: String?

  @Flag(help: "No progress, only the result.")
  var quiet = false

  @Flag(help: "Send load to a target that is not this host. Be sure that it is yours.")
  var allowRemote = false

  func run() async throws {
    let plan: LoadPlan
    let results: ResultFiles
    do {
      plan = try makePlan()
      results = try ResultFiles(json: json, html: html)
    } catch {
      Console.error("sluice load: \(error)")
      throw ExitCode(2)
    }
    let stop = LoadStop()
    let sources = watchInterrupts(stop)
    defer { withExtendedLifetime(sources) {} }
    let screen = LoadScreen(quiet: quiet)
    let result: LoadResult
    do {
      result = try await LoadRun.run(plan, stop: stop) { screen.show($0) }
    } catch {
      screen.clear()
      Console.error("sluice load: \(error)")
      throw ExitCode(2)
    }
    screen.clear()
    try publish(result, results)
    if result.verdicts.contains(where: { !$0.held }) { throw ExitCode(1) }
  }

  private func publish(_ result: LoadResult, _ files: ResultFiles) throws {
    let text = TextReport.lines(result).joined(separator: "\n")
    do {
      try files.write(json: try LoadReport(result).json() + "\n", html: HTMLReport.page(result))
    } catch {
      Console.error("sluice load: \(error)")
      print(text)
      throw ExitCode(2)
    }
    if files.takesOutput { Console.error(text) } else { print(text) }
  }

  // MARK: From options to a plan

  private func makePlan() throws -> LoadPlan {
    let target = try LoadTarget(url)
    let expectations = try expect.map { text throws(LoadCommandMistake) in
      do { return try Expectation.parse(text) } catch { throw LoadCommandMistake("--expect: \(error)") }
    }
    let mix = try makeMix(target)
    var plan = LoadPlan(
      target: target, address: try target.resolve(allowRemote: allowRemote), mix: mix, pace: try makePace())
    plan.rateText = closed ? nil : rate
    plan.expectations = expectations
    plan.connections = try within("--connections", connections, 1...LoadPlan.connectionsMax)
    plan.threads = try within("--threads", threads, 1...LoadPlan.threadsMax)
    plan.timeout = try time("--timeout", timeout)
    plan.seed = seed ?? mix.seed ?? 1
    plan.trust = LoadPlan.Trust(isInsecure: insecure, authorities: ca, identity: try identity())
    if http2 {
      guard !noKeepAlive else { throw LoadCommandMistake("--no-keepalive is HTTP/1.1's; leave out --http2") }
      plan.carried = .http2(streams: try within("--streams", streams ?? 16, 1...LoadPlan.streamsMax))
    } else {
      guard streams == nil else { throw LoadCommandMistake("--streams is HTTP/2's; add --http2 or leave it out") }
      plan.carried = .http1(keepAlive: !noKeepAlive)
    }
    return plan
  }

  private func identity() throws -> (certificate: String, key: String)? {
    switch (cert, key) {
    case (nil, nil): return nil
    case (let cert?, let key?): return (cert, key)
    case (_?, nil): throw LoadCommandMistake("--cert needs --key, the file of the certificate's key")
    case (nil, _?): throw LoadCommandMistake("--key needs --cert, the file of the certificate it is of")
    }
  }

  private func makePace() throws -> LoadPlan.Pace {
    let length = try time("--duration", duration ?? "10s")
    guard closed == (rate == nil) else {
      throw LoadCommandMistake(
        closed
          ? "--closed sends as fast as answers come and has no --rate; leave one out"
          : "no rate: give --rate, such as --rate 500, or --closed")
    }
    guard let rate else { return .closed(length) }
    do {
      let schedule = try RateText.parse(rate, duration: length)
      guard duration == nil || !rate.contains("/") else {
        throw LoadCommandMistake("its phases have their own lengths, and --duration says another: leave one out")
      }
      return .open(schedule, poisson ? .poisson : .even)
    } catch {
      throw LoadCommandMistake("--rate: \(error)")
    }
  }

  private func makeMix(_ target: LoadTarget) throws -> RequestMix {
    let fields = try header.map { line throws(LoadCommandMistake) in
      guard let colon = line.firstIndex(of: ":") else {
        throw LoadCommandMistake("--header \"\(line)\" has no colon, expected 'Name: value'")
      }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      return (String(line[..<colon]), String(value))
    }
    guard body == nil || bodyFile == nil else { throw LoadCommandMistake("--body and --body-file: give one of them") }
    guard let mix else {
      let bytes = try bodyFile.map { try read($0) } ?? body.map { Array($0.utf8) } ?? []
      return try .single(method: method, path: target.path, fields: fields, body: bytes)
    }
    guard body == nil, bodyFile == nil, method == "GET" else {
      throw LoadCommandMistake("--mix says methods and bodies itself; leave out --method, --body and --body-file")
    }
    let folder = URL(fileURLWithPath: mix).deletingLastPathComponent()
    let file = MixFile.read(name: mix, bytes: try read(mix)) { path throws(LoadFailure) in
      let place = path.hasPrefix("/") ? path : folder.appendingPathComponent(path).path
      guard let data = FileManager.default.contents(atPath: place) else { throw LoadFailure("it is not there") }
      return Array(data)
    }
    guard var read = file.mix else {
      throw LoadCommandMistake("the mix is refused\n" + file.mistakes.map { "\($0)" }.joined(separator: "\n"))
    }
    try read.add(fields: fields)
    return read
  }

  private func read(_ path: String) throws(LoadCommandMistake) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LoadCommandMistake("\(path) cannot be read")
    }
    return Array(data)
  }

  private func within(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(LoadCommandMistake) -> Int {
    guard range.contains(value) else {
      throw LoadCommandMistake("\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private func time(_ name: String, _ text: String) throws(LoadCommandMistake) -> Duration {
    guard let duration = DurationText.parse(text), duration > .zero, duration <= .seconds(14 * 86_400) else {
      throw LoadCommandMistake("\(name) is \"\(text)\", expected a time such as 500ms, 10s or 2m, at most 14 days")
    }
    return duration
  }

  private func watchInterrupts(_ stop: LoadStop) -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { stop.stop() }
      source.resume()
      return source
    }
  }
}

/// What is wrong with the options, for the person who gave them.
struct LoadCommandMistake: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Where progress is shown: a picture that is drawn over itself in a terminal, a line a second elsewhere.
private final class LoadScreen {
  private let quiet: Bool
  private let isTerminal = isatty(2) == 1
  private var drawn = 0
  private var lastLine = -1.0

  init(quiet: Bool) { self.quiet = quiet }

  func show(_ progress: LoadProgress) {
    guard !quiet else { return }
    guard isTerminal else {
      guard progress.seconds - lastLine >= 0.999 else { return }
      lastLine = progress.seconds
      Console.error(ProgressText.line(progress))
      return
    }
    let lines = ProgressText.picture(
      progress, columns: columns, colors: ProcessInfo.processInfo.environment["NO_COLOR"] == nil)
    let back = drawn > 0 ? "\u{1b}[\(drawn)A" : ""
    Console.error(back + lines.map { "\u{1b}[2K\($0)" }.joined(separator: "\n"))
    drawn = lines.count
  }

  /// Takes the picture away, so that the result stands alone.
  func clear() {
    guard drawn > 0 else { return }
    Console.error("\u{1b}[\(drawn)A\u{1b}[0J\u{1b}[1A")
    drawn = 0
  }

  private var columns: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}
