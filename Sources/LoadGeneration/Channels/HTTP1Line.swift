import NIOCore
import NIOTLS

/// One connection of HTTP/1.1 through a NIO channel, which is one slot. Bytes go through as they are.
final class HTTP1Line: ChannelLine {
  private enum State {
    /// No connection.
    case closed
    /// Being connected or agreeing on TLS.
    case connecting
    case open(ChannelHandlerContext)
  }

  /// A circle, which the loop breaks when the run is over.
  private let owner: ChannelLoop
  private let slot: Int
  private let keepsAlive: Bool
  private var requests: RequestBytes
  private var state = State.closed
  private var reader = ResponseReader()
  /// The channel of the current connection: events of an older one are not for this one any more.
  private var channel: (any Channel)?

  init(_ owner: ChannelLoop, slot: Int, keepsAlive: Bool, _ share: ThreadShare) {
    self.owner = owner
    self.slot = slot
    self.keepsAlive = keepsAlive
    // Values that count up are parted among all connections, so that no two send the same one.
    let plan = owner.plan
    requests = RequestBytes(plan, thread: share.thread + slot * share.threads, threads: plan.connections)
  }

  var isOpen: Bool {
    if case .open = state { return true }
    return false
  }

  func open() {
    guard case .closed = state else { return }
    state = .connecting
    reader.reset()
    owner.connect { [self] channel in
      guard case .connecting = state, self.channel == nil else {
        channel.close(promise: nil)
        return
      }
      self.channel = channel
      try owner.dial.addTLS(channel)
      try channel.pipeline.syncOperations.addHandler(HTTP1LineHandler(self))
    } failed: { [self] error in
      drop(ChannelDial.kind(error, isHandshaking: false))
    }
  }

  func send(_ request: Int, on slot: Int) {
    switch state {
    case .closed: open()
    case .connecting: break
    case .open(let context): write(request, context)
    }
  }

  func flush() {}

  func abandon(_ slot: Int) { close() }

  func close() {
    let channel = self.channel
    forget()
    channel?.close(promise: nil)
  }

  private func forget() {
    channel = nil
    state = .closed
  }

  /// The connection is of no use: its request, if there is one, has failed.
  private func drop(_ kind: FailureKind) {
    close()
    owner.worker.fail(slot, kind, at: owner.now)
    owner.settled()
  }

  private func write(_ request: Int, _ context: ChannelHandlerContext) {
    let buffer = requests.with(request) { context.channel.allocator.buffer(bytes: $0) }
    owner.worker.tally.bytesSent &+= UInt64(buffer.readableBytes)
    context.writeAndFlush(NIOAny(buffer), promise: nil)
  }

  // MARK: What the channel says

  fileprivate func opened(_ context: ChannelHandlerContext) {
    guard context.channel === channel else { return }
    state = .open(context)
    owner.worker.tally.connections &+= 1
    owner.settled()
    if let request = owner.worker.request(on: slot) { write(request, context) }
  }

  fileprivate func received(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
    guard context.channel === channel, isOpen else { return }
    owner.worker.tally.bytesReceived &+= UInt64(buffer.readableBytes)
    guard let request = owner.worker.request(on: slot) else {
      close()
      return
    }
    let progress = buffer.withUnsafeReadableBytes {
      reader.read($0, bodyless: owner.heads[request], watching: owner.watching)
    }
    switch progress {
    case .more: break
    case .whole(let reusable): finish(reusable: reusable)
    case .malformed: drop(.malformed)
    }
  }

  private func finish(reusable: Bool) {
    let answer = reader
    if reusable, keepsAlive { reader.reset() } else { close() }
    owner.worker.respond(slot, status: answer.status, watches: answer.watches, at: owner.now)
    owner.advance()
  }

  fileprivate func ended(_ context: ChannelHandlerContext) {
    guard context.channel === channel else { return }
    if isOpen, owner.worker.request(on: slot) != nil, reader.end() {
      finish(reusable: false)
    } else {
      drop(isOpen ? .closed : .tls)
    }
  }

  fileprivate func failed(_ error: any Error, _ context: ChannelHandlerContext) {
    guard context.channel === channel else { return }
    drop(ChannelDial.kind(error, isHandshaking: !isOpen))
  }

  fileprivate var isSecure: Bool { owner.dial.tls != nil }
}

/// The end of one channel's pipeline; the line outlives it.
private final class HTTP1LineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let line: HTTP1Line

  init(_ line: HTTP1Line) { self.line = line }

  func channelActive(context: ChannelHandlerContext) {
    if !line.isSecure { line.opened(context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { line.opened(context) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { line.received(unwrapInboundIn(data), context) }

  func channelInactive(context: ChannelHandlerContext) { line.ended(context) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { line.failed(error, context) }
}
