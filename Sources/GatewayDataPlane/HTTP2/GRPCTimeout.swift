/// `grpc-timeout`: how long the client of a gRPC call still waits.
///
/// The problem: a call goes through several servers, and each must know when nobody waits for it any more, or it works
/// for nothing. The rule: the client says how long it waits, every hop counts from when it heard so and tells the next
/// one what is left. The text is up to eight digits and one letter for the unit; anything else is no deadline that two
/// readers would understand alike, so the call is refused. Zero is no number by the grammar, but grpc-go sends it for a
/// deadline that has passed, and that is what it means here.
/// Source: gRPC, doc/PROTOCOL-HTTP2.md, "Timeout".
enum GRPCTimeout {
  /// Longer times are this long, in nanoseconds: 146 years, so that sums of times cannot run over.
  static let longest: UInt64 = 1 << 62

  /// Nanoseconds; nil where the text is not one.
  static func parse(_ text: UnsafeRawBufferPointer) -> UInt64? {
    guard text.count >= 2, text.count <= 9 else { return nil }
    var number: UInt64 = 0
    for byte in text.dropLast() {
      guard byte &- 0x30 < 10 else { return nil }
      number = number * 10 + UInt64(byte &- 0x30)
    }
    let unit: UInt64
    switch text[text.count - 1] {
    case UInt8(ascii: "H"): unit = 3_600_000_000_000
    case UInt8(ascii: "M"): unit = 60_000_000_000
    case UInt8(ascii: "S"): unit = 1_000_000_000
    case UInt8(ascii: "m"): unit = 1_000_000
    case UInt8(ascii: "u"): unit = 1_000
    case UInt8(ascii: "n"): unit = 1
    default: return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? longest : min(product, longest)
  }

  /// Writes what is left into the head that goes to a server, in place of what it says: in the finest unit that eight
  /// digits can hold, rounded down, and never zero.
  static func write(_ nanoseconds: UInt64, in head: MessageHead) {
    head.removeAll(.grpcTimeout)
    var number = max(1, nanoseconds)
    var unit = 0
    while number > 99_999_999, unit < 5 {
      // Three steps by a thousand from nanoseconds to seconds, two by sixty to hours.
      number /= unit < 3 ? 1000 : 60
      unit += 1
    }
    let name = head.append("grpc-timeout")
    let mark = head.byteCount
    head.append(decimal: number)
    let letters: StaticString = "numSMH"
    head.append(byte: letters.utf8Start[unit])
    head.appendField(.init(name: name, value: head.range(since: mark), id: .grpcTimeout))
  }
}

extension Exchange {
  /// Takes the deadline that a gRPC client told in the field at `index`.
  ///
  /// - Returns: false where the call ends here: its deadline is none, is told twice, or has passed.
  func takesCallDeadline(_ index: Int) -> Bool {
    guard isCall else { return true }
    let isAlone = request.index(of: .grpcTimeout, from: index + 1) < 0
    guard isAlone, let nanoseconds = GRPCTimeout.parse(request.bytes(request.fieldBase[index].value)) else {
      reject(.callTimeoutMalformed)
      return false
    }
    guard nanoseconds > 0 else {
      attempts.isClients = true
      deadlinePassed()
      return false
    }
    setDeadline(in: nanoseconds, by: nil)
    return true
  }
}

extension Rejection {
  static let callTimeoutMalformed = Rejection(
    status: 400, code: "grpc-timeout-malformed",
    detail: "grpc-timeout must be there once, as at most eight digits and one of the units H, M, S, m, u, n.")
}
