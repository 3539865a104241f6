import GRPCWire
import Testing

@Suite("Protocol buffers")
struct ProtobufTests {
  /// What a reader told of one field.
  private enum Told: Equatable {
    case number(UInt64, UInt64)
    case bytes(UInt64, [UInt8])
    case fixed(UInt64)
  }

  private func told(_ bytes: [UInt8]) throws(MalformedProtobuf) -> [Told] {
    var told: [Told] = []
    try ProtobufReader.fields(bytes) { (number, value) throws(MalformedProtobuf) in
      switch value {
      case .number(let value): told.append(.number(number, value))
      case .bytes(let value): told.append(.bytes(number, value))
      case .fixed: told.append(.fixed(number))
      }
    }
    return told
  }

  @Test("what is written is read, and is what protoc writes")
  func roundTrip() throws {
    var message = ProtobufWriter()
    message.number(1, 150)
    message.text(2, "testing")
    message.text(3, "")
    message.bytes(4, [])
    message.number(100, .max)
    // 08 96 01 and 12 07 "testing" are the encoding guide's own examples.
    #expect(message.out.prefix(12) == [0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67])
    #expect(
      try told(message.out) == [
        .number(1, 150), .bytes(2, Array("testing".utf8)), .bytes(4, []), .number(100, .max),
      ])
  }

  @Test("fields of fixed width are passed over; groups, cut bytes and endless numbers are refused")
  func shapes() throws {
    #expect(try told([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0D, 1, 2, 3, 4]) == [.fixed(1), .fixed(1)])
    for bytes: [UInt8] in [
      [0x0B], [0x0A, 5, 1], [0x08], [0x0D, 1, 2, 3], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x08] + [UInt8](repeating: 0x80, count: 12),
    ] {
      #expect(throws: MalformedProtobuf.self) { try told(bytes) }
    }
  }

  @Test("ten thousand random messages end without a trap")
  func random() {
    var generator = SeededRandom(seed: TestSeed.fixed)
    for _ in 0..<10_000 {
      let count = Int.random(in: 0...40, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      _ = try? told(bytes)
    }
  }
}
