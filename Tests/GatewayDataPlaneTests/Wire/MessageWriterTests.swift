import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayDataPlane

/// What one turn makes leaves in one write, and is not copied on the way.
@Suite struct MessageWriterTests {
  /// The last handler of a channel, as connections are.
  private final class Writer: ChannelInboundHandler, MessageWriter {
    typealias InboundIn = ByteBuffer

    unowned(unsafe) let shard: Shard
    var context: ChannelHandlerContext?
    var unsent = UnsentBytes()

    init(_ shard: Shard) { self.shard = shard }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
  }

  private static func with(_ body: (Writer, EmbeddedChannel) throws -> Void) throws {
    let fixture = try MiddlewareFixture()
    try withExtendedLifetime(fixture) {
      let writer = Writer(fixture.exchange.shard)
      let channel = EmbeddedChannel(handler: writer)
      try body(writer, channel)
      _ = try channel.finish(acceptAlreadyClosed: true)
    }
  }

  private static func written(_ channel: EmbeddedChannel) throws -> [String] {
    var parts: [String] = []
    while let part = try channel.readOutbound(as: ByteBuffer.self) { parts.append(String(buffer: part)) }
    return parts
  }

  @Test("heads and small parts leave together at a flush, large parts by themselves, all in order")
  func order() throws {
    try Self.with { (writer: Writer, channel: EmbeddedChannel) throws in
      let large = String(repeating: "x", count: 9_000)
      writer.gather { $0.writeStaticString("head ") }
      writer.writeBody(ByteBuffer(string: "small "), as: .plain)
      #expect(try Self.written(channel).isEmpty)
      writer.writeBody(ByteBuffer(string: large), as: .plain)
      writer.writeBody(ByteBuffer(string: "end"), as: .plain)
      writer.flushUnsent()
      #expect(try Self.written(channel) == ["head small ", large, "end"])
      writer.writeBody(ByteBuffer(string: large), as: .plain)
      writer.flushUnsent()
      #expect(try Self.written(channel) == [large])
    }
  }

  @Test("chunks have sizes and ends, a part of nothing is no chunk, and only chunks have a last one")
  func chunks() throws {
    try Self.with { (writer: Writer, channel: EmbeddedChannel) throws in
      let large = String(repeating: "x", count: 9_000)
      writer.writeBody(ByteBuffer(string: "abc"), as: .chunked)
      writer.writeBody(ByteBuffer(), as: .chunked)
      writer.writeBody(ByteBuffer(string: large), as: .chunked)
      writer.writeEnd(nil, of: .chunked)
      writer.flushUnsent()
      #expect(try Self.written(channel).joined() == "3\r\nabc\r\n2328\r\n\(large)\r\n0\r\n\r\n")
      writer.writeBody(ByteBuffer(string: "left out"), as: .none)
      writer.writeEnd(nil, of: .none)
      writer.writeBody(ByteBuffer(string: "plain"), as: .plain)
      writer.writeEnd(nil, of: .plain)
      writer.flushUnsent()
      #expect(try Self.written(channel) == ["plain"])
    }
  }

  @Test("what waits is not copied by what comes behind it")
  func noCopy() throws {
    try Self.with { (writer: Writer, _: EmbeddedChannel) throws in
      func place() -> UnsafeRawPointer? { writer.unsent.gathered?.withUnsafeReadableBytes { $0.baseAddress } }
      writer.gather { $0.writeStaticString("head") }
      let first = try #require(place())
      for _ in 0..<10 { writer.writeBody(ByteBuffer(string: "part"), as: .chunked) }
      #expect(place() == first)
    }
  }
}
