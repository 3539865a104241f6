import AsyncHTTPClient
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Observability
import ServiceLifecycle

/// Fetches key sets at URLs: when they are due, and when a request asks (`RemoteKeySet` decides both).
///
/// Each fetch is a child of `run`, with the source's timeout, and has a client of its own that ends with it: there is
/// one every ten minutes, and a connection that idles between would only be found broken.
struct KeySetService: ServiceLifecycle.Service {
  let registry: KeySetRegistry
  let log: Logger

  /// A larger set is no key set.
  static let bytesMax = 1024 * 1024

  func run() async throws {
    let (wakes, waking) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    registry.onWake { waking.yield() }
    // What is due is looked for once a second.
    let ticker = MultiThreadedEventLoopGroup.singleton.next()
      .scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { _ in waking.yield() }
    await withDiscardingTaskGroup { group in
      for await _ in wakes.cancelOnGracefulShutdown() {
        for set in registry.sets where set.begins(now: Self.now()) { group.addTask { await fetch(set) } }
      }
      group.cancelAll()
    }
    ticker.cancel()
    registry.onWake(nil)
  }

  /// Seconds of the loops' clock.
  static func now() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000_000) }

  private func fetch(_ set: RemoteKeySet) async {
    let before = set.view(now: Self.now())
    let outcome = await Self.text(set.source)
    set.ended(outcome, now: Self.now())
    let after = set.view(now: Self.now())
    let url = Logger.MetadataValue.string(SecretNames.redacted(url: after.url))
    if let failure = after.lastFailure, failure != before.lastFailure {
      log.warning("key set cannot be fetched", metadata: ["url": url, "cause": "\(failure)"])
    } else if after.lastFailure == nil, after.generation != before.generation {
      log.info("key set fetched", metadata: ["url": url, "keys": "\(after.keys.count)"])
      for note in after.notes { log.info("key passed over", metadata: ["url": url, "cause": "\(note)"]) }
    }
  }

  /// The bytes at the source's URL, or why there are none.
  private static func text(_ source: KeySetSource) async -> Result<[UInt8], KeySetMistake> {
    do {
      var configuration = HTTPClient.Configuration(
        tlsConfiguration: try tls(source),
        // A redirect is a place that nobody configured.
        redirectConfiguration: .disallow,
        // No time limit of the client's own but for connecting: two that end together tell the reason by chance.
        timeout: .init(connect: .seconds(source.timeout)))
      configuration.httpVersion = .http1Only
      let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
      let result = await text(source, client)
      try? await client.shutdown()
      return result
    } catch {
      return .failure(KeySetMistake("\(error)"))
    }
  }

  /// The same, in the source's timeout. The client's own deadline ends with the head of the response, and a body that
  /// comes byte by byte would keep the next fetch away for ever, while the keys grow stale.
  private static func text(_ source: KeySetSource, _ client: HTTPClient) async -> Result<[UInt8], KeySetMistake> {
    let time = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .seconds(source.timeout)) {}
    return await withTaskGroup(of: Result<[UInt8], KeySetMistake>.self) { group in
      group.addTask { await whole(source, client) }
      group.addTask {
        // Cancelled where the fetch is over first; then nobody looks at this.
        try? await time.futureResult.get()
        return .failure(KeySetMistake(source.tooLate))
      }
      let first = await group.next()
      time.cancel()
      group.cancelAll()
      return first ?? .failure(KeySetMistake("cancelled"))
    }
  }

  private static func whole(_ source: KeySetSource, _ client: HTTPClient) async -> Result<[UInt8], KeySetMistake> {
    var request = HTTPClientRequest(url: source.url)
    request.headers = ["Accept": "application/jwk-set+json, application/json", "User-Agent": "sluice"]
    do {
      let response = try await client.execute(request, deadline: .distantFuture)
      guard response.status == .ok else { return .failure(KeySetMistake("status \(response.status.code)")) }
      return .success(Array(buffer: try await response.body.collect(upTo: bytesMax)))
    } catch let error as HTTPClientError where error == .connectTimeout {
      return .failure(KeySetMistake(source.tooLate))
    } catch {
      return .failure(KeySetMistake("\(error)"))
    }
  }

  private static func tls(_ source: KeySetSource) throws -> NIOSSL.TLSConfiguration {
    var tls = NIOSSL.TLSConfiguration.makeClientConfiguration()
    if !source.verifiesServer { tls.certificateVerification = .none }
    if let trusted = source.trusted {
      tls.trustRoots = .certificates(
        trusted.contains("-----BEGIN")
          ? try NIOSSLCertificate.fromPEMBytes(Array(trusted.utf8)) : try NIOSSLCertificate.fromPEMFile(trusted))
    }
    if let certificate = source.certificate, let key = source.key {
      let chain =
        certificate.contains("-----BEGIN")
        ? try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)) : try NIOSSLCertificate.fromPEMFile(certificate)
      tls.certificateChain = chain.map { .certificate($0) }
      tls.privateKey = .privateKey(
        key.contains("-----BEGIN")
          ? try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem) : try NIOSSLPrivateKey(file: key, format: .pem))
    }
    return tls
  }
}

extension KeySetSource {
  /// What is told where the timeout passed, in whatever part of the exchange.
  fileprivate var tooLate: String { "no whole answer in \(timeout) s" }
}

extension KeySetRegistry {
  /// For metrics and the admin side; URLs without what may be a secret in them.
  func samples() -> [KeySetSample] {
    sets.map { set in
      let view = set.view(now: KeySetService.now())
      return KeySetSample(
        url: SecretNames.redacted(url: view.url), keys: view.isUsable ? view.keys.count : 0, age: view.age,
        successes: view.successes, failures: view.failures)
    }
  }
}
