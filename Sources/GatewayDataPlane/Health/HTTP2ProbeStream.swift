import NIOCore
import NIOHPACK
import NIOHTTP2

/// Asks by HTTP/2 what `HTTPProbeHandler` asks by HTTP/1.1, of a server that speaks nothing else.
final class HTTP2ProbeStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let probe: Probe
  private let isTLS: Bool
  private var hasHead = false
  private var bodyBytes = 0

  init(_ probe: Probe, isTLS: Bool) {
    self.probe = probe
    self.isTLS = isTLS
  }

  func channelActive(context: ChannelHandlerContext) {
    var headers = HPACKHeaders([
      (":method", String(decoding: probe.method, as: UTF8.self)), (":scheme", isTLS ? "https" : "http"),
      (":path", String(decoding: probe.path, as: UTF8.self)),
      (":authority", String(decoding: probe.authority, as: UTF8.self)),
    ])
    for field in probe.plan.fieldList {
      let id = Array(field.name.utf8).withUnsafeBytes { FieldName(classifying: $0) }
      if !id.isHopByHop { headers.add(name: field.name.lowercased(), value: field.value) }
    }
    context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard isCurrent(context) else { return }
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if !hasHead {
        probe.answered()
        let text = frame.headers.first(name: ":status") ?? ""
        guard let status = UInt16(text) else { return probe.end(.responseRefused, "status \(text.prefix(8))") }
        // Before the answer there may be others, such as 103.
        guard status >= 200 else { return }
        hasHead = true
        guard probe.goesOn(after: status, location: frame.headers.first(name: "location")) else { return }
      }
      if frame.endStream { probe.end(.ok, "") }
    case .data(let frame):
      bodyBytes += frame.data.readableBytes
      if frame.endStream || bodyBytes > HTTPProbeHandler.bodyBytesMax { probe.end(.ok, "") }
    case .rstStream(let code): probe.broke("the server reset the stream: \(code)")
    default: break
    }
  }

  /// Whether the probe is still on this stream's connection: a redirection may have led it elsewhere.
  private func isCurrent(_ context: ChannelHandlerContext) -> Bool {
    context.channel.parent.map { probe.isCurrent($0) } ?? false
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isCurrent(context) { probe.broke("the server ended the stream") }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if isCurrent(context) { probe.broke("\(error)") }
  }
}
