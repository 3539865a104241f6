import GRPCWire
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One question of a workload, and its answers until one of both goes.
final class WorkloadAPIStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  enum Wanted {
    case svids, bundles
  }

  /// The requests have no fields; one of more than this is not one of ours.
  private static let requestBytesMax = 4096

  let uid: UInt32
  private(set) var wants: Wanted?
  private let desk: IssuerDesk
  private var context: ChannelHandlerContext?
  private var hasHead = false
  private var isOver = false
  private var received = 0

  init(_ desk: IssuerDesk, uid: UInt32) {
    self.desk = desk
    self.uid = uid
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let payload): if wants == nil { asked(payload.headers) }
    case .data(let payload):
      received += payload.data.readableBytes
      if received > Self.requestBytesMax { refuse(GRPCStatus.invalidArgument, "a request has no fields") }
    default: break
    }
  }

  private func asked(_ headers: HPACKHeaders) {
    let security = WorkloadAPIMessages.securityField
    guard headers[canonicalForm: security.name].map({ "\($0)" }) == [security.value] else {
      return refuse(GRPCStatus.invalidArgument, "the field \(security.name) is missing or not \(security.value)")
    }
    switch headers.first(name: ":path") {
    case WorkloadAPIMessages.fetchX509SVID?: wants = .svids
    case WorkloadAPIMessages.fetchX509Bundles?: wants = .bundles
    default: return refuse(GRPCStatus.unimplemented, "this issuer has X.509-SVIDs and bundles only")
    }
    desk.subscribe(self)
  }

  private func refuse(_ status: Int, _ message: String) {
    let end = GRPCEnd.status(status, message: message)
    desk.refused(end)
    self.end(end)
  }

  // MARK: Answers

  func send(_ message: [UInt8]) {
    guard let context, !isOver else { return }
    if !hasHead {
      hasHead = true
      context.write(
        wrapOutboundOut(.headers(.init(headers: [":status": "200", "content-type": "application/grpc"]))), promise: nil)
    }
    context.writeAndFlush(
      wrapOutboundOut(.data(.init(data: .byteBuffer(GRPCFrames.buffer(message))))), promise: nil)
  }

  func end(_ end: GRPCEnd) {
    guard let context, !isOver, case .status(let status, let message) = end else { return }
    isOver = true
    // Without a head before, head and trailers are one ("Trailers-Only").
    var headers: HPACKHeaders = hasHead ? [:] : [":status": "200", "content-type": "application/grpc"]
    headers.add(name: "grpc-status", value: "\(status)")
    if !message.isEmpty { headers.add(name: "grpc-message", value: GRPCMessage.encode(message)) }
    context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    isOver = true
    desk.unsubscribe(self)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
