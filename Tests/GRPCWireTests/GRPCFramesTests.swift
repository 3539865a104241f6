import GRPCWire
import NIOCore
import Testing

@Suite("gRPC's frames")
struct GRPCFramesTests {
  @Test("messages come out whole at every split")
  func dripFeed() throws {
    let messages: [[UInt8]] = [[], [1], Array(repeating: 7, count: 300), [2, 3]]
    let bytes = messages.flatMap { Array(GRPCFrames.buffer($0).readableBytesView) }
    for size in [1, 2, 3, 4, 5, 6, 7, 64, bytes.count] {
      var frames = GRPCFrames(messageBytesMax: 300)
      var got: [[UInt8]] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        frames.append(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
        while let message = try frames.next() { got.append(message) }
      }
      #expect(got == messages, "in parts of \(size)")
    }
  }

  @Test("a message that is compressed, or announced as too long, is refused before its bytes come")
  func refusals() {
    for bytes: [UInt8] in [[1, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0xFF, 0xFF, 0xFF, 0xFF]] {
      var frames = GRPCFrames(messageBytesMax: 256)
      frames.append(ByteBuffer(bytes: bytes))
      #expect(throws: GRPCFrames.Refused.self) { _ = try frames.next() }
    }
  }

  @Test("grpc-message is percent-encoded and decoded, and never brings a control character into a log")
  func messages() {
    for text in ["", "not today: 100 % sure", "größer", "a\tb"] {
      let encoded = GRPCMessage.encode(text)
      #expect(encoded.utf8.allSatisfy { (0x20...0x7E).contains($0) })
      #expect(GRPCMessage.decode(encoded) == text.replacing("\t", with: "?"))
    }
    #expect(GRPCMessage.decode("%0Aerror%zz%4") == "?error%zz%4")
  }
}
