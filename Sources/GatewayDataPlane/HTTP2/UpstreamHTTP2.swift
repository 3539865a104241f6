import NIOCore
import NIOHPACK
import NIOHTTP2
import Observability

/// One HTTP/2 connection to a server: counts its streams, knows whether it may take another.
///
/// It is the last handler of the connection's channel; streams have channels and handlers of their own
/// (`UpstreamStream`). It is ready when the server's SETTINGS have come, so that something that does not speak HTTP/2
/// is found before a request is lost to it. After GOAWAY it takes no new stream and goes with the last one.
final class UpstreamHTTP2: ChannelInboundHandler, TimerOwner {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private enum State {
    /// The server's SETTINGS have not come. Can move to `open`, `closed`.
    case greeting
    case open
    /// No new streams. Can move to `closed`.
    case leaving
    case closed
  }

  unowned(unsafe) let shard: Shard
  let pool: UpstreamPool
  private let http2: NIOHTTP2Handler
  private var state = State.greeting
  private var context: ChannelHandlerContext?
  private(set) var streams = 0
  private var streamsOfLife = 0
  private(set) var exchangesServed = 0
  private var streamsMax = HTTP2ToServers.streamsMax
  private var idleSince: UInt64 = 0
  private var failure: Failure?
  private let timer = TimerNode()
  private var liveness: HTTP2Liveness?
  private var ledger = LedgerHandle.none

  init(shard: Shard, pool: UpstreamPool, http2: NIOHTTP2Handler) {
    self.shard = shard
    self.pool = pool
    self.http2 = http2
    timer.owner = self
  }

  /// Whether another exchange may be opened here.
  var hasRoom: Bool {
    // A connection that has just died is still here for a moment.
    if case .open = state { streams < streamsMax && context?.channel.isActive == true } else { false }
  }

  // MARK: Streams

  /// Opens a stream for the exchange, which is attached to it when its channel is made, some turns of the loop later.
  /// `hasRoom` has to hold.
  func open(_ exchange: Exchange) -> UpstreamStream {
    shard.timers.disarm(timer)
    if streams == 0 { shard.ledgerWait(ledger, .exchange) }
    streams += 1
    streamsOfLife += 1
    if streamsOfLife >= pool.server.transport.streamsOfLifeMax { leave() }
    let stream = UpstreamStream(shard: shard, pool: pool, connection: self, for: exchange)
    let bound = NIOLoopBound(stream, eventLoop: shard.loop)
    let made = shard.loop.makePromise(of: (any Channel).self)
    made.futureResult.assumeIsolated().whenComplete { _ in stream.made() }
    do {
      try http2.syncMultiplexer().createStreamChannel(promise: made) { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
      }
    } catch {
      made.fail(error)
    }
    return stream
  }

  /// A stream is closed. The pool may use its place.
  func streamOver() {
    streams -= 1
    exchangesServed += 1
    switch state {
    case .open where shard.isDraining || pool.isRetired: leave()
    case .open:
      if streams == 0 { becomeIdle() }
      pool.streamFreed()
    case .leaving where streams == 0: close()
    case .greeting, .leaving, .closed: break
    }
  }

  /// The server ends the connection: if nothing was asked, that is how long it keeps an idle one.
  private func showIdle() {
    if streams == 0 { pool.showedIdle(shard.now() &- idleSince) }
  }

  private func becomeIdle() {
    idleSince = shard.coarseNow
    shard.timers.arm(timer, duration: max(pool.idleTime, 1), now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
  }

  /// Takes no further streams and goes when those there are have ended.
  func leave() {
    switch state {
    case .greeting, .closed: return
    case .open:
      state = .leaving
      pool.left(self)
    case .leaving: break
    }
    if streams == 0 { close() }
  }

  private func close() { context?.close(promise: nil) }

  // MARK: Signs of life

  /// A frame has come, here or on a stream.
  func hear() { liveness?.hear() }

  func ping() {
    let frame = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 0), ack: false))
    context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }

  /// The PING was not answered.
  func fellSilent() {
    failure = Failure(.closedEarly, detail: "no answer to PING")
    close()
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let dial = pool.server.transport.dialNanoseconds
    shard.timers.arm(timer, duration: dial == 0 ? 30_000_000_000 : dial, now: shard.now())
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    hear()
    switch unwrapInboundIn(data).payload {
    case .settings(.settings(let settings)):
      for setting in settings where setting.parameter == .maxConcurrentStreams {
        streamsMax = min(setting.value, HTTP2ToServers.streamsMax)
      }
      greeted()
    case .goAway:
      if case .open = state { showIdle() }
      leave()
    default: break
    }
  }

  private func greeted() {
    guard case .greeting = state else {
      if hasRoom { pool.streamFreed() }
      return
    }
    shard.timers.disarm(timer)
    guard streamsMax > 0 else {
      // It may be meant for a while only, but whoever waited for that would open connection after connection.
      failure = Failure(.connectRefused, isRetrySafe: true, detail: "it allows no streams")
      return close()
    }
    state = .open
    ledger = shard.serverConnected(pool.server)
    liveness = HTTP2Liveness(self, pool.server.transport)
    becomeIdle()
    pool.connected(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What one stream did wrong is told to that stream.
    if error is NIOHTTP2Errors.StreamError { return }
    failure = Failure(state == .greeting ? .connectRefused : .closedEarly, detail: String(describing: error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    shard.timers.disarm(timer)
    liveness?.stop()
    let previous = state
    state = .closed
    shard.ledgerEnd(ledger)
    ledger = .none
    switch previous {
    case .closed: break
    case .greeting:
      pool.connectFailed(
        failure ?? Failure(.connectRefused, isRetrySafe: true, detail: "closed before its HTTP/2 settings"))
    case .open:
      showIdle()
      pool.closed(self)
    // Who closes a connection that was to go says nothing.
    case .leaving: pool.closed(self)
    }
    context.fireChannelInactive()
  }

  func timerFired(_ node: TimerNode) {
    if case .greeting = state {
      failure = Failure(.connectTimeout, isRetrySafe: true, detail: "no HTTP/2 settings in time")
      return close()
    }
    leave()
  }
}

/// How HTTP/2 is spoken to servers.
enum HTTP2ToServers {
  /// Streams on one connection, where the server does not ask for fewer. More exchanges take further connections.
  static let streamsMax = 128
  /// Of a request's body, to be sent again when the server says that it never looked at the request.
  static let keptBytesMax = 64 * 1024

  static func install(on channel: any Channel, shard: Shard, pool: UpstreamPool) throws {
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .enablePush, value: 0),
      HTTP2Setting(parameter: .maxConcurrentStreams, value: 0),
      HTTP2Setting(parameter: .maxHeaderListSize, value: shard.responseLimits.headBytesMax),
    ]
    connection.targetWindowSize = 1 << 20
    // A server's own frames are bounded by the exchanges it answers; one that resets many is busy, not hostile.
    connection.controlFrameRateLimit.maximumCount = 10_000
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.targetWindowSize = 256 * 1024
    stream.streamErrorRateLimit.maximumCount = 10_000
    stream.streamResetFrameRateLimit.maximumCount = 10_000
    stream.outboundBufferSizeHighWatermark = 64 * 1024
    stream.outboundBufferSizeLowWatermark = 16 * 1024
    let http2 = NIOHTTP2Handler(
      mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection, streamConfiguration: stream
    ) { pushed in
      // Push is switched off, so this is a server that breaks the protocol.
      pushed.close()
    }
    try channel.pipeline.syncOperations.addHandler(http2)
    try channel.pipeline.syncOperations.addHandler(UpstreamHTTP2(shard: shard, pool: pool, http2: http2))
  }
}
