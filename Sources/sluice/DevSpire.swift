import ArgumentParser
import Foundation
import GatewayModel
import SwiftASN1
import WorkloadAPI
import X509

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// `sluice dev-spire`: the SPIFFE Workload API without SPIRE, for a developer's machine and for tests.
//
// What it leaves out is what makes SPIRE safe: nodes are not attested, the authority's key is in this process's memory
// and gone with it, and whoever may write the registration file is everybody. It says so each time it starts.

/// `sluice dev-spire`.
struct DevSpire: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev-spire",
    abstract: "Issue SPIFFE identities on this machine, for development and tests.",
    discussion: """
      Serves the SPIFFE Workload API on a Unix socket. Who gets which ID stands in the registration file:

        trustDomain: dev.example
        lifetime: 1h
        registrations:
          - {id: "spiffe://dev.example/gateway", selector: any}
          - {id: "spiffe://dev.example/pay", selector: "unix:uid:1000", hint: internal, dnsNames: [localhost]}
        federatesWith:
          - {trustDomain: other.example, bundle: other.pem}

      SVIDs are replaced at half of their life. SIGHUP reads the file again; SIGUSR1 replaces every SVID now; SIGTERM \
      and SIGINT end it. Exit codes: 0 after that, 2 for a registration file that cannot be used, 1 for anything else. \
      Authorities are made at the start and forgotten at the end: never use this in production.
      """)

  @Option(help: "The socket to listen on.", completion: .file())
  var socket: String?

  @Option(help: "The registration file, YAML or TOML.", completion: .file())
  var registrations: String?

  @Option(help: "Write the trust domain's bundle to this PEM file, and again when it changes.", completion: .file())
  var bundle: String?

  @Option(help: "Instead: issue and check SVIDs for so many seconds on one core, and print how many a second.")
  var benchmark: Double?

  func validate() throws {
    if let benchmark {
      guard benchmark > 0, benchmark <= 600 else {
        throw ValidationError("--benchmark is a number of seconds up to 600, not \(benchmark).")
      }
      return
    }
    guard let socket else { throw ValidationError("--socket is missing: a path such as /tmp/dev-spire.sock.") }
    guard registrations != nil else { throw ValidationError("--registrations is missing: a YAML file (see --help).") }
    let absolute = URL(fileURLWithPath: socket).path
    guard WorkloadAPIAddress("unix://" + absolute) != nil else {
      throw ValidationError("--socket is a path of at most 107 bytes, not \(absolute).")
    }
  }

  func run() async throws {
    if let benchmark { return try measure(benchmark) }
    guard let socket, let registrations else { return }
    let path = URL(fileURLWithPath: socket).path
    guard let settings = read(registrations) else { throw ExitCode(2) }
    let signals = CommandSignals([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
    defer { withExtendedLifetime(signals) {} }
    Console.error(
      """
      dev-spire: FOR DEVELOPMENT ONLY. Nothing is attested: every process that can open the socket and has a user \
      number of the registration file gets that identity. Authorities live in memory and end with this process.
      """)
    // Only this user opens the socket, until somebody changes its mode.
    let mask = umask(0o177)
    let bundlePath = bundle
    let arrivals = signals.arrivals
    let (changes, changing) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(4))
    let server: WorkloadAPIServer
    do {
      server = try await WorkloadAPIServer.start(settings, path: path) { event in
        Console.error("dev-spire: \(Self.text(event))")
        if case .authority = event { changing.yield(SIGCHLD) }
      }
    } catch {
      umask(mask)
      Console.error("dev-spire: cannot listen on \(path): \(error)")
      throw ExitCode(1)
    }
    umask(mask)
    try await writeBundle(server, to: bundlePath)
    print("dev-spire listens on unix://\(path)")
    fflush(nil)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await signal in arrivals { changing.yield(signal) }
      }
      for await signal in changes {
        if signal == SIGTERM || signal == SIGINT { break }
        if signal == SIGUSR1 { server.rotate() }
        if signal == SIGHUP, let settings = read(registrations) { server.replace(settings) }
        do { try await writeBundle(server, to: bundlePath) } catch { Console.error("dev-spire: \(error)") }
      }
      group.cancelAll()
    }
    await server.stop()
    unlink(path)
  }

  private func measure(_ seconds: Double) throws {
    let rate = try IssuanceRate.measure(seconds: seconds)
    print(
      """
      X.509-SVIDs on one core in a second (P-256 keys and signatures):
        issued, with a new key for each          \(Int(rate.perSecond))
        issued, for keys that are there          \(Int(rate.signedPerSecond))
        checked, a peer's chain in a handshake   \(Int(rate.checkedPerSecond))
      """)
  }

  /// Nil when the file cannot be used; says why.
  private func read(_ path: String) -> IssuerSettings? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      Console.error("dev-spire: \(path) cannot be read")
      return nil
    }
    let (file, mistakes) = RegistrationFile.read(name: path, text)
    for mistake in mistakes { Console.error("\(mistake)") }
    guard let file, let domain = file.trustDomain else { return nil }
    var federated: [(domain: TrustDomain, bundle: [UInt8])] = []
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    for federation in file.federatesWith {
      let place = URL(fileURLWithPath: federation.bundle, relativeTo: folder).path
      guard let other = federation.trustDomain, let pem = try? String(contentsOfFile: place, encoding: .utf8),
        let documents = try? PEMDocument.parseMultiple(pemString: pem), !documents.isEmpty
      else {
        Console.error("dev-spire: the bundle \(place) cannot be read, expected certificates in PEM")
        return nil
      }
      federated.append((other, documents.flatMap(\.derBytes)))
    }
    return IssuerSettings(
      trustDomain: domain, lifetime: file.lifetime / .seconds(1),
      authorityLifetime: file.authorityLifetime / .seconds(1), registrations: file.registrations, federated: federated)
  }

  private func writeBundle(_ server: WorkloadAPIServer, to path: String?) async throws {
    guard let path else { return }
    let pem = try await server.authorities().map { PEMDocument(type: "CERTIFICATE", derBytes: $0).pemString }
    try (pem.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }

  private static func text(_ event: WorkloadAPIServer.Event) -> String {
    switch event {
    case .issued(let ids, let uid, let seconds):
      "issued \(ids.map(\.description).joined(separator: ", ")) to uid \(uid) for \(seconds) s"
    case .denied(let uid): "uid \(uid) is not registered and was denied"
    case .refused(let end): "refused: \(end)"
    case .authority(.announced): "the next authority is in the bundle and will sign later"
    case .authority(.activated): "the next authority signs now"
    case .authority(.retired): "an authority has expired and is no longer in the bundle"
    case .failed(let reason): "failed: \(reason)"
    }
  }
}
