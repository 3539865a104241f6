import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Testing

@testable import LoadGeneration

// Runs over TLS and HTTP/2, against servers of NIO with a certificate that openssl makes for the test.

@Suite(.serialized) struct ChannelRunTests {
  private static let pace = LoadPlan.Pace.open(.constant(200, for: .milliseconds(500)), .even)
  /// A port that nobody has. One that a server gave back may be another's the next moment.
  private static let nobody = 1

  private func run(
    _ server: FramedServer?, _ carried: LoadPlan.Carriage, trust: LoadPlan.Trust = .init(), scheme: String
  ) async throws -> LoadResult {
    var plan = try LoadPlan(port: server?.port ?? Self.nobody, pace: Self.pace, scheme: scheme)
    plan.carried = carried
    plan.trust = trust
    plan.connections = 3
    plan.threads = 2
    plan.timeout = .seconds(60)
    plan.expectations = [try .parse("header X-State == open")]
    return try await LoadRun.run(plan)
  }

  @Test func http1GoesOverTLS() async throws {
    guard let certificate = try TestCertificate.make() else { return }
    let server = try await FramedServer(tls: certificate, http2: false)
    for keepAlive in [true, false] {
      let trust = LoadPlan.Trust(authorities: certificate.path)
      let result = try await run(server, .http1(keepAlive: keepAlive), trust: trust, scheme: "https")
      #expect(result.total.responses == 100, "\(TextReport.failures(result.total))")
      #expect(result.total.connections == (keepAlive ? 3 : 100))
      #expect(result.verdicts.map(\.held) == [true])
    }
    try await server.stop()
  }

  @Test func http2GoesOverTLSAndWithPriorKnowledge() async throws {
    guard let certificate = try TestCertificate.make() else { return }
    let secure = try await FramedServer(tls: certificate, http2: true)
    let overTLS = try await run(secure, .http2(streams: 4), trust: .init(isInsecure: true), scheme: "https")
    try await secure.stop()
    let plain = try await FramedServer(tls: nil, http2: true)
    let known = try await run(plain, .http2(streams: 4), scheme: "http")
    try await plain.stop()
    for result in [overTLS, known] {
      #expect(result.total.responses == 100, "\(TextReport.failures(result.total))")
      #expect(result.total.failed == 0)
      #expect(result.total.connections == 3)
      #expect(result.verdicts.map(\.held) == [true])
    }
  }

  @Test func aCertificateThatIsNotTrustedAndAServerOfAnotherVersionAreErrorsOfTLS() async throws {
    guard let certificate = try TestCertificate.make() else { return }
    let server = try await FramedServer(tls: certificate, http2: false)
    let untrusted = try await run(server, .http1(keepAlive: true), scheme: "https")
    let disagreed = try await run(server, .http2(streams: 2), trust: .init(isInsecure: true), scheme: "https")
    try await server.stop()
    #expect(untrusted.total.failures(.tls) == 100, "\(TextReport.failures(untrusted.total))")
    #expect(disagreed.total.failures(.tls) == 100, "\(TextReport.failures(disagreed.total))")
    #expect(TextReport.lines(untrusted).contains("             tls, the first one: certificate verify failed"))
    #expect(TextReport.lines(disagreed).contains("             tls, the first one: the server does not take HTTP/2"))
  }

  @Test func nobodyListeningIsRefusedOverChannelsToo() async throws {
    let result = try await run(nil, .http2(streams: 2), scheme: "http")
    #expect(result.total.failures(.refused) == 100, "\(TextReport.failures(result.total))")
  }

  @Test func stepsBeforeGiveTheirValuesToTheLoad() async throws {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nX-Key: k\r\n\r\n{\"t\":[\"abc\"]}"
    let server = try await ScriptedServer(answer: answer)
    var plan = try server.plan(Self.pace)
    plan.timeout = .seconds(60)
    let text = """
      before: [{path: /login, capture: {token: {json: /t/0}, key: {header: x-key}}}]
      requests: [{path: '/${token}', headers: {K: '${key}'}}]
      """
    plan.mix = try #require(MixFile.read(name: "m", bytes: Array(text.utf8), files: { _ in [] }).mix)
    #expect(try await LoadRun.run(plan).total.responses == 100)
    plan.mix.before[0].status = 201
    await #expect(throws: LoadFailure.self) { try await LoadRun.run(plan) }
    plan.mix.before[0].status = 200
    plan.mix.before[0].captures[0].place = .json("/none")
    await #expect(throws: LoadFailure.self) { try await LoadRun.run(plan) }
    try await server.stop()
  }

  @Test func stepsBeforeSpeakWhatTheLoadSpeaks() async throws {
    guard let certificate = try TestCertificate.make() else { return }
    let text = """
      before: [{method: POST, path: /login, body: '{}', capture: {state: {header: x-state}}}]
      requests: [{path: '/${state}'}]
      """
    let mix = try #require(MixFile.read(name: "m", bytes: Array(text.utf8), files: { _ in [] }).mix)
    func run(_ server: FramedServer?, _ scheme: String) async throws -> LoadResult {
      var plan = try LoadPlan(port: server?.port ?? Self.nobody, pace: Self.pace, scheme: scheme)
      plan.mix = mix
      plan.carried = .http2(streams: 4)
      plan.trust = .init(isInsecure: true)
      plan.timeout = .seconds(60)
      return try await LoadRun.run(plan)
    }
    for tls in [certificate, nil] {
      let server = try await FramedServer(tls: tls, http2: true)
      #expect(try await run(server, tls == nil ? "http" : "https").total.responses == 100)
      try await server.stop()
    }
    let other = try await FramedServer(tls: certificate, http2: false)
    let failure = await #expect(throws: LoadFailure.self) { try await run(other, "https") }
    #expect(failure?.description.contains("before: POST /login: the server does not speak HTTP/2") == true)
    try await other.stop()
    let gone = await #expect(throws: LoadFailure.self) { try await run(nil, "http") }
    #expect(gone?.description == "before: POST /login: nobody listens at 127.0.0.1:\(Self.nobody)")
  }

  @Test(arguments: [0, 1]) func whatAServerThatGoesHasNotSeenLeavesAgain(_ lost: Int) async throws {
    let server = try await GoingServer(answers: 5, lost: lost)
    // Eight requests at once, of which each connection takes five, and perhaps one more.
    var plan = try LoadPlan(port: server.port, pace: .closed(.seconds(60)))
    plan.carried = .http2(streams: 8)
    plan.connections = 1
    plan.timeout = .seconds(60)
    let stop = LoadStop()
    let result = try await LoadRun.run(plan, stop: stop) { progress in
      if progress.soFar.total.connections > 3 { stop.stop() }
    }
    try await server.stop()
    let total = result.total
    #expect(total.responses + total.failed == total.sent)
    #expect(total.connections > 3)
    // What it had taken and did not answer has failed with the connection; nothing else has.
    #expect(total.failed == total.failures(.closed), "\(TextReport.failures(total))")
    #expect(total.failed <= total.connections * UInt64(lost), "\(TextReport.failures(total))")
    #expect(total.failed + 1 >= total.connections * UInt64(lost))
    #expect(total.responses <= total.connections * 5)
  }
}

/// A certificate for 127.0.0.1 that trusts itself, and its key.
private struct TestCertificate {
  let path: String
  let context: (_ protocols: [String]) throws -> NIOSSLContext

  /// Nil when openssl is missing, which is printed.
  static func make() throws -> TestCertificate? {
    let openssl = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first(where: FileManager.default.isExecutableFile)
    guard let openssl else {
      print("skipped: openssl is not installed (scripts/install-dependencies)")
      return nil
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-load-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (certificate, key) = (folder.appendingPathComponent("c.pem").path, folder.appendingPathComponent("k.pem").path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: openssl)
    process.arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    ]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return TestCertificate(path: certificate) { protocols in
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
      configuration.applicationProtocols = protocols
      return try NIOSSLContext(configuration: configuration)
    }
  }
}

/// A server of HTTP/1.1 or HTTP/2, with TLS or without, that answers everything with 200 and a field.
private final class FramedServer: Sendable {
  let port: Int
  private let channel: any Channel
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  init(tls: TestCertificate?, http2: Bool) async throws {
    let context = try tls?.context(http2 ? ["h2"] : ["http/1.1"])
    channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
          guard http2 else {
            try pipeline.addHandler(
              ScriptedHandler(answer: ByteBuffer(string: ScriptedServer.hello), closes: false) { .zero })
            return
          }
          _ = try pipeline.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
          ) {
            stream in
            stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(AnswerStream()) }
          }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func stop() async throws {
    try await channel.close()
    try await group.shutdownGracefully()
  }
}

/// A server of HTTP/2 that goes: on each connection it answers some requests, takes `lost` more, says GOAWAY and hangs
/// up.
private final class GoingServer: Sendable {
  let port: Int
  private let channel: any Channel
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  init(answers: Int, lost: Int) async throws {
    channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            NIOHTTP2Handler(mode: .server), GoingHandler(answers: answers, lost: lost),
          ])
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func stop() async throws {
    try await channel.close()
    try await group.shutdownGracefully()
  }
}

private final class GoingHandler: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let answers: Int
  private let lost: Int
  private var taken = 0

  init(answers: Int, lost: Int) {
    self.answers = answers
    self.lost = lost
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard case .headers = frame.payload else { return }
    taken += 1
    func write(_ payload: HTTP2Frame.FramePayload, _ stream: HTTP2StreamID) {
      context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }
    if taken <= answers {
      write(.headers(.init(headers: [":status": "200"], endStream: true)), frame.streamID)
    }
    if taken == answers + lost {
      write(.goAway(lastStreamID: frame.streamID, errorCode: .noError, opaqueData: nil), .rootStream)
      // Half: with a whole close, what is unread here would reset the connection and destroy answers on their way.
      context.close(mode: .output, promise: nil)
    }
  }
}

private final class AnswerStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let head): guard head.endStream else { return }
    case .data(let data): guard data.endStream else { return }
    default: return
    }
    let fields = HPACKHeaders([(":status", "200"), ("x-state", "open")])
    context.write(wrapOutboundOut(.headers(.init(headers: fields))), promise: nil)
    let body = ByteBuffer(string: "hello")
    context.writeAndFlush(wrapOutboundOut(.data(.init(data: .byteBuffer(body), endStream: true))), promise: nil)
  }
}
