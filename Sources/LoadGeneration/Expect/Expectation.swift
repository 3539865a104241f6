// What a drill or a CI job asserts of a run, in words an operator can read aloud:
//
//     status 503 > 0             answers with this status (or class: 5xx)
//     status 2xx ratio > 0.99    the same as a share of all answers
//     header X-State == open     at least one answer carried the field with this value; != : none did
//     header X-State present     at least one answer carried the field; absent: none did
//     p99 < 50ms                 a percentile of latency (p50, p99.9, …), min, mean or max
//     rate >= 900                answers a second;  requests, responses: how many left and came back
//     errors == 0                requests without a whole answer; errors timeout == 0; errors ratio < 0.01
//
// Everything that is asserted is measured anyway, but for fields: those are looked for only when they are asked about.

/// One assertion about a run.
public struct Expectation: Sendable, Hashable {
  enum Comparison: String, Sendable, CaseIterable {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case equal = "=="
    case notEqual = "!="

    func holds(_ left: Double, _ right: Double) -> Bool {
      switch self {
      case .less: left < right
      case .lessOrEqual: left <= right
      case .greater: left > right
      case .greaterOrEqual: left >= right
      case .equal: left == right
      case .notEqual: left != right
      }
    }
  }

  /// What is compared. Latencies are in nanoseconds.
  enum Subject: Sendable, Hashable {
    case status(ClosedRange<Int>, ratio: Bool)
    case percentile(Double)
    case minimum, mean, maximum
    case rate, requests, responses
    case errors(FailureKind?, ratio: Bool)
    case header(HeaderWatch)

    var isTime: Bool {
      switch self {
      case .percentile, .minimum, .mean, .maximum: true
      default: false
      }
    }
  }

  /// The text as it was written.
  public let text: String
  let subject: Subject
  let comparison: Comparison
  let value: Double

  /// The field this looks for in answers; nil when it looks for none.
  var watch: HeaderWatch? {
    guard case .header(let watch) = subject else { return nil }
    return watch
  }
}

/// A field of answers that is looked for: its name in lower case, and its value, or nil for any.
struct HeaderWatch: Sendable, Hashable {
  var name: [UInt8]
  var value: [UInt8]?

  init(name: String, value: String?) {
    self.name = Array(name.lowercased().utf8)
    self.value = value.map { Array($0.utf8) }
  }
}

/// What became of an expectation.
public struct Verdict: Sendable, Hashable {
  /// The expectation as it was written, whether it held, and what was found instead.
  public var text: String
  public var held: Bool
  public var found: String
}

extension Expectation {
  /// Judges a run.
  func judge(_ result: LoadResult) -> Verdict {
    let found = measured(in: result)
    // A time or a share of nothing says nothing: no answer cannot be quick.
    guard found.isFinite else { return Verdict(text: text, held: false, found: "no answer to measure") }
    return Verdict(text: text, held: comparison.holds(found, value), found: show(found))
  }

  private func measured(in result: LoadResult) -> Double {
    let total = result.total
    switch subject {
    case .status(let range, let ratio):
      let count = Double(total.statuses[range].reduce(0, +))
      return ratio ? count / Double(total.responses) : count
    case .percentile(let percent): return total.responses == 0 ? .nan : Double(total.latency.percentile(percent))
    case .minimum: return total.responses == 0 ? .nan : Double(total.latency.minimum)
    case .mean: return total.responses == 0 ? .nan : total.latency.mean
    case .maximum: return total.responses == 0 ? .nan : Double(total.latency.maximum)
    case .rate: return result.rate
    case .requests: return Double(total.sent)
    case .responses: return Double(total.responses)
    case .errors(let kind, let ratio):
      let count = Double(kind.map(total.failures) ?? total.failed)
      return ratio ? count / Double(total.failed + total.responses) : count
    case .header(let watch):
      return result.watches.firstIndex(of: watch).map { Double(total.watched[$0]) } ?? 0
    }
  }

  private func show(_ found: Double) -> String {
    switch subject {
    case .percentile, .minimum, .mean, .maximum: LatencyText.text(found)
    case .status(_, ratio: true), .errors(_, ratio: true): Decimal.text(found, places: 4)
    case .rate: Decimal.text(found, places: 1)
    case .header: found == 0 ? "in no answer" : "in \(Int(found)) answers"
    default: "\(Int(found))"
    }
  }
}
