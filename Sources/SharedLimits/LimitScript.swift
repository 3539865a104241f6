import Crypto
import ResiliencePolicies

/// The Lua scripts that decide inside Redis: one a machine, each one round trip and atomic.
///
/// Time is Redis' own (`TIME`), so gateways need not agree on theirs; what a gateway believes the time is goes along
/// and is only compared (see `ClockSkew`).
enum LimitScript: Int, CaseIterable {
  case bucket, slidingWindow, fixedWindow

  init(_ algorithm: LimitAlgorithm) {
    switch algorithm {
    case .tokenBucket, .leakyBucket: self = .bucket
    case .slidingWindow: self = .slidingWindow
    case .fixedWindow: self = .fixedWindow
    }
  }

  /// The script's text.
  var source: [UInt8] {
    switch self {
    case .bucket: PackageResources.bucket_lua
    case .slidingWindow: PackageResources.sliding_window_lua
    case .fixedWindow: PackageResources.fixed_window_lua
    }
  }

  /// The name under which Redis keeps it: SHA-1 of the text, in hexadecimal digits.
  var digest: [UInt8] { Self.digests[rawValue] }

  private static let digests: [[UInt8]] = allCases.map { script in
    let digits = Array("0123456789abcdef".utf8)
    return Insecure.SHA1.hash(data: script.source).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// What a script takes besides its key, as decimal texts.
  ///
  /// - Parameters:
  ///   - now: the gateway's wall clock, in microseconds since 1970.
  ///   - lateMicroseconds: how long the command may take to reach Redis.
  static func arguments(_ quota: LimitQuota, now: Int64, lateMicroseconds: Int64) -> [String] {
    let tolerance = ClockSkew.toleranceMicroseconds
    let common = [
      "\(now)", "\(tolerance)", "\(tolerance + lateMicroseconds)", "\(quota.average)",
      "\(Double(quota.periodNanoseconds) / 1000)",
    ]
    switch quota.algorithm {
    case .tokenBucket:
      return common + ["\(quota.burst)", "\(quota.smoothingRequests)", "0"]
    case .leakyBucket: return common + ["1", "\(quota.burst)", "1"]
    case .slidingWindow, .fixedWindow: return common
    }
  }

  /// What a script answered.
  enum Answer: Equatable {
    /// A decision, and Redis' time in microseconds.
    case decision(LimitDecision, serverTime: Int64)
    /// Nothing was decided: the clocks are too far apart, or the command came too late.
    case apart(serverTime: Int64)
  }

  /// Nil when the reply is none of a script's.
  static func answer(_ reply: RedisReply, _ quota: LimitQuota) -> Answer? {
    guard case .array(let parts) = reply, parts.count == 5 else { return nil }
    var numbers: [Int64] = []
    for part in parts {
      guard case .integer(let number) = part else { return nil }
      numbers.append(number)
    }
    let verdict: LimitDecision.Verdict
    switch numbers[0] {
    case 0: verdict = .pass
    case 1: verdict = .wait
    case 2: verdict = .refuse
    case 3: return .apart(serverTime: numbers[4])
    default: return nil
    }
    // A store can say anything: no time of it is longer than a year.
    func nanoseconds(_ microseconds: Int64) -> UInt64 { UInt64(max(0, min(microseconds, 31_536_000_000_000))) * 1000 }
    return .decision(
      LimitDecision(
        verdict, waitNanoseconds: nanoseconds(numbers[1]), remaining: UInt64(clamping: numbers[2]),
        resetNanoseconds: nanoseconds(numbers[3]), average: quota.average, windowSeconds: quota.windowSeconds),
      serverTime: numbers[4])
  }
}
