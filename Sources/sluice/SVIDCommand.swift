import ArgumentParser
import Foundation
import GatewayModel
import Identity
import NIOCore
import NIOPosix
import SwiftASN1
import WorkloadAPI
import X509

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `sluice svid`: asks a Workload API who this process is, as the gateway does.
struct SVIDCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "svid",
    abstract: "Ask the SPIFFE Workload API which identity this process gets.",
    discussion: """
      Prints the ID, its times and the trust domains that peers can be checked against. --write puts svid.pem, \
      svid-key.pem and a bundle-DOMAIN.pem for each trust domain into a folder, for openssl and curl. Exit codes: 0 \
      for an SVID that the gateway would take, 1 otherwise.
      """)

  @Option(
    name: .customLong("workload-api"),
    help: "unix:///path or tcp://address:port; without it, the environment's SPIFFE_ENDPOINT_SOCKET.")
  var workloadAPI: String?

  @Option(help: "Which of several SVIDs, by its hint; the first without.")
  var hint: String?

  @Option(help: "Write the SVID, its key and the bundles into this folder, as PEM.", completion: .directory)
  var write: String?

  @Option(help: "Seconds to wait for an answer.")
  var timeout = 10

  func validate() throws {
    guard (1...600).contains(timeout) else { throw ValidationError("--timeout is a number from 1 to 600.") }
    _ = try address()
  }

  private func address() throws -> WorkloadAPIAddress {
    guard let text = workloadAPI ?? ProcessInfo.processInfo.environment["SPIFFE_ENDPOINT_SOCKET"] else {
      throw ValidationError("--workload-api is missing, and so is SPIFFE_ENDPOINT_SOCKET.")
    }
    guard let address = WorkloadAPIAddress(text) else {
      throw ValidationError("'\(text)' is no Workload API: expected unix:///path or tcp://address:port.")
    }
    return address
  }

  func run() async throws {
    let address = try address()
    let (answers, answering) = AsyncStream.makeStream(of: WorkloadAPIClient.Event.self)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let client = WorkloadAPIClient(address, loop: loop) { answering.yield($0) }
    let timer = loop.scheduleTask(in: .seconds(Int64(timeout))) { answering.finish() }
    defer {
      timer.cancel()
      client.stop()
    }
    var reason = "no answer"
    for await event in answers {
      switch event {
      case .response(let bytes):
        let now = Int64(Date().timeIntervalSince1970)
        let reading: X509ContextReader.Reading
        do throws(SVIDRefusal) {
          reading = try X509ContextReader.read(bytes, hint: hint, now: now)
        } catch {
          Console.error("svid: \(address): \(error.code): \(error)")
          throw ExitCode(1)
        }
        return try show(reading, now)
      case .lost(let end, _): reason = "\(end)"
      case .refused(let end):
        Console.error("svid: \(address) refuses: \(end)")
        throw ExitCode(1)
      }
    }
    Console.error("svid: nothing came from \(address) in \(timeout) s: \(reason)")
    throw ExitCode(1)
  }

  private func show(_ reading: X509ContextReader.Reading, _ now: Int64) throws {
    let context = reading.context
    let leaf = context.svid.leaf
    let left = leaf.notAfter - now
    print("\(leaf.id)")
    if !context.svid.hint.isEmpty { print("  hint         \(context.svid.hint)") }
    let end = Date(timeIntervalSince1970: TimeInterval(leaf.notAfter)).formatted(.iso8601)
    print("  valid until  \(end) (\(left) s left)")
    for domain in context.bundles.trustDomains {
      print("  bundle       \(domain): \(context.bundles[domain]?.count ?? 0) authorities")
    }
    for other in context.others { print("  also given   \(other)") }
    for note in reading.notes { print("  note         \(note)") }
    if let write { try Self.write(context, to: write) }
  }

  private static func write(_ context: X509Context, to folder: String) throws {
    let place = try DevCertFolder(path: folder, private: true)
    func pem(_ type: String, _ ders: [[UInt8]]) -> String {
      ders.map { PEMDocument(type: type, derBytes: $0).pemString + "\n" }.joined()
    }
    try place.write(pem("PRIVATE KEY", [context.svid.key]), to: "svid-key.pem", mode: 0o600)
    try place.write(pem("CERTIFICATE", context.svid.chain), to: "svid.pem", mode: 0o644)
    for domain in context.bundles.trustDomains {
      let authorities = try (context.bundles[domain] ?? []).map { try $0.serializeAsPEM().pemString + "\n" }
      try place.write(authorities.joined(), to: "bundle-\(domain.name).pem", mode: 0o644)
    }
  }
}
