import NIOCore
import NIOHTTP2
import NIOSSL
import NIOTLS

/// The connection of a probe by HTTP/2: with TLS by ALPN's h2, without by prior knowledge. It knows when the one stream
/// may be opened, and when it all broke; what is asked on the stream is its handler's.
final class HTTP2ProbeConnection: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let probe: Probe
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private let isTLS: Bool
  private let stream: (Probe, _ isTLS: Bool) -> any ChannelHandler
  private var isAsked = false

  /// - Parameters:
  ///   - isAgreed: the handshake is over and has chosen h2.
  ///   - stream: makes what asks.
  static func install(
    on channel: any Channel, probe: Probe, isTLS: Bool, isAgreed: Bool = false,
    stream: @escaping (Probe, _ isTLS: Bool) -> any ChannelHandler
  ) throws {
    var settings = NIOHTTP2Handler.ConnectionConfiguration()
    settings.initialSettings = [HTTP2Setting(parameter: .enablePush, value: 0)]
    let multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .client, connectionConfiguration: settings, streamConfiguration: .init()
    ) { stream in
      // Nobody pushes to a client that forbids it.
      stream.close()
    }
    let connection = HTTP2ProbeConnection(probe, multiplexer, isTLS: isTLS, stream: stream)
    try channel.pipeline.syncOperations.addHandler(connection)
    if isAgreed { connection.ask(channel.eventLoop) }
  }

  private init(
    _ probe: Probe, _ multiplexer: NIOHTTP2Handler.StreamMultiplexer, isTLS: Bool,
    stream: @escaping (Probe, _ isTLS: Bool) -> any ChannelHandler
  ) {
    self.probe = probe
    self.multiplexer = multiplexer
    self.isTLS = isTLS
    self.stream = stream
  }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { ready(context) } }

  func channelActive(context: ChannelHandlerContext) {
    ready(context)
    context.fireChannelActive()
  }

  private func ready(_ context: ChannelHandlerContext) {
    if probe.connected(context.channel, isTLS: isTLS) && !isTLS { ask(context.eventLoop) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let chosen) = event as? TLSUserEvent {
      if chosen == "h2" { ask(context.eventLoop) } else { probe.end(.tlsFailed, "the server does not speak HTTP/2") }
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func ask(_ loop: any EventLoop) {
    guard !isAsked else { return }
    isAsked = true
    probe.asked()
    let bound = NIOLoopBound(self, eventLoop: loop)
    multiplexer.createStreamChannel(promise: nil) { stream in
      stream.eventLoop.makeCompletedFuture {
        let connection = bound.value
        try stream.pipeline.syncOperations.addHandler(connection.stream(connection.probe, connection.isTLS))
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if probe.isCurrent(context.channel) { probe.broke("the server closed the connection") }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let tls = error as? NIOSSLError, tls == .uncleanShutdown { return }
    if probe.isCurrent(context.channel) { probe.broke("\(error)") }
    context.close(promise: nil)
  }
}
