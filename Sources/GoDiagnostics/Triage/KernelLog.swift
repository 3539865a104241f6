/// What a kernel log (dmesg, journalctl -k) says about the end of processes.
///
/// Linux logs nothing for Go panics, fatal errors and faults that Go handles: of a pure Go program only
/// kills by the OOM killer show here. A C fault without a handler shows as "segfault at". Three kinds
/// of time stamps occur: seconds since boot, wall time (dmesg -T), and syslog's.
public struct KernelLog: Sendable, Equatable {
  public static let eventsMax = 1000

  /// The end of a process, as the kernel wrote it down.
  public struct Event: Sendable, Equatable {
    /// What ended it.
    public enum What: Sendable, Equatable {
      /// `inControlGroup`: a container's limit, not the machine's memory, was reached.
      case oomKill(residentKilobytes: UInt64?, inControlGroup: Bool)
      case segfault(address: String)
    }

    public var what: What
    /// Cut to 15 bytes by the kernel.
    public var process: String
    /// In the kernel's view: of a container this is the host's number.
    public var pid: Int?
    public var time: Time
    /// The line as written.
    public var line: String
  }

  /// When, in the form of the log.
  public enum Time: Sendable, Equatable {
    /// Seconds since boot ("[  621.423101]").
    case monotonic(Double)
    /// As written; the zone is the log's.
    case wall(String)
    case unknown
  }

  public var events: [Event] = []
  /// Seconds since 1970 at which the machine booted, from the line of the real-time clock's driver: "rtc_cmos 00:00:
  /// setting system clock to 2026-11-21T05:00:00 UTC (1795237200)", which stands early in every log from boot on.
  public private(set) var bootTime: Double?
  /// The largest number of seconds since boot in the log.
  public private(set) var latest: Double?

  public init(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { raw in
      let text = TextView(raw)
      var index = 0
      while index < text.count, events.count < Self.eventsMax {
        let end = text.first(0x0a, from: index) ?? text.count
        if end - index < 4096 {
          let line = text.part(index, end)
          readClock(line)
          read(line)
        }
        index = end + 1
      }
    }
  }

  private mutating func read(_ line: TextView) {
    if let at = line.find("Killed process ") {
      var index = at + 15
      guard let pid = line.decimal(at: &index), line.from(index).hasPrefix(" (") else { return }
      // A name may hold parentheses itself.
      let end = line.find(") total-vm:", from: index) ?? line.find("),", from: index)
      guard let close = end ?? line.find(") ", from: index) else { return }
      let name = line.part(index + 2, close).string
      let what = Event.What.oomKill(
        residentKilobytes: Self.kilobytes(line, after: "anon-rss:"),
        inControlGroup: line.find("Memory cgroup out of memory") != nil)
      events.append(.init(what: what, process: name, pid: pid, time: Self.time(line), line: line.string))
    } else if let at = line.find(": segfault at ") {
      let before = line.part(0, at)
      guard let open = before.last(0x5b) else { return }
      var index = open + 1
      let pid = before.decimal(at: &index)
      var start = open
      while start > 0, before[start - 1] != 0x20 { start -= 1 }
      let address = line.from(at + 14).string.prefix { $0 != " " }
      events.append(
        .init(
          what: .segfault(address: String(address)), process: before.part(start, open).string, pid: pid,
          time: Self.time(line), line: line.string))
    }
  }

  private mutating func readClock(_ line: TextView) {
    guard case .monotonic(let stamp) = Self.time(line) else { return }
    latest = max(latest ?? 0, stamp)
    guard let at = line.find("setting system clock to "), let open = line.find(" UTC (", from: at) else { return }
    var index = open + 6
    guard let epoch = line.decimal(at: &index), epoch > 0, epoch < 1 << 40 else { return }
    bootTime = Double(epoch) - stamp
  }

  private static func kilobytes(_ line: TextView, after word: StaticString) -> UInt64? {
    guard let at = line.find(word) else { return nil }
    var index = at + word.utf8CodeUnitCount
    return line.decimal(at: &index).map { UInt64($0) }
  }

  private static func time(_ line: TextView) -> Time {
    let text = line.trimmed
    if text.count > 2, text[0] == 0x5b, let close = text.first(0x5d) {
      let inside = text.part(1, close).trimmed.string
      // A machine is up for less than 30 years; "nan" and "1e300" are numbers to Double as well.
      return Double(inside).flatMap { (0..<1e9).contains($0) ? .monotonic($0) : nil } ?? .wall(inside)
    }
    guard let kernel = text.find(" kernel:") else { return .unknown }
    let words = text.part(0, kernel).string.split(separator: " ")
    return words.count > 1 ? .wall(words.dropLast().joined(separator: " ")) : .unknown
  }

  /// Events of a process by name (as the kernel cuts it) or number; all when neither is known.
  public func events(of process: String?, pid: Int?) -> [Event] {
    let name = process.map { String(decoding: $0.utf8.prefix(15), as: UTF8.self) }
    guard name != nil || pid != nil else { return events }
    return events.filter { $0.process == name || (pid != nil && $0.pid == pid) }
  }
}
