import NIOCore

/// Asks an HTTP/2 connection that has gone quiet whether the server is still there.
///
/// The problem: a server whose machine vanishes says nothing, and all requests on its one connection wait for as long
/// as TCP hopes, a quarter of an hour. The rule: when no frame has come for `readIdleTimeout` the server is sent a
/// PING, and when nothing has come for `pingTimeout` after that the connection is closed; any frame is a sign of life.
/// Frames are counted and the timer looks whether there were any, so a frame costs an addition; the price is that the
/// PING comes after one to two times the timeout. Off by default, as in Traefik.
/// Source: RFC 9113 section 6.7; Traefik v3, serversTransport.forwardingTimeouts.
final class HTTP2Liveness: TimerOwner {
  private enum State {
    /// Frames come, or it is not long since one did. Can move to `asking`.
    case hearing
    /// A PING is out. Can move to `hearing`.
    case asking
  }

  unowned(unsafe) private let shard: Shard
  /// Owns this.
  unowned private let connection: UpstreamHTTP2
  private let readIdle: UInt64
  private let ping: UInt64
  private var state = State.hearing
  private var heard: UInt64 = 0
  private var seen: UInt64 = 0
  private let timer = TimerNode()

  /// Nil where the transport does not want to know.
  init?(_ connection: UpstreamHTTP2, _ transport: TransportPlan) {
    guard transport.readIdleNanoseconds > 0 else { return nil }
    shard = connection.shard
    self.connection = connection
    readIdle = transport.readIdleNanoseconds
    ping = max(1, transport.pingNanoseconds)
    timer.owner = self
    shard.timers.arm(timer, duration: readIdle, now: shard.now())
  }

  /// A frame has come.
  func hear() { heard &+= 1 }

  /// The connection is closed.
  func stop() { shard.timers.disarm(timer) }

  func timerFired(_ node: TimerNode) {
    if heard != seen {
      seen = heard
      state = .hearing
      return shard.timers.arm(timer, duration: readIdle, now: shard.now())
    }
    switch state {
    case .hearing:
      state = .asking
      shard.timers.arm(timer, duration: ping, now: shard.now())
      connection.ping()
    case .asking: connection.fellSilent()
    }
  }
}
