import Foundation

/// Times of a report, as words.
enum TriageTime {
  /// Seconds since boot become wall time when the boot time is known: kernel logs count from boot,
  /// everything else in an incident has dates.
  static func words(_ time: KernelLog.Time, bootTime: Double?) -> String {
    switch time {
    case .monotonic(let seconds):
      // Up to the year 9999, behind which dates have no ISO form.
      guard let bootTime, (0..<253_402_300_800).contains(bootTime + seconds) else { return "boot+\(seconds) s" }
      return Date(timeIntervalSince1970: bootTime + seconds).formatted(.iso8601)
    case .wall(let words): return words
    case .unknown: return "?"
    }
  }
}
