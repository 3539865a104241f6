public import NIOCore

/// Messages of gRPC in the data of an HTTP/2 stream: a byte that says whether the message is compressed, four bytes of
/// length, the message ("Length-Prefixed-Message" of PROTOCOL-HTTP2.md). Parts come in any sizes.
///
/// Compression is never asked for, so a compressed message is a fault of the peer. The length is checked before the
/// message is waited for: a peer cannot make us hold more than `messageBytesMax` and one part.
public struct GRPCFrames {
  /// A message that is compressed or too long: the stream is of no further use.
  public struct Refused: Error, Equatable, CustomStringConvertible {
    public let description: String
  }

  private let messageBytesMax: Int
  private var bytes = ByteBuffer()

  /// - Parameter messageBytesMax: of one message, without its prefix.
  public init(messageBytesMax: Int) {
    self.messageBytesMax = messageBytesMax
  }

  /// Takes a part of the stream.
  public mutating func append(_ part: ByteBuffer) {
    bytes.writeImmutableBuffer(part)
  }

  /// The next whole message, without its prefix; nil when more has to come.
  public mutating func next() throws(Refused) -> [UInt8]? {
    guard let compressed = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self),
      let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self)
    else { return nil }
    guard compressed == 0 else { throw Refused(description: "a message that is compressed") }
    guard length <= messageBytesMax else {
      throw Refused(description: "a message of \(length) bytes, more than \(messageBytesMax)")
    }
    guard bytes.readableBytes >= 5 + Int(length) else { return nil }
    bytes.moveReaderIndex(forwardBy: 5)
    let message = bytes.readBytes(length: Int(length)) ?? []
    bytes.discardReadBytes()
    return message
  }

  /// The message with its prefix, not compressed.
  public static func buffer(_ message: [UInt8]) -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: message.count + 5)
    buffer.writeInteger(UInt8(0))
    buffer.writeInteger(UInt32(message.count))
    buffer.writeBytes(message)
    return buffer
  }
}
