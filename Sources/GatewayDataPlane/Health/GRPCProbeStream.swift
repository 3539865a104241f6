import NIOCore
import NIOHPACK
import NIOHTTP2

/// Asks `grpc.health.v1.Health/Check`. The server is well when `grpc-status` is 0 and the answer says SERVING.
final class GRPCProbeStream: ChannelInboundHandler {
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
