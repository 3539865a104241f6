import NIOCore
import NIOSSL
import NIOTLS

/// Asks by HTTP/1.1: writes one request, reads one response, with the parser that the data plane trusts. Where the
/// handshake has chosen HTTP/2 it makes room for `HTTP2ProbeStream`.
final class HTTPProbeHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Body {
    case head
    case length(UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
  }

  /// Body bytes that are read at most; a longer answer has proved enough.
  static let bodyBytesMax = 1 << 20

  private let probe: Probe
  private let isTLS: Bool
  private var parser: ResponseParser
  private let head = ResponseHead()
  private let trailers = ResponseHead()
  private var held: ByteBuffer?
  private var body = Body.head
  private var bodyBytes = 0
  private var isAsked = false
  private static let limits = WireLimits(headBytesMax: 64 * 1024, fieldsMax: 256)

  init(_ probe: Probe, isTLS: Bool) {
    self.probe = probe
    self.isTLS = isTLS
    parser = ResponseParser(limits: Self.limits)
  }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { ready(context) } }
  func channelActive(context: ChannelHandlerContext) { ready(context) }

  private func ready(_ context: ChannelHandlerContext) {
    if probe.connected(context.channel, isTLS: isTLS) && !isTLS { ask(context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .handshakeCompleted(let chosen) = event as? TLSUserEvent, probe.isCurrent(context.channel) else {
      return
    }
    guard chosen == "h2" else { return ask(context) }
    let channel = context.channel
    channel.pipeline.syncOperations.removeHandler(self, promise: nil)
    do {
      try HTTP2ProbeConnection.install(on: channel, probe: probe, isTLS: true, isAgreed: true) {
        HTTP2ProbeStream($0, isTLS: $1)
      }
    } catch { probe.broke("\(error)") }
  }

  private func ask(_ context: ChannelHandlerContext) {
    guard !isAsked else { return }
    isAsked = true
    var buffer = context.channel.allocator.buffer(capacity: 256)
    buffer.writeBytes(probe.method)
    buffer.writeStaticString(" ")
    buffer.writeBytes(probe.path)
    buffer.writeStaticString(" HTTP/1.1\r\nHost: ")
    buffer.writeBytes(probe.authority)
    buffer.writeStaticString("\r\n")
    buffer.writeBytes(probe.plan.fields)
    buffer.writeStaticString("\r\n")
    probe.asked()
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard probe.isCurrent(context.channel) else { return }
    var buffer = unwrapInboundIn(data)
    if var joined = held {
      held = nil
      joined.writeBuffer(&buffer)
      buffer = joined
    }
    probe.answered()
    parse(&buffer, context)
  }

  private func parse(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
    while case .head = body {
      guard probe.isCurrent(context.channel) else { return }
      let progress = buffer.withUnsafeReadableBytes {
        parser.parse($0, into: head, requestMethod: probe.method.withUnsafeBytes { Method(classifying: $0) })
      }
      switch progress {
      case .incomplete:
        held = buffer
        return
      case .refused(let refusal):
        return probe.end(.responseRefused, "\(refusal.code)")
      case .complete(let count):
        buffer.moveReaderIndex(forwardBy: count)
        if head.status >= 200 || head.status == 101 {
          guard settle() else { return }
        } else {
          parser.reset()
          head.reset()
        }
      }
    }
    read(&buffer)
  }

  /// Judges the head; false when the probe is over or goes on elsewhere.
  private func settle() -> Bool {
    guard probe.goesOn(after: head.status, location: head.value(of: .location).map { head.string($0) }) else {
      return false
    }
    switch head.framing {
    case .none, .length(0):
      probe.end(.ok, "")
      return false
    case .length(let length): body = .length(length)
    case .chunked: body = .chunked(ChunkedDecoder(limits: Self.limits))
    case .untilClose: body = .untilClose
    }
    return true
  }

  private func read(_ buffer: inout ByteBuffer) {
    bodyBytes += buffer.readableBytes
    if bodyBytes > Self.bodyBytesMax { return probe.end(.ok, "") }
    switch body {
    case .head, .untilClose: break
    case .length(let remaining):
      let count = UInt64(buffer.readableBytes)
      if count >= remaining { return probe.end(.ok, "") }
      body = .length(remaining - count)
    case .chunked(var decoder):
      let end = buffer.withUnsafeReadableBytes { bytes -> ProbeResult? in
        var position = 0
        while true {
          switch decoder.next(bytes, position: &position, trailers: trailers) {
          case .data: continue
          case .incomplete: return nil
          case .end: return .ok
          case .refused: return .responseRefused
          }
        }
      }
      if let end { return probe.end(end, end == .ok ? "" : "the chunks are malformed") }
      body = .chunked(decoder)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    guard probe.isCurrent(context.channel) else { return }
    if case .untilClose = body { return probe.end(.ok, "") }
    probe.broke("the server closed the connection")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let tls = error as? NIOSSLError, tls == .uncleanShutdown { return }
    if probe.isCurrent(context.channel) { probe.broke("\(error)") }
    context.close(promise: nil)
  }
}
