import NIOCore

/// A request's body that was collected before a server was chosen.
///
/// It is sent at the server's pace: `start` when there is a connection (again for another try, from the beginning),
/// `goOn` whenever the connection takes more.
protocol RequestBodySource: AnyObject {
  /// Bytes of the whole body.
  var count: Int { get }
  func start(_ exchange: Exchange)
  func goOn(_ exchange: Exchange)
}

extension Exchange {
  /// A part of the source's body goes to the server.
  func sendSource(_ bytes: ByteBuffer) {
    mirroring?.keep(bytes)
    server?.sendBody(bytes)
  }

  /// The source has sent everything.
  func requestSourceEnded() {
    requestEndSent = true
    server?.sendEnd(trailers: nil)
  }

  /// A collected body is too large or cannot be had any more.
  func bodyLost(_ rejection: Rejection) {
    guard phase != .ended else { return }
    transforms = []
    if headSent {
      abortClient()
    } else {
      releaseServer()
      reject(rejection)
    }
  }
}
