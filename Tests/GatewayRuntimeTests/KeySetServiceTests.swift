import Crypto
import Foundation
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import GatewayRuntime

/// A gateway whose keys are at a URL: real sockets, real signatures.
@Suite("key sets at URLs")
struct KeySetServiceTests {
  /// An issuer: one key at a time, and an endpoint that publishes it.
  private final class Issuer: Sendable {
    private struct State {
      var key = P256.Signing.PrivateKey()
      var id = "a"
      var status = HTTPResponseStatus.ok
      var fetches = 0
    }

    private let state = Mutex(State())
    private let channel: any Channel

    static func start(_ group: MultiThreadedEventLoopGroup) async throws -> Issuer {
      let box = Box()
      let channel = try await ServerBootstrap(group: group)
        .childChannelInitializer { channel in
          channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
            try channel.pipeline.syncOperations.addHandler(KeysHandler(box))
          }
        }
        .bind(host: "127.0.0.1", port: 0).get()
      let issuer = Issuer(channel)
      box.set(issuer)
      return issuer
    }

    private init(_ channel: any Channel) { self.channel = channel }

    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/jwks.json" }
    var fetches: Int { state.withLock { $0.fetches } }

    func rotate(to id: String) {
      state.withLock {
        $0.key = P256.Signing.PrivateKey()
        $0.id = id
      }
    }

    func breaks() { state.withLock { $0.status = .internalServerError } }

    func answer() -> (HTTPResponseStatus, String) {
      state.withLock { state in
        state.fetches += 1
        let raw = Array(state.key.publicKey.rawRepresentation)
        let (x, y) = (Self.base64(raw.prefix(32)), Self.base64(raw.suffix(32)))
        return (
          state.status, #"{"keys":[{"kty":"EC","crv":"P-256","kid":"\#(state.id)","x":"\#(x)","y":"\#(y)"}]}"#
        )
      }
    }

    func token(_ subject: String) throws -> String {
      let (key, id) = state.withLock { ($0.key, $0.id) }
      let signed =
        Self.base64(#"{"alg":"ES256","kid":"\#(id)"}"#.utf8) + "."
        + Self.base64(#"{"sub":"\#(subject)","exp":4000000000}"#.utf8)
      return signed + "." + Self.base64(try key.signature(for: Data(signed.utf8)).rawRepresentation)
    }

    private static func base64(_ bytes: some Sequence<UInt8>) -> String {
      Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
  }

  /// Where a handler finds the issuer that is made after its socket.
  private final class Box: Sendable {
    private let issuer = Mutex<Issuer?>(nil)
    func set(_ issuer: Issuer) { self.issuer.withLock { $0 = issuer } }
    var value: Issuer? { issuer.withLock { $0 } }
  }

  private final class KeysHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let box: Box
    init(_ box: Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .end = unwrapInboundIn(data), let (status, text) = box.value?.answer() else { return }
      let head = HTTPResponseHead(
        version: .http1_1, status: status, headers: ["content-length": "\(text.utf8.count)"])
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }

  /// Sends a head at once, and the body byte by byte, for ever.
  private final class DripHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .end = unwrapInboundIn(data) else { return }
      let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "100000"])
      context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
      let channel = context.channel
      context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(50)) { task in
        guard channel.isActive else { return task.cancel() }
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: " "))), promise: nil)
      }
    }
  }

  @Test("an endpoint that never ends its answer is given up after the timeout, and asked again")
  func drip() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(DripHandler())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let registry = KeySetRegistry()
    let url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/"
    let set = registry.set(for: KeySetSource(url: url, refresh: 60, timeout: 1, staleFor: 60))
    let service = Task { try await KeySetService(registry: registry, log: Logger(label: "test")).run() }
    let deadline = ContinuousClock.now + .seconds(120)
    func view() -> RemoteKeySet.View { set.view(now: KeySetService.now()) }
    while view().failures < 2, ContinuousClock.now < deadline { try await Self.pause(group) }
    #expect(view().failures >= 2)
    #expect(view().lastFailure == "no whole answer in 1 s")
    service.cancel()
    _ = await service.result
    try await group.shutdownGracefully()
  }

  /// Ten milliseconds of a loop's clock. A loop of yields would have one of the pool's two threads to itself.
  private static func pause(_ group: MultiThreadedEventLoopGroup) async throws {
    try await group.next().scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
  }

  /// Status of one GET with a token, on a connection of its own.
  /// Asked on a thread of its own: a client that blocks one of the pool's two would hold up the service it waits for.
  private func status(_ port: Int, _ token: String) async throws -> String {
    try await withCheckedThrowingContinuation { done in
      DispatchQueue.global().async {
        done.resume(
          with: Result {
            let client = try RawClient(port: port)
            client.send(Array("GET / HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8))
            let text = String(decoding: client.receive() ?? [], as: UTF8.self)
            return String(text.split(separator: " ").dropFirst().first ?? "")
          })
      }
    }
  }

  @Test("keys are fetched, changed keys once more, and hold while the endpoint is down")
  func life() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let issuer = try await Issuer.start(group)
    let running = try await RunningGateway.start { port in
      """
      entryPoints: {web: {address: "127.0.0.1:0"}}
      http:
        routers: {all: {rule: PathPrefix(`/`), service: s, middlewares: [who]}}
        services: {s: {loadBalancer: {servers: [{url: "http://127.0.0.1:\(port)"}]}}}
        middlewares:
          who: {jwt: {algorithms: [ES256], jwks: {url: "\(issuer.url)", timeout: 60s}}}
      """
    }
    let gateway = running.gateway
    let service = Task { try await KeySetService(registry: gateway.keySets, log: gateway.log).run() }
    let deadline = ContinuousClock.now + .seconds(120)
    func keyCount() -> Int { gateway.keySets.sets.first?.view(now: KeySetService.now()).keys.count ?? 0 }
    while keyCount() != 1, ContinuousClock.now < deadline { try await Self.pause(group) }

    let old = try issuer.token("alice")
    #expect(try await status(running.port, old) == "200")
    #expect(issuer.fetches == 1)

    issuer.rotate(to: "b")
    let rotated = ContinuousClock.now
    #expect(try await status(running.port, try issuer.token("bob")) == "200")
    #expect(issuer.fetches == 2)
    // The old key is gone from the set, and what was remembered of it with it.
    #expect(try await status(running.port, old) == "401")
    let fetches = issuer.fetches
    if ContinuousClock.now - rotated < .seconds(9) { #expect(fetches == 2, "not twice in ten seconds") }

    issuer.breaks()
    #expect(try await status(running.port, try issuer.token("carol")) == "200")
    let shown = try #require(gateway.keySets.sets.first).view(now: KeySetService.now())
    #expect(shown.keys.map(\.id) == ["b"] && shown.isUsable)

    service.cancel()
    _ = await service.result
    await running.stop()
    try await group.shutdownGracefully()
  }
}
