import Foundation
import GoDiagnostics
import NIOCore
import NIOPosix
import NIOSSL

/// One GET over TLS, blocking, for diagnostics endpoints behind https.
///
/// The certificate is verified against the system's authorities, or those of a file, and for the host's name or
/// address; `takesAny` turns that off and nothing else does. Limits are those of `HTTPGet`: 10 seconds to connect, 60
/// for the whole, head and body by `EndpointAnswer`. Here and not in GoDiagnostics, which knows no TLS library.
enum SecureGet {
  /// - Parameters:
  ///   - authorities: path of a PEM file.
  ///   - takesAny: no certificate is refused.
  /// - Throws: `HTTPGet.Failure`, with the cause and the way out in words.
  static func body(
    _ request: EndpointRequest, authorities: String?, takesAny: Bool, seconds: Int64 = 60
  ) throws -> [UInt8] {
    let context = try context(authorities: authorities, takesAny: takesAny)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let answered = loop.makePromise(of: [UInt8].self)
    let limit = loop.scheduleTask(in: .seconds(seconds)) {
      answered.fail(HTTPGet.Failure(description: "\(request.url): no complete answer in \(seconds) s"))
    }
    let connected = ClientBootstrap(group: loop).connectTimeout(.seconds(10)).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(tls(context, request.host))
        try pipeline.addHandler(AnswerHandler(request, answered))
      }
    }.connect(host: request.host, port: request.port)
    connected.whenFailure { answered.fail($0) }
    defer {
      limit.cancel()
      connected.whenSuccess { $0.close(promise: nil) }
    }
    do {
      return try answered.futureResult.wait()
    } catch let failure as HTTPGet.Failure {
      throw failure
    } catch {
      throw HTTPGet.Failure(description: "\(request.url): \(words(error))")
    }
  }

  private static func context(authorities: String?, takesAny: Bool) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    if takesAny { configuration.certificateVerification = .none }
    if let authorities {
      guard let found = try? NIOSSLCertificate.fromPEMFile(authorities), !found.isEmpty else {
        throw HTTPGet.Failure(description: "--cacert \(authorities): no certificate in PEM form can be read from it")
      }
      configuration.trustRoots = .certificates(found)
    }
    return try NIOSSLContext(configuration: configuration)
  }

  /// A name is sent (SNI) and checked; an address is not sent, and checked against the certificate's addresses.
  private static func tls(_ context: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
  }

  /// The causes a person can do something about, with what to do.
  static func words(_ error: any Error) -> String {
    let text = "\(error)"
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the certificate is not of a trusted authority, or has expired; name its authority with --cacert FILE"
    }
    if text.contains("failedToValidateHostname") || (error as? NIOSSLExtraError) == .failedToValidateHostname {
      return "the certificate is for another name than this host's; use the name it is for"
    }
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
      return "the server does not speak TLS at this port; try http://"
    }
    if text.contains("CERTIFICATE_REQUIRED") {
      return "the server wants a certificate of its client, and this tool has none to show"
    }
    if let connection = error as? NIOConnectionError {
      return connection.connectionErrors.first.map { reason($0.error) } ?? "the name has no address"
    }
    return reason(error)
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case let system as IOError: String(cString: strerror(system.errnoCode))
    case ChannelError.connectTimeout: "no connection in 10 s"
    case NIOSSLError.uncleanShutdown: "the connection was cut within the answer"
    default: "\(error)"
    }
  }
}

/// Sends the request when there is a connection and collects the answer.
private final class AnswerHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let request: EndpointRequest
  private let answered: EventLoopPromise<[UInt8]>
  private var answer: EndpointAnswer

  init(_ request: EndpointRequest, _ answered: EventLoopPromise<[UInt8]>) {
    self.request = request
    self.answered = answered
    answer = EndpointAnswer(url: request.url)
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: request.bytes)), promise: nil)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do throws(HTTPGet.Failure) {
      if let body = try answer.take(unwrapInboundIn(data).readableBytesView) { answered.succeed(body) }
    } catch {
      answered.fail(error)
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answered.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    do throws(HTTPGet.Failure) {
      answered.succeed(try answer.end())
    } catch {
      answered.fail(error)
    }
    context.fireChannelInactive()
  }
}
