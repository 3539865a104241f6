import NIOCore

/// How a message's body leaves.
enum WrittenBody {
  /// There is none, or the other side expects none (an answer to HEAD): what comes is left out.
  case none
  /// As it comes: its end is told by a length, or by the end of the connection.
  case plain
  case chunked
}

/// What waits to leave an HTTP/1.1 connection.
struct UnsentBytes {
  /// Heads and small parts, one behind the other.
  var gathered: ByteBuffer?
  /// The channel has something that was not flushed.
  var isWritten = false
}

/// How both sides of an exchange write HTTP/1.1: what one turn of the loop makes leaves in one write.
///
/// The problem: a message is a head and some parts, and a system call for each costs more than the rest of the request.
/// The rule: heads and parts up to `copiedBytesMax` go behind each other into one buffer of the shard's, which
/// `flushUnsent` writes; larger parts are passed by reference, since copying them costs more than a second vector
/// entry. Why not pass every part by reference and let the channel join them: each keeps its read buffer, so that the
/// next read allocates one. Cost: one copy of what is small. Bound: a client that takes nothing is not read
/// (`HTTP1Connection.mayBegin`).
protocol MessageWriter: AnyObject {
  var shard: Shard { get }
  var context: ChannelHandlerContext? { get }
  var unsent: UnsentBytes { get set }
}

extension MessageWriter {
  /// Lets `write` put bytes behind those that wait. It must not call out: what waits is not in its place meanwhile.
  @inline(__always)
  func gather(_ write: (inout ByteBuffer) -> Void) {
    // Taken, not read: of a buffer with a second reference the first write makes a copy.
    var buffer = unsent.gathered.take() ?? shard.takeBuffer()
    write(&buffer)
    unsent.gathered = buffer
  }

  func writeBody(_ part: ByteBuffer, as body: WrittenBody) {
    // A chunk of nothing would be the last one.
    guard part.readableBytes > 0 else { return }
    switch body {
    case .none: break
    case .plain: append(part)
    case .chunked:
      gather { $0.writeChunkHeader(part.readableBytes) }
      append(part)
      gather { $0.writeStaticString("\r\n") }
    }
  }

  private func append(_ part: ByteBuffer) {
    if part.readableBytes <= copiedBytesMax { return gather { $0.writeImmutableBuffer(part) } }
    guard let context else { return }
    if let before = unsent.gathered.take() {
      context.write(NIOAny(before), promise: nil)
      shard.giveBuffer(before)
    }
    unsent.isWritten = true
    context.write(NIOAny(part), promise: nil)
  }

  func writeEnd(_ trailers: MessageHead?, of body: WrittenBody) {
    if body == .chunked { gather { $0.writeLastChunk(trailers) } }
  }

  func flushUnsent() {
    guard let context else { return }
    let isWritten = unsent.isWritten
    // Before anything is written: a write that fails or unblocks the client calls back at once.
    unsent.isWritten = false
    if let buffer = unsent.gathered.take() {
      context.writeAndFlush(NIOAny(buffer), promise: nil)
      shard.giveBuffer(buffer)
    } else if isWritten {
      context.flush()
    }
  }
}

/// Parts of up to so many bytes are copied; a read of that size costs less to copy than to keep.
private let copiedBytesMax = 8192
