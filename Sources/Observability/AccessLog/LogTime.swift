import Glibc

/// Times of log lines, written without Foundation and mostly without the C library.
///
/// A shard writes thousands of lines a second, nearly all within the second of the line before: the date is worked out
/// once a second, and the offset of local time once a quarter of an hour, since no zone changes in between.
struct LogTime {
  private struct Date {
    var year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0
  }

  private var quarter = Int64.min
  private var offsetSeconds: Int64 = 0
  /// Overrides the local zone, for tests.
  private let fixedOffset: Int64?

  init(fixedOffsetSeconds: Int64? = nil) { fixedOffset = fixedOffsetSeconds }

  /// RFC 3339 with as many digits as needed, as Go's `RFC3339Nano`; in UTC, or in local time.
  mutating func appendNanos(_ unixNanos: Int64, isLocal: Bool, to line: inout LineBuffer) {
    let (seconds, nanos) = Self.split(unixNanos)
    let offset = isLocal ? offset(at: seconds) : 0
    Self.appendDateTime(Self.date(seconds + offset), to: &line)
    if nanos > 0 {
      line.append(UInt8(ascii: "."))
      var digits = nanos
      var width = 9
      while digits % 10 == 0 {
        digits /= 10
        width -= 1
      }
      LogText.append(digits, width: width, to: &line)
    }
    Self.appendOffset(offset, hasColon: true, to: &line)
  }

  /// RFC 3339 in whole seconds of local time.
  mutating func appendSeconds(_ unixNanos: Int64, to line: inout LineBuffer) {
    let seconds = Self.split(unixNanos).seconds
    let offset = offset(at: seconds)
    Self.appendDateTime(Self.date(seconds + offset), to: &line)
    Self.appendOffset(offset, hasColon: true, to: &line)
  }

  /// `02/Jan/2006:15:04:05 +0000`, in UTC, or in local time.
  mutating func appendCommon(_ unixNanos: Int64, isLocal: Bool, to line: inout LineBuffer) {
    let seconds = Self.split(unixNanos).seconds
    let offset = isLocal ? offset(at: seconds) : 0
    let date = Self.date(seconds + offset)
    LogText.append(UInt64(date.day), width: 2, to: &line)
    line.append(UInt8(ascii: "/"))
    let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    line.append(
      contentsOf: UnsafeRawBufferPointer(start: months.utf8Start + (date.month - 1) * 3, count: 3))
    line.append(UInt8(ascii: "/"))
    LogText.append(UInt64(date.year), width: 4, to: &line)
    line.append(UInt8(ascii: ":"))
    Self.appendClock(date, to: &line)
    line.append(UInt8(ascii: " "))
    Self.appendOffset(offset, hasColon: false, to: &line)
  }

  private static func split(_ unixNanos: Int64) -> (seconds: Int64, nanos: UInt64) {
    // A clock before 1970 is a clock that is not set.
    let nanos = UInt64(max(unixNanos, 0))
    return (Int64(nanos / 1_000_000_000), nanos % 1_000_000_000)
  }

  private mutating func offset(at seconds: Int64) -> Int64 {
    if let fixedOffset { return fixedOffset }
    if seconds / 900 != quarter {
      quarter = seconds / 900
      var time = time_t(seconds)
      var local = tm()
      offsetSeconds = localtime_r(&time, &local) == nil ? 0 : Int64(local.tm_gmtoff)
    }
    return offsetSeconds
  }

  /// Days to a date of the proleptic Gregorian calendar
  /// (http://howardhinnant.github.io/date_algorithms.html, `civil_from_days`).
  private static func date(_ seconds: Int64) -> Date {
    let day = Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
    let rest = Int(seconds) - day * 86_400
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return Date(
      year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1, hour: rest / 3600, minute: rest / 60 % 60,
      second: rest % 60)
  }

  private static func appendDateTime(_ date: Date, to line: inout LineBuffer) {
    LogText.append(UInt64(date.year), width: 4, to: &line)
    line.append(UInt8(ascii: "-"))
    LogText.append(UInt64(date.month), width: 2, to: &line)
    line.append(UInt8(ascii: "-"))
    LogText.append(UInt64(date.day), width: 2, to: &line)
    line.append(UInt8(ascii: "T"))
    appendClock(date, to: &line)
  }

  private static func appendClock(_ date: Date, to line: inout LineBuffer) {
    LogText.append(UInt64(date.hour), width: 2, to: &line)
    line.append(UInt8(ascii: ":"))
    LogText.append(UInt64(date.minute), width: 2, to: &line)
    line.append(UInt8(ascii: ":"))
    LogText.append(UInt64(date.second), width: 2, to: &line)
  }

  private static func appendOffset(_ offset: Int64, hasColon: Bool, to line: inout LineBuffer) {
    if offset == 0 && hasColon { return line.append(UInt8(ascii: "Z")) }
    line.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    let minutes = UInt64(abs(offset)) / 60
    LogText.append(minutes / 60, width: 2, to: &line)
    if hasColon { line.append(UInt8(ascii: ":")) }
    LogText.append(minutes % 60, width: 2, to: &line)
  }
}

/// Times for people and machines, without Foundation.
public enum TimeText {
  /// RFC 3339 in UTC, in whole seconds: `2023-11-14T22:13:20Z`.
  public static func utc(_ unixSeconds: Int64) -> String {
    var time = LogTime(fixedOffsetSeconds: 0)
    var text = LineBuffer(capacity: 64)
    time.appendSeconds(max(0, min(unixSeconds, 9_000_000_000)) * 1_000_000_000, to: &text)
    return text.withBytes { String(decoding: $0, as: UTF8.self) }
  }
}
