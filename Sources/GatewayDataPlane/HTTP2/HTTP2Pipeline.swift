import NIOCore
import NIOHPACK
import NIOHTTP2
import Observability

/// Puts HTTP/2 on a client's connection: NIOHTTP2 does the frames, each stream becomes an exchange.
///
/// The abuse limits are on, each well above what a real client does: resets, stream errors and control frames a time,
/// CONTINUATION and empty DATA frames in a row, buffered control frames, the size of a header list. A connection that
/// crosses one is closed with GOAWAY (rapid reset: CVE-2023-44487; CONTINUATION flood: CVE-2024-27316).
enum HTTP2Pipeline {
  static func install(on channel: any Channel, shard: Shard, connection: ConnectionInfo) throws {
    let plan = shard.installed.snapshot.entryPoints[connection.entryPoint]
    var connectionConfiguration = NIOHTTP2Handler.ConnectionConfiguration()
    connectionConfiguration.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: max(1, plan.http2StreamsMax)),
      HTTP2Setting(parameter: .maxHeaderListSize, value: plan.limits.headBytesMax),
      HTTP2Setting(parameter: .enableConnectProtocol, value: 0),
    ]
    connectionConfiguration.targetWindowSize = 1 << 20
    connectionConfiguration.maximumBufferedControlFrames = 1_000
    var streamConfiguration = NIOHTTP2Handler.StreamConfiguration()
    streamConfiguration.outboundBufferSizeHighWatermark = 64 * 1024
    streamConfiguration.outboundBufferSizeLowWatermark = 16 * 1024
    let handler = HTTP2Connection(shard: shard, connection: connection)
    let bound = NIOLoopBound((shard, connection, handler), eventLoop: channel.eventLoop)
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connectionConfiguration,
      streamConfiguration: streamConfiguration, streamDelegate: HTTP2StreamCounter(bound)
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        let (shard, connection, _) = bound.value
        try stream.pipeline.syncOperations.addHandler(HTTP2Stream(shard: shard, connection: connection))
      }
    }
    try channel.pipeline.syncOperations.addHandler(http2)
    try channel.pipeline.syncOperations.addHandler(handler)
  }
}

/// Tells the connection's handler how many streams there are.
private final class HTTP2StreamCounter: NIOHTTP2StreamDelegate {
  private let bound: NIOLoopBound<(Shard, ConnectionInfo, HTTP2Connection)>

  init(_ bound: NIOLoopBound<(Shard, ConnectionInfo, HTTP2Connection)>) {
    self.bound = bound
  }

  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { bound.value.2.streamOpened() }
  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { bound.value.2.streamClosed() }
}

/// The connection itself: idle time, drain by GOAWAY, ledger. Streams have handlers of their own.
final class HTTP2Connection: ChannelInboundHandler, TimerOwner, Drainable {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  unowned(unsafe) let shard: Shard
  private let connection: ConnectionInfo
  private var context: ChannelHandlerContext?
  private var streams = 0
  private var isDraining = false
  private var isOver = false
  private let timer = TimerNode()
  private var ledger = LedgerHandle.none

  init(shard: Shard, connection: ConnectionInfo) {
    self.shard = shard
    self.connection = connection
    timer.owner = self
  }

  // Disarmed already unless the channel never came to life; the shard may be gone by now, so it is asked only then.
  deinit { if timer.isArmed { shard.timers.disarm(timer) } }

  private var plan: EntryPointPlan { shard.installed.snapshot.entryPoints[connection.entryPoint] }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    ledger = shard.clientConnected(connection, plan)
    shard.register(self)
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.now())
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    finishLife()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    finishLife()
    context.fireChannelInactive()
  }

  private func finishLife() {
    guard !isOver else { return }
    isOver = true
    shard.timers.disarm(timer)
    shard.unregister(self)
    shard.clientDisconnected(ledger, plan)
    ledger = .none
  }

  func streamOpened() {
    streams += 1
    shard.timers.disarm(timer)
    shard.ledgerWait(ledger, .exchange)
  }

  func streamClosed() {
    streams -= 1
    guard streams == 0, !isOver else { return }
    if isDraining { return closeAfterWrites() }
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // NIOHTTP2 has sent GOAWAY for what the peer did wrong; what remains is to go.
    context.close(promise: nil)
  }

  func timerFired(_ node: TimerNode) {
    sendGoAway()
    context?.close(promise: nil)
  }

  func drain() {
    isDraining = true
    if streams == 0 { closeAfterWrites() } else { sendGoAway() }
  }

  /// Says goodbye and goes when the client's kernel has taken all that was written before.
  private func closeAfterWrites() {
    guard let context else { return }
    let frame = HTTP2Frame(
      streamID: .rootStream, payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in self.context?.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(frame), promise: sent)
  }

  func closeNow() { context?.close(promise: nil) }

  private func sendGoAway() {
    let frame = HTTP2Frame(
      streamID: .rootStream, payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
    context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }
}
