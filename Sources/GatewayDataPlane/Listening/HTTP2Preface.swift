import NIOCore

/// The first bytes of an HTTP/2 connection with prior knowledge (RFC 9113 section 3.4).
enum HTTP2Preface {
  static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  /// True when the bytes can only be the preface: no HTTP/1.1 method is called `PRI`.
  static func isAhead(_ bytes: ByteBuffer) -> Bool {
    bytes.readableBytesView.starts(with: "PRI * HTTP/2.0".utf8)
  }
}

extension HTTP1Connection {
  func switchToHTTP2(_ context: ChannelHandlerContext) { context.close(promise: nil) }
}
