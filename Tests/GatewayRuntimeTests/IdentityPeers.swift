import Foundation
import GatewayModel
import Identity
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import SwiftASN1
import WorkloadAPI
import X509

/// An issuer on a socket of its own, and what a peer gets from it.
struct TestIssuer {
  let server: WorkloadAPIServer
  let path: String
  let domain: TrustDomain

  static func socketPath() -> String { NSTemporaryDirectory() + "i-\(UUID().uuidString.prefix(8)).sock" }

  /// The first ID is the gateway's: without a hint it gets the first.
  static func start(
    _ domain: String = "shop.example", ids: [String] = ["gateway", "ns/prod/pay", "ns/dev/pay"],
    path: String = socketPath(), lifetime: Double = 3600, federated: [(domain: TrustDomain, bundle: [UInt8])] = []
  ) async throws -> TestIssuer {
    guard let name = TrustDomain(domain) else { throw RawClient.Failed(what: domain) }
    let registrations = try ids.enumerated().map { number, id in
      var registration = RegistrationFile.Registration()
      registration.id = try SPIFFEID("\(name.id)/\(id)")
      registration.selector = .any
      registration.hint = id
      registration.dnsNames = number == 0 ? ["localhost"] : []
      return registration
    }
    let settings = IssuerSettings(
      trustDomain: name, lifetime: lifetime, authorityLifetime: 86400, registrations: registrations,
      federated: federated)
    return TestIssuer(server: try await WorkloadAPIServer.start(settings, path: path), path: path, domain: name)
  }

  var address: String { "unix://" + path }

  func bundle() async throws -> [UInt8] { try await server.authorities().flatMap(\.self) }

  /// What a workload with this path gets.
  func context(_ id: String) async throws -> X509Context {
    let (responses, telling) = AsyncStream.makeStream(of: [UInt8].self)
    let client = WorkloadAPIClient(.unix(path: path), loop: MultiThreadedEventLoopGroup.singleton.next()) { event in
      if case .response(let bytes) = event { telling.yield(bytes) }
    }
    defer { client.stop() }
    for await bytes in responses {
      return try X509ContextReader.read(bytes, hint: id, now: Int64(Date().timeIntervalSince1970)).context
    }
    throw CancellationError()
  }
}

extension X509Context {
  /// TLS as the peer that has this identity; `roots` are checked, names are not.
  func tls(_ base: NIOSSL.TLSConfiguration, trusting roots: X509Context? = nil) throws -> NIOSSL.TLSConfiguration {
    var configuration = base
    configuration.certificateVerification = .noHostnameVerification
    let bundles = (roots ?? self).bundles
    let trusted = try bundles.trustDomains.flatMap { try (bundles[$0] ?? []).map { try $0.serializeAsPEM().pemString } }
    configuration.trustRoots = .certificates(
      try trusted.flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) })
    return try shown(configuration)
  }

  private func shown(_ configuration: NIOSSL.TLSConfiguration) throws -> NIOSSL.TLSConfiguration {
    var configuration = configuration
    configuration.certificateChain = try svid.chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) }
    configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: svid.key, format: .der))
    return configuration
  }

  /// A server that shows this identity, asks for the client's, and answers every request with two bytes.
  func serve(on group: any EventLoopGroup) async throws -> any Channel {
    let (certificate, key) = (
      try svid.chain.map { NIOSSLCertificateSource.certificate(try NIOSSLCertificate(bytes: $0, format: .der)) },
      try NIOSSLPrivateKey(bytes: svid.key, format: .der)
    )
    let context = try NIOSSLContext(
      configuration: tls(.makeServerConfiguration(certificateChain: certificate, privateKey: .privateKey(key))))
    return try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(HelloHandler())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }
}

/// A client over TLS that keeps its connection.
struct IdentityClient {
  private let channel: any Channel
  private let talk: NIOLoopBound<Talk>
  /// Of the certificate that the gateway showed.
  let serial: [UInt8]

  /// - Parameter identity: nil shows no certificate.
  static func connect(
    _ port: Int, as identity: X509Context?, trusting roots: X509Context, on loop: any EventLoop
  ) async throws -> IdentityClient {
    var configuration = NIOSSL.TLSConfiguration.makeClientConfiguration()
    if let identity {
      configuration = try identity.tls(configuration, trusting: roots)
    } else {
      configuration.certificateVerification = .none
    }
    let context = try NIOSSLContext(configuration: configuration)
    let talk = try await loop.submit { NIOLoopBound(Talk(loop), eventLoop: loop) }.get()
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let tls = try NIOSSLClientHandler(context: context, serverHostname: nil)
            try channel.pipeline.syncOperations.addHandler(tls)
            try channel.pipeline.syncOperations.addHandler(talk.value)
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
    } catch {
      try await loop.submit { talk.value.handshake.fail(error) }.get()
      throw error
    }
    let serial = try await loop.flatSubmit { talk.value.handshake.futureResult }.get()
    return IdentityClient(channel: channel, talk: talk, serial: serial)
  }

  /// The status line, or what went wrong.
  func get(_ path: String = "/") async -> String {
    do {
      return try await talk.eventLoop.flatSubmit { [talk, channel] in
        talk.value.ask(channel, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
      }.get()
    } catch {
      return "\(error)"
    }
  }

  func close() async { try? await channel.close() }

  /// One request after the other, each with its answer.
  private final class Talk: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let handshake: EventLoopPromise<[UInt8]>
    private var answer: EventLoopPromise<String>?
    private var text = ""
    private var fault: (any Error)?

    init(_ loop: any EventLoop) { handshake = loop.makePromise() }

    func ask(_ channel: any Channel, _ request: String) -> EventLoopFuture<String> {
      let promise = channel.eventLoop.makePromise(of: String.self)
      if let fault {
        promise.fail(fault)
      } else {
        text = ""
        answer = promise
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
      }
      return promise.futureResult
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
      let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
      handshake.succeed(tls?.peerCertificate?.serialNumber ?? [])
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      guard text.contains("\r\n\r\nok") || text.contains("\r\n\r\n{") else { return }
      answer?.succeed(String(text.prefix { $0 != "\r\n" }))
      answer = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      fail(error)
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { fail(ChannelError.eof) }

    private func fail(_ error: any Error) {
      if fault == nil { fault = error }
      handshake.fail(error)
      answer?.fail(error)
      answer = nil
    }
  }
}
