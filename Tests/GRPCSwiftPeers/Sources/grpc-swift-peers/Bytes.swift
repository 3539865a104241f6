import GRPCCore

/// Messages are bytes as they are.
struct Bytes: MessageSerializer, MessageDeserializer {
  func serialize<Target: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Target { Target(message) }
  func deserialize<Source: GRPCContiguousBytes>(_ bytes: Source) throws -> [UInt8] {
    bytes.withUnsafeBytes { Array($0) }
  }
}

/// The methods of the service, which both ends know.
enum Method {
  static let service = ServiceDescriptor(fullyQualifiedService: "check.Service")

  static let unary = MethodDescriptor(service: service, method: "Unary")
  static let count = MethodDescriptor(service: service, method: "Count")
  static let gather = MethodDescriptor(service: service, method: "Gather")
  static let echo = MethodDescriptor(service: service, method: "Echo")
  static let fail = MethodDescriptor(service: service, method: "Fail")
  static let wait = MethodDescriptor(service: service, method: "Wait")
  static let endless = MethodDescriptor(service: service, method: "Endless")
  static let cancelled = MethodDescriptor(service: service, method: "Cancelled")
  static let nobody = MethodDescriptor(service: service, method: "Nobody")
  /// The gateway has no router for it.
  static let nowhere = MethodDescriptor(fullyQualifiedService: "nowhere.Service", method: "Call")
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// FNV-1a, so that both ends can say that they saw the same bytes.
func digest(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
}
