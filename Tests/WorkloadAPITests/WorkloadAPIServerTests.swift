import Foundation
import GRPCWire
import GatewayModel
import Identity
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Testing
import X509

@testable import WorkloadAPI

/// A real issuer and a real client over a real socket.
@Suite("The Workload API over a Unix socket", .timeLimit(.minutes(5)))
struct WorkloadAPIServerTests {
  static func settings(_ selector: String = "any", lifetime: Double = 3600) throws -> IssuerSettings {
    let (file, mistakes) = RegistrationFile.read(
      name: "r.yml",
      """
      trustDomain: dev.example
      registrations:
        - {id: "spiffe://dev.example/gateway", selector: "\(selector)"}
        - {id: "spiffe://dev.example/nobody", selector: "unix:uid:4294967294"}
      """)
    let read = try #require(file, "\(mistakes)")
    return IssuerSettings(
      trustDomain: try #require(read.trustDomain), lifetime: lifetime, authorityLifetime: 86400,
      registrations: read.registrations)
  }

  static func socketPath() -> String { NSTemporaryDirectory() + "w-\(UUID().uuidString.prefix(8)).sock" }

  /// Follows an address, and gives what is told.
  private struct Following {
    let client: WorkloadAPIClient
    var events: AsyncStream<WorkloadAPIClient.Event>.Iterator

    init(_ path: String) {
      let (events, telling) = AsyncStream.makeStream(of: WorkloadAPIClient.Event.self)
      client = WorkloadAPIClient(
        .unix(path: path), loop: MultiThreadedEventLoopGroup.singleton.next()) { telling.yield($0) }
      self.events = events.makeAsyncIterator()
    }

    mutating func context() async throws -> X509Context {
      while let event = await events.next() {
        guard case .response(let bytes) = event else { continue }
        return try X509ContextReader.read(bytes, hint: nil, now: Int64(Date().timeIntervalSince1970)).context
      }
      throw CancellationError()
    }

    mutating func end() async -> GRPCEnd? {
      while let event = await events.next() {
        switch event {
        case .lost(let end, _), .refused(let end): return end
        case .response: continue
        }
      }
      return nil
    }
  }

  @Test("gives an SVID at once, another when it is told to, and keeps one stream all the time")
  func rotates() async throws {
    let path = Self.socketPath()
    let server = try await WorkloadAPIServer.start(try Self.settings(), path: path)
    var following = Following(path)
    let first = try await following.context()
    #expect(first.svid.id.description == "spiffe://dev.example/gateway")
    #expect(first.others.isEmpty)
    server.rotate()
    let second = try await following.context()
    #expect(first.svid.leaf.certificate.serialNumber != second.svid.leaf.certificate.serialNumber)
    following.client.stop()
    await server.stop()
  }

  @Test("replaces a short SVID by itself at half of its life")
  func shortLives() async throws {
    let path = Self.socketPath()
    let server = try await WorkloadAPIServer.start(try Self.settings(lifetime: 2), path: path)
    var following = Following(path)
    let begin = ContinuousClock.now
    for _ in 0..<3 { _ = try await following.context() }
    let took = ContinuousClock.now - begin
    #expect(took > .milliseconds(1500) && took < .seconds(10), "\(took)")
    following.client.stop()
    await server.stop()
  }

  @Test("comes back by itself when the issuer was away")
  func reconnects() async throws {
    let path = Self.socketPath()
    var following = Following(path)
    // Nobody is there yet.
    let refused = await following.end()
    #expect("\(refused ?? .ok)".contains("cannot connect"))
    let server = try await WorkloadAPIServer.start(try Self.settings(), path: path)
    let first = try await following.context()
    await server.stop()
    _ = await following.end()
    let again = try await WorkloadAPIServer.start(try Self.settings(), path: path)
    let second = try await following.context()
    // Another process, another authority.
    #expect(first.bundles[first.svid.id.trustDomain] != second.bundles[second.svid.id.trustDomain])
    following.client.stop()
    await again.stop()
  }

  @Test("a user without a registration is denied, and served when there is one")
  func denied() async throws {
    let path = Self.socketPath()
    let server = try await WorkloadAPIServer.start(try Self.settings("unix:uid:4294967293"), path: path)
    var following = Following(path)
    let end = await following.end()
    #expect(end == .status(7, message: "no identity is registered for uid \(getuid())"))
    server.replace(try Self.settings("unix:uid:\(getuid())"))
    #expect(try await following.context().svid.id.description == "spiffe://dev.example/gateway")
    // And withdrawn again: the stream ends with the reason.
    server.replace(try Self.settings("unix:uid:4294967293"))
    #expect(await following.end() == end)
    following.client.stop()
    await server.stop()
  }

  @Test(
    "a question without the security header, or for what is not there, is refused and not repeated",
    arguments: [
      (WorkloadAPIMessages.fetchX509SVID, "", 3), (WorkloadAPIMessages.fetchX509SVID, "True", 3),
      ("/SpiffeWorkloadAPI/FetchJWTSVID", "true", 12), ("/", "true", 12),
    ])
  func questions(_ method: String, _ security: String, _ status: Int) async throws {
    let path = Self.socketPath()
    let server = try await WorkloadAPIServer.start(try Self.settings(), path: path)
    let ends = try await Self.call(path, method, security)
    #expect(ends == status)
    await server.stop()
  }

  /// The status of a call that is written by hand.
  private static func call(_ path: String, _ method: String, _ security: String) async throws -> Int? {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: GRPCEnd.self)
    let channel = try await ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: .init(), streamConfiguration: .init(),
            inboundStreamInitializer: { $0.close() })
          var headers = GRPCCall.headers(scheme: "http", path: method, authority: "localhost")
          if !security.isEmpty { headers.add(name: "workload.spiffe.io", value: security) }
          let call = NIOLoopBound(
            GRPCCall(
              headers, [], isLast: true, messageBytesMax: 1 << 20, answer: { _ in }, ended: { promise.succeed($0) }),
            eventLoop: channel.eventLoop)
          multiplexer.createStreamChannel { stream in
            stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(call.value) }
          }.whenFailure { promise.fail($0) }
        }
      }
      .connect(unixDomainSocketPath: path).get()
    let end = try await promise.futureResult.get()
    try await channel.close()
    if case .status(let status, _) = end { return status }
    return nil
  }
}
