import NIOCore

/// Writes response heads for HTTP/1.1 clients.
enum ClientHead {
  static func write(
    _ head: ResponseHead, framing: BodyFraming, request: RequestHead?, closes: Bool, shard: Shard,
    to buffer: inout ByteBuffer
  ) {
    let reason = head.reason.isEmpty ? nil : head.bytes(head.reason)
    let bound = HeadWriter.fieldBytes(head) + head.reason.count + 320
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { pointer in
      guard let out = pointer.baseAddress else { return 0 }
      var at = 0
      HeadWriter.write("HTTP/1.1 ", to: out, &at)
      HeadWriter.write(UInt64(head.status), to: out, &at)
      HeadWriter.write(" ", to: out, &at)
      if let reason {
        HeadWriter.write(reason, to: out, &at)
      } else {
        HeadWriter.write(StatusReason.text(head.status), to: out, &at)
      }
      HeadWriter.write("\r\n", to: out, &at)
      HeadWriter.writeFields(head, to: out, &at)
      if head.status >= 200 {
        writeFraming(head, framing, request, to: out, &at)
        if head.index(of: .date) < 0 { shard.date.write(to: out, &at) }
        if closes {
          HeadWriter.write("Connection: close\r\n", to: out, &at)
        } else if request?.minorVersion == 0 {
          HeadWriter.write("Connection: keep-alive\r\n", to: out, &at)
        }
      } else if head.status == 101, let upgrade = head.value(of: .upgrade) {
        HeadWriter.write("Connection: Upgrade\r\nUpgrade: ", to: out, &at)
        HeadWriter.write(head.bytes(upgrade), to: out, &at)
        HeadWriter.write("\r\n", to: out, &at)
      }
      HeadWriter.write("\r\n", to: out, &at)
      return at
    }
  }

  private static func writeFraming(
    _ head: ResponseHead, _ framing: BodyFraming, _ request: RequestHead?, to out: UnsafeMutableRawPointer,
    _ at: inout Int
  ) {
    if framing != .none {
      HeadWriter.writeFraming(framing, to: out, &at)
      if framing == .chunked, let trailer = head.value(of: .trailer) {
        HeadWriter.write("Trailer: ", to: out, &at)
        HeadWriter.write(head.bytes(trailer), to: out, &at)
        HeadWriter.write("\r\n", to: out, &at)
      }
      return
    }
    // No body: HEAD and 304 repeat the length a GET would have had; others say zero, but for 204, which may not.
    if let length = head.value(of: .contentLength), request?.method == .head || head.status == 304 {
      HeadWriter.write("Content-Length: ", to: out, &at)
      HeadWriter.write(head.bytes(length), to: out, &at)
      HeadWriter.write("\r\n", to: out, &at)
    } else if head.status != 204 && head.status != 304 && request?.method != .head {
      HeadWriter.write("Content-Length: 0\r\n", to: out, &at)
    }
  }
}

/// The `Date` field, formatted once a second (RFC 9110 section 6.6.1 wants one in every response).
struct DateField {
  private var second: UInt64 = .max
  private var text: [UInt8] = []
  /// The value alone.
  private(set) var value = ""

  /// `now` is the loop's clock, `wall` gives seconds since 1970 when a new second has begun.
  mutating func update(now: UInt64, wall: () -> Int64) {
    let current = now / 1_000_000_000
    guard current != second else { return }
    second = current
    value = DateField.format(wall())
    text = Array("Date: \(value)\r\n".utf8)
  }

  func write(to out: UnsafeMutableRawPointer, _ at: inout Int) {
    text.withUnsafeBytes { HeadWriter.write($0, to: out, &at) }
  }

  /// IMF-fixdate of seconds since 1970.
  static func format(_ seconds: Int64) -> String {
    let days = seconds >= 0 ? seconds / 86_400 : 0
    let rest = seconds >= 0 ? seconds % 86_400 : 0
    // Howard Hinnant's civil-from-days, for days since 1970-01-01.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(dayNames[Int(days % 7)]), \(two(day)) \(monthNames[Int(month - 1)]) \(year) "
      + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) GMT"
  }
}
