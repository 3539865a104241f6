/// How a call ended: with the peer's status, or with the stream.
public enum GRPCEnd: Equatable, Sendable {
  /// The peer's `grpc-status` and, decoded, its `grpc-message`.
  case status(Int, message: String)
  /// The stream broke, or what came was not gRPC.
  case broken(String)
  /// The stream was closed without a status.
  case closed

  public static let ok = GRPCEnd.status(GRPCStatus.ok, message: "")
}

/// The statuses that we send or act upon. Source: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md.
public enum GRPCStatus {
  public static let ok = 0
  public static let invalidArgument = 3
  public static let permissionDenied = 7
  public static let resourceExhausted = 8
  public static let unimplemented = 12
  public static let `internal` = 13
  public static let unavailable = 14
}

extension GRPCEnd: CustomStringConvertible {
  public var description: String {
    switch self {
    case .status(let code, let message): message.isEmpty ? "gRPC status \(code)" : "gRPC status \(code) \(message)"
    case .broken(let reason): reason
    case .closed: "the stream was closed"
    }
  }
}

/// `grpc-message` is percent-encoded: bytes outside of 0x20…0x7E, and `%`.
public enum GRPCMessage {
  public static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in text.utf8 {
      if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// What is no encoding stays as it is, as the protocol asks; control characters become `?`, since this is logged.
  public static func decode(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count, let high = nibble(bytes[at + 1]),
        let low = nibble(bytes[at + 2])
      {
        out.append(high << 4 | low)
        at += 3
      } else {
        out.append(bytes[at])
        at += 1
      }
    }
    return String(decoding: out.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
