/// The messages of `grpc.health.v1.Health/Check`, as far as a probe needs them.
///
/// A request for the whole server is the empty message; a response has one field, an enumeration. That is less than a
/// protobuf library costs. Unknown fields are skipped, as protobuf demands.
///
/// Source: grpc/health/v1/health.proto; protobuf's encoding guide; gRPC over HTTP/2 ("Length-Prefixed-Message").
enum GRPCHealth {
  static let path = "/grpc.health.v1.Health/Check"
  /// Not compressed, no bytes.
  static let request: [UInt8] = [0, 0, 0, 0, 0]
  static let serving: UInt64 = 1

  /// The status out of a response's bytes with their prefix; nil when they are not one whole message.
  static func status(in bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= 5, bytes[0] == 0 else { return nil }
    let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
    guard length == bytes.count - 5 else { return nil }
    var rest = bytes[5...]
    var status: UInt64 = 0
    while !rest.isEmpty {
      guard let key = varint(&rest), key >> 3 > 0 else { return nil }
      switch key & 7 {
      case 0:
        guard let value = varint(&rest) else { return nil }
        if key >> 3 == 1 { status = value }
      case 1:
        guard rest.count >= 8 else { return nil }
        rest = rest.dropFirst(8)
      case 2:
        guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
        rest = rest.dropFirst(Int(count))
      case 5:
        guard rest.count >= 4 else { return nil }
        rest = rest.dropFirst(4)
      default: return nil
      }
    }
    return status
  }

  private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
