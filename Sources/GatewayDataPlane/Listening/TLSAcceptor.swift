import GatewayModel
import Identity
import NIOCore
import NIOSSL
import Observability
import NIOTLS

/// Stands first in a TLS connection's pipeline: reads the server name, puts the right context in place, and when the
/// session is up puts HTTP/1.1 or HTTP/2 behind it, as ALPN says.
///
/// A client has the head timeout to get through the handshake. A plain HTTP request on a TLS port is answered in plain
/// HTTP, because that mistake is common and a reset explains nothing.
final class TLSAcceptor: ChannelInboundHandler, RemovableChannelHandler, TimerOwner, Drainable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  unowned(unsafe) let shard: Shard
  private let connection: ConnectionInfo
  private var held: ByteBuffer?
  private var verifiesClients = false
  /// With TLS by the gateway's SVID: how, and what became of the client's.
  private var identity: ServedIdentity?
  private var client: Result<SPIFFEID, SVIDRefusal>?
  private var isHandshaking = false
  private var context: ChannelHandlerContext?
  private let timer = TimerNode()

  init(shard: Shard, connection: ConnectionInfo) {
    self.shard = shard
    self.connection = connection
    timer.owner = self
  }

  private var plan: EntryPointPlan { shard.installed.snapshot.entryPoints[connection.entryPoint] }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    shard.register(self)
    shard.timers.arm(timer, duration: max(plan.timeouts.head, 1_000_000_000), now: shard.now())
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    shard.timers.disarm(timer)
    shard.unregister(self)
  }

  func timerFired(_ node: TimerNode) { context?.close(promise: nil) }
  func drain() { context?.close(promise: nil) }
  func closeNow() { context?.close(promise: nil) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let detail = String(describing: error)
    if case .failure(let refusal)? = client {
      shard.clientRefused(plan, refusal)
    } else if identity != nil, detail.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
      shard.clientRefused(plan, .noCertificate)
    } else {
      shard.handshakeFailed(plan, detail)
    }
    // One refusal is counted once, however many errors follow it.
    identity = nil
    client = nil
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if isHandshaking {
      context.fireChannelRead(data)
      return
    }
    if var joined = held {
      joined.writeImmutableBuffer(bytes)
      bytes = joined
    }
    var chosen: TLSTable.Choice?
    let progress = bytes.withUnsafeReadableBytes { raw -> ClientHello.Progress in
      let progress = ClientHello.parse(raw)
      if case .serverName(let range) = progress, let table = plan.tls {
        chosen = table.context(
          for: range.map { UnsafeRawBufferPointer(rebasing: raw[$0]) },
          reachedAt: IPAddress(context.channel.localAddress).description)
        connection.serverName = range.map { String(decoding: raw[$0], as: UTF8.self) }
      }
      return progress
    }
    switch progress {
    case .incomplete:
      held = bytes
    case .refused:
      if plan.plain.routes.isEmpty { answerPlainRequest(context, bytes) } else { servePlain(context, bytes) }
    case .serverName:
      guard let chosen else {
        shard.handshakeFailed(plan, "no certificate for this name")
        refuseName(context)
        return
      }
      held = nil
      connection.tlsOptions = chosen.options
      startHandshake(context, chosen, bytes)
    }
  }

  /// Tells the client that it was the name, which nobody here has (RFC 6066 section 3: unrecognized_name, fatal),
  /// and not a network that broke. No library has the connection yet, so the record is written by hand.
  private func refuseName(_ context: ChannelHandlerContext) {
    let alert: [UInt8] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 112]
    context.writeAndFlush(wrapOutboundOut(shard.buffer(alert)), promise: nil)
    context.close(promise: nil)
  }

  private func startHandshake(_ context: ChannelHandlerContext, _ chosen: TLSTable.Choice, _ bytes: ByteBuffer) {
    isHandshaking = true
    let operations = context.pipeline.syncOperations
    do {
      let tls = try handler(chosen.way)
      try operations.addHandler(tls, position: .after(self))
      try operations.addHandler(HandshakeEnd(acceptor: self), position: .after(tls))
    } catch {
      if let refusal = error as? SVIDRefusal { shard.clientRefused(plan, refusal) }
      context.close(promise: nil)
      return
    }
    context.fireChannelRead(wrapInboundOut(bytes))
    context.fireChannelReadComplete()
  }

  private func handler(_ way: TLSTable.Choice.Way) throws -> NIOSSLServerHandler {
    switch way {
    case .certificate(let context, takesAnyClientCertificate: false):
      verifiesClients = true
      return NIOSSLServerHandler(context: context)
    case .certificate(let context, takesAnyClientCertificate: true):
      return NIOSSLServerHandler(
        context: context, customVerificationCallback: { _, verdict in verdict.succeed(.certificateVerified) })
    case .identity(let served):
      identity = served
      return try served.handler { [weak self] in self?.client = $0 }
    case .refused:
      // The table gives nothing for such a name; if it did, this would end the connection.
      throw NIOSSLError.noCertificateToValidate
    }
  }

  typealias InboundOut = ByteBuffer

  /// Routers without `tls` answer plain requests on the same port, as in Traefik.
  private func servePlain(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
    let info = ConnectionInfo(
      address: connection.clientAddress, port: connection.clientPort, entryPoint: connection.entryPoint, isTLS: false)
    let operations = context.pipeline.syncOperations
    do {
      try operations.addHandler(HTTP1Connection(shard: shard, connection: info))
    } catch {
      context.close(promise: nil)
      return
    }
    held = nil
    context.fireChannelRead(wrapInboundOut(bytes))
    context.fireChannelReadComplete()
    _ = operations.removeHandler(context: context)
  }

  private func answerPlainRequest(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
    let looksLikeHTTP = bytes.readableBytesView.prefix(8).contains(0x20)
    guard looksLikeHTTP else {
      context.close(promise: nil)
      return
    }
    let text =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 54\r\n\r\n"
      + "This port speaks TLS; a plain HTTP request was sent.\r\n"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    context.close(mode: .output, promise: nil)
  }

  /// The session is up.
  fileprivate func handshakeEnded(_ context: ChannelHandlerContext, negotiated: String?) {
    shard.timers.disarm(timer)
    let operations = context.pipeline.syncOperations
    if let tls = try? operations.handler(type: NIOSSLServerHandler.self) {
      connection.tlsVersion = tls.tlsVersion?.label
      if let identity {
        do throws(SVIDRefusal) {
          connection.spiffeID = try clientID(identity, tls).map { Array($0.description.utf8) }
        } catch {
          shard.clientRefused(plan, error)
          context.close(promise: nil)
          return
        }
      } else if verifiesClients, let certificate = tls.peerCertificate {
        connection.spiffeID = SPIFFEID.read(certificate)
      }
      connection.tls = shard.observation.gateway.tlsLabel(version: "\(tls.tlsVersion?.label ?? "")", cipher: "")
    }
    do {
      if negotiated == "h2" {
        try HTTP2Pipeline.install(on: context.channel, shard: shard, connection: connection)
      } else {
        try operations.addHandler(HTTP1Connection(shard: shard, connection: connection))
      }
      _ = operations.removeHandler(self)
    } catch {
      context.close(promise: nil)
    }
  }
}

extension TLSAcceptor {
  /// Who the client is; nil when it need not say. A resumed session was not asked again, and is looked at here.
  private func clientID(_ identity: ServedIdentity, _ tls: NIOSSLServerHandler) throws(SVIDRefusal) -> SPIFFEID? {
    switch (identity.demand, client) {
    case (.ignored, _): return nil
    case (_, .some(let outcome)): return try outcome.get()
    case (.required, nil): return try identity.check.verifyResumed(tls.peerCertificate)
    case (.optional, nil):
      guard let leaf = tls.peerCertificate else { return nil }
      return try identity.check.verifyResumed(leaf)
    }
  }
}

/// Waits behind the TLS handler for the end of the handshake, then makes way.
private final class HandshakeEnd: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let acceptor: TLSAcceptor
  private var early: [NIOAny] = []

  init(acceptor: TLSAcceptor) {
    self.acceptor = acceptor
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let negotiated) = event as? TLSUserEvent {
      acceptor.handshakeEnded(context, negotiated: negotiated)
      for data in early { context.fireChannelRead(data) }
      early = []
      context.fireChannelReadComplete()
      _ = context.pipeline.syncOperations.removeHandler(context: context)
      return
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { early.append(data) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    acceptor.errorCaught(context: context, error: error)
  }
}

extension NIOSSL.TLSVersion {
  /// As Traefik writes it.
  fileprivate var label: StaticString {
    switch self {
    case .tlsv1: "1.0"
    case .tlsv11: "1.1"
    case .tlsv12: "1.2"
    case .tlsv13: "1.3"
    }
  }
}
