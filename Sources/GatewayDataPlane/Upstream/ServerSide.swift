import NIOCore

/// The side of an exchange that faces a server: an HTTP/1.1 connection or an HTTP/2 stream.
///
/// The counterpart of `ClientSide`, and a class for the same reason. What the exchange may call when: `begin` once, then
/// `sendBody` any number of times, `sendEnd` once; or `cancel` once at any time. It tells the exchange of the response by
/// `serverResponded`, `serverBody`, `serverEnd`, or `serverFailed`, and forgets it before the last two.
class ServerSide {
  /// The shard outlives every connection on it: its loop runs them.
  unowned(unsafe) let shard: Shard
  let pool: UpstreamPool

  init(shard: Shard, pool: UpstreamPool) {
    self.shard = shard
    self.pool = pool
  }

  /// Whether the connection was open before this exchange came.
  var wasOpen: Bool { false }
  /// False while the server reads more slowly than the client sends.
  var isWritable: Bool { false }

  /// Takes the exchange and writes its head; `flush` sends it.
  func begin(_ exchange: Exchange) {}
  func sendBody(_ bytes: ByteBuffer) {}
  func sendEnd(trailers: MessageHead?) {}
  /// Bytes of a tunnel.
  func sendRaw(_ bytes: ByteBuffer) {}
  func flush() {}
  func pauseReading() {}
  func resumeReading() {}
  /// The exchange does not want the rest.
  func cancel() {}
}
