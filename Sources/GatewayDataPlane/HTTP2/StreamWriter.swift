import NIOCore
import NIOHPACK
import NIOHTTP2

/// How both sides of an exchange write a body on an HTTP/2 stream.
///
/// The last part is held until another one, a flush or the end comes, so that the end may go with it: a body of one
/// part is one frame and not two.
protocol StreamWriter: AnyObject {
  var context: ChannelHandlerContext? { get }
  var pending: ByteBuffer? { get set }
}

extension StreamWriter {
  /// - Parameter promise: kept when the frame has left for the connection.
  func writeHead(_ headers: HPACKHeaders, endStream: Bool, promise: EventLoopPromise<Void>? = nil) {
    write(.headers(.init(headers: headers, endStream: endStream)), promise)
  }

  func writeBody(_ part: ByteBuffer) {
    guard part.readableBytes > 0 else { return }
    writePending()
    pending = part
  }

  func writeEnd(_ trailers: MessageHead?, promise: EventLoopPromise<Void>? = nil) {
    if let trailers, trailers.fieldCount > 0 {
      writePending()
      var headers = HPACKHeaders()
      headers.add(endToEnd: trailers)
      writeHead(headers, endStream: true, promise: promise)
    } else {
      write(.data(.init(data: .byteBuffer(pending.take() ?? ByteBuffer()), endStream: true)), promise)
    }
  }

  func flushPending() {
    writePending()
    context?.flush()
  }

  private func writePending() {
    guard let part = pending.take() else { return }
    write(.data(.init(data: .byteBuffer(part), endStream: false)))
  }

  private func write(_ frame: HTTP2Frame.FramePayload, _ promise: EventLoopPromise<Void>? = nil) {
    context?.write(NIOAny(frame), promise: promise)
  }
}

extension HPACKHeaders {
  /// Adds the fields that pass this hop, but for those about framing and host, which the caller says itself.
  mutating func add(endToEnd head: MessageHead) {
    for index in 0..<head.fieldCount {
      let field = head.fieldBase[index]
      if !field.passesHop { continue }
      add(name: head.string(field.name).lowercased(), value: head.string(field.value))
    }
  }
}
