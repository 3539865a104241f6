import NIOCore

/// The first bytes of an HTTP/2 connection with prior knowledge (RFC 9113 section 3.4).
enum HTTP2Preface {
  static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  /// True when the bytes can only be the preface: no HTTP/1.1 method is called `PRI`.
  static func isAhead(_ bytes: ByteBuffer) -> Bool {
    bytes.readableBytesView.starts(with: "PRI * HTTP/2.0".utf8)
  }
}

extension HTTP1Connection: RemovableChannelHandler {
  /// The client speaks HTTP/2 without TLS: this handler makes way and its bytes go to the new ones.
  func switchToHTTP2(_ context: ChannelHandlerContext) {
    let bytes = takeHeld()
    do {
      try HTTP2Pipeline.install(on: context.channel, shard: shard, connection: connection)
    } catch {
      context.close(promise: nil)
      return
    }
    if let bytes { context.fireChannelRead(NIOAny(bytes)) }
    context.fireChannelReadComplete()
    _ = context.pipeline.syncOperations.removeHandler(context: context)
  }
}
