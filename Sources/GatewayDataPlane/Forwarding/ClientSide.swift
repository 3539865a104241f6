import NIOCore

/// The side of an exchange that faces the client: an HTTP/1.1 connection or an HTTP/2 stream.
///
/// A class with overridden methods and not a protocol, so that the one indirect call a message part costs goes
/// through a vtable. Everything runs on the shard's loop; nothing here is `Sendable`.
///
/// What the exchange may call when: `sendInformational` any number of times, then `sendHead` once, `sendBody` any
/// number of times, `sendEnd` once; or `abort` once at any time. `flush` makes sure that what was sent leaves.
public class ClientSide {
  /// The shard outlives every connection on it: its loop runs them.
  unowned(unsafe) let shard: Shard
  let connection: ConnectionInfo

  init(shard: Shard, connection: ConnectionInfo) {
    self.shard = shard
    self.connection = connection
  }

  /// False while the client reads more slowly than the server sends.
  var isWritable: Bool { true }
  /// `HTTP/1.1` or `HTTP/2.0`, for logs and metrics.
  var protocolVersion: HTTPVersion { .http11 }

  func sendInformational(_ head: ResponseHead) {}
  func sendHead(_ head: ResponseHead, framing: BodyFraming, request: RequestHead) {}
  func sendBody(_ bytes: ByteBuffer) {}
  func sendEnd(trailers: MessageHead?) {}
  func flush() {}
  /// The response cannot be completed; the client must be able to tell (reset or close). The exchange is over: forget
  /// it before anything that can call back.
  func abort() {}
  /// The exchange wants (more of) the request's body.
  func resumeRequestBody() {}
  func pauseRequestBody() {}
  /// The exchange is over, its response complete: forget it, then send what is buffered.
  func exchangeEnded() {}
  /// From now on bytes pass unparsed in both directions.
  func startTunnel(_ head: ResponseHead) {}
}

/// Which HTTP the client speaks.
@frozen
public enum HTTPVersion: UInt8, Sendable, CaseIterable {
  case http10, http11, http2

  public var text: StaticString {
    switch self {
    case .http10: "HTTP/1.0"
    case .http11: "HTTP/1.1"
    case .http2: "HTTP/2.0"
    }
  }
}
