import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOSSL
import NIOTLS

/// Asks `grpc.health.v1.Health/Check` on a stream of its own: with TLS by ALPN's h2, without by prior knowledge.
///
/// The server is well when `grpc-status` is 0 and the answer says SERVING.
enum GRPCProbeHandler {
  static func install(on channel: any Channel, probe: Probe, isTLS: Bool) throws {
    var settings = NIOHTTP2Handler.ConnectionConfiguration()
    settings.initialSettings = [HTTP2Setting(parameter: .enablePush, value: 0)]
    let multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .client, connectionConfiguration: settings, streamConfiguration: .init()
    ) { stream in
      // Nobody pushes to a client that forbids it.
      stream.close()
    }
    try channel.pipeline.syncOperations.addHandler(
      GRPCProbeConnection(probe, multiplexer, isTLS: isTLS))
  }
}

/// The connection: knows when the stream may be opened, and when it all broke.
private final class GRPCProbeConnection: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let probe: Probe
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private let isTLS: Bool
  private var isAsked = false

  init(_ probe: Probe, _ multiplexer: NIOHTTP2Handler.StreamMultiplexer, isTLS: Bool) {
    self.probe = probe
    self.multiplexer = multiplexer
    self.isTLS = isTLS
  }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { ready(context) } }

  func channelActive(context: ChannelHandlerContext) {
    ready(context)
    context.fireChannelActive()
  }

  private func ready(_ context: ChannelHandlerContext) {
    if probe.connected(context.channel, isTLS: isTLS) && !isTLS { ask(context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let chosen) = event as? TLSUserEvent {
      if chosen == "h2" { ask(context) } else { probe.end(.tlsFailed, "the server does not speak HTTP/2") }
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func ask(_ context: ChannelHandlerContext) {
    guard !isAsked else { return }
    isAsked = true
    probe.asked()
    let bound = NIOLoopBound((probe, isTLS), eventLoop: context.eventLoop)
    multiplexer.createStreamChannel(promise: nil) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(GRPCProbeStream(bound.value.0, isTLS: bound.value.1))
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    probe.broke("the server closed the connection")
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let tls = error as? NIOSSLError, tls == .uncleanShutdown { return }
    probe.broke("\(error)")
    context.close(promise: nil)
  }
}

private final class GRPCProbeStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// An answer is seven bytes; what is longer is none.
  private static let answerBytesMax = 4096

  private let probe: Probe
  private let isTLS: Bool
  private var answer: [UInt8] = []

  init(_ probe: Probe, isTLS: Bool) {
    self.probe = probe
    self.isTLS = isTLS
  }

  func channelActive(context: ChannelHandlerContext) {
    let headers = HPACKHeaders([
      (":method", "POST"), (":scheme", isTLS ? "https" : "http"), (":path", GRPCHealth.path),
      (":authority", String(decoding: probe.authority, as: UTF8.self)), ("content-type", "application/grpc"),
      ("te", "trailers"), ("user-agent", "sluice-health-check"),
    ])
    context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
    let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(bytes: GRPCHealth.request)), endStream: true)
    context.writeAndFlush(wrapOutboundOut(.data(data)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      probe.answered()
      if let status = frame.headers.first(name: "grpc-status") { return settle(status, frame.headers) }
      let status = frame.headers.first(name: ":status")
      if let status, status != "200" { return probe.end(.wrongStatus, "HTTP status \(status), expected 200") }
      if frame.endStream { probe.end(.responseRefused, "no grpc-status") }
    case .data(let frame):
      if case .byteBuffer(let bytes) = frame.data { answer.append(contentsOf: bytes.readableBytesView) }
      if answer.count > Self.answerBytesMax { return probe.end(.responseRefused, "a health answer of this length") }
      if frame.endStream { probe.end(.responseRefused, "no grpc-status") }
    default: break
    }
  }

  private func settle(_ code: String, _ headers: HPACKHeaders) {
    guard code == "0" else {
      let message = headers.first(name: "grpc-message") ?? ""
      let meaning = code == "12" ? "the server does not implement grpc.health.v1" : message
      return probe.end(.notServing, "grpc-status \(code) \(meaning.prefix(200))")
    }
    guard let status = GRPCHealth.status(in: answer) else {
      return probe.end(.responseRefused, "not a health answer")
    }
    if status == GRPCHealth.serving { return probe.end(.ok, "") }
    probe.end(.notServing, "serving status \(status), expected 1 (SERVING)")
  }

  func channelInactive(context: ChannelHandlerContext) {
    probe.broke("the server ended the stream")
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { probe.broke("\(error)") }
}
