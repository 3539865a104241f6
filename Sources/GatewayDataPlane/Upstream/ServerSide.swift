import NIOCore

/// The side of an exchange that faces a server: an HTTP/1.1 connection or an HTTP/2 stream.
///
/// The counterpart of `ClientSide`, and a class for the same reason. What the exchange may call when: `begin` once,
/// then `sendBody` any number of times, `sendEnd` once; or `cancel` once at any time. It tells the exchange of the
/// response by `serverResponded`, `serverBody`, `serverEnd`, or `serverFailed`, and forgets it before the last two.
class ServerSide {
  /// The shard outlives every connection on it: its loop runs them.
  unowned(unsafe) let shard: Shard
  let pool: UpstreamPool
  final var context: ChannelHandlerContext?
  private(set) final var isPaused = false
  private final var wantsRead = false

  init(shard: Shard, pool: UpstreamPool) {
    self.shard = shard
    self.pool = pool
  }

  /// Whether the connection was open before this exchange came.
  var wasOpen: Bool { false }
  /// Whether the server can say of a request, after it was sent, that it never looked at it.
  var mayRefuse: Bool { false }
  /// False while the server reads more slowly than the client sends.
  final var isWritable: Bool { context?.channel.isWritable ?? false }

  /// Takes the exchange and writes its head; `flush` sends it.
  func begin(_ exchange: Exchange) {}
  func sendBody(_ bytes: ByteBuffer) {}
  func sendEnd(trailers: MessageHead?) {}
  /// Bytes of a tunnel.
  func sendRaw(_ bytes: ByteBuffer) {}
  func flush() {}
  /// The exchange does not want the rest.
  func cancel() {}

  // MARK: Flow control

  final func pauseReading() { isPaused = true }

  final func resumeReading() {
    isPaused = false
    if wantsRead {
      wantsRead = false
      context?.read()
    }
  }

  /// The channel asks before each read.
  final func read(context: ChannelHandlerContext) {
    if isPaused { wantsRead = true } else { context.read() }
  }
}
