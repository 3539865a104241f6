import NIOCore
import NIOTLS

/// A connection through a NIO channel, for one or several slots. It belongs to its event loop, outlives its channel and
/// may have another one afterwards.
protocol ChannelLine: AnyObject {
  /// What the channel reads.
  associatedtype Inbound

  /// A circle, which the loop breaks when the run is over.
  var owner: ChannelLoop { get }
  /// The current channel, from the time it is being connected.
  var channel: (any Channel)? { get set }
  var isConnecting: Bool { get }
  var isOpen: Bool { get }

  /// Connects, when there is no connection.
  func open()
  /// Sends a request; connects first when there is no connection.
  func send(_ request: Int, on slot: Int)
  /// Gives up what a slot waits for.
  func abandon(_ slot: Int)
  /// Writes out what `send` has gathered.
  func flush()
  func close()
  /// The connection is of no use: everything on it has failed.
  func drop(_ kind: FailureKind)

  // What the current channel says.

  /// The server is there, and TLS if wanted; `agreed` is its word on the protocol (ALPN).
  func opened(_ context: ChannelHandlerContext, agreed: String?)
  func received(_ inbound: Inbound, _ context: ChannelHandlerContext)
  func readCompleted()
  func ended()
  func failed(_ error: any Error)
}

extension ChannelLine {
  /// Makes a channel with TLS, if any, then these handlers, then this line's end.
  func connect(_ handlers: @escaping () -> [any ChannelHandler]) {
    owner.connect { [self] channel in
      guard isConnecting, self.channel == nil else {
        channel.close(promise: nil)
        return
      }
      self.channel = channel
      try owner.dial.addTLS(channel)
      try channel.pipeline.syncOperations.addHandlers(handlers() + [LineHandler(self)])
    } failed: { [self] error in
      drop(ChannelDial.kind(error, isHandshaking: false))
    }
  }

  var isSecure: Bool { owner.dial.tls != nil }

  func readCompleted() {}
}

/// The end of one channel's pipeline. Events of a channel that is not the line's any more are nobody's.
private final class LineHandler<Line: ChannelLine>: ChannelInboundHandler {
  typealias InboundIn = Line.Inbound

  private let line: Line

  init(_ line: Line) { self.line = line }

  private func isCurrent(_ context: ChannelHandlerContext) -> Bool { context.channel === line.channel }

  func channelActive(context: ChannelHandlerContext) {
    if isCurrent(context), !line.isSecure { line.opened(context, agreed: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard isCurrent(context), case .handshakeCompleted(let agreed)? = event as? TLSUserEvent else { return }
    line.opened(context, agreed: agreed)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isCurrent(context) { line.received(unwrapInboundIn(data), context) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isCurrent(context) { line.readCompleted() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isCurrent(context) { line.ended() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if isCurrent(context) { line.failed(error) }
  }
}
